/*
 * This file maps the bus, lets processes join and leave, and wakes them; it reads
 * and writes no records.
 *
 * Nobody sleeps on a record: who writes stores it, has a fence, and sets
 * `notified'; who wants to sleep clears `notified', has a fence, and looks for
 * records. The fences are seq_cst, so they have an order: either the reader's look
 * comes behind the writer's fence, and sees the record; or the writer sees that
 * `notified' is 0, or was set again by somebody else since, and the eventfd is
 * written behind that. Who is killed between the two leaves a `notified' without a
 * write; so the master wakes everybody when it buries a process.
 */
#include "config.h"

#include "proc/bus.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proc/bus_private.h"
#include "proc/register.h"

static size_t
round_up(size_t n, size_t unit)
{
	return (n + unit - 1) / unit * unit;
}

/* The head, the blocks, the rings, one behind the other. */
static int
map(struct sh_bus *bus)
{
	size_t head = round_up(sizeof(struct sh_bus_shared) +
		(bus->count / 64 + 1) * sizeof(uint64_t),
	    SH_BUS_LINE);
	size_t before = round_up(
	    head + bus->count * bus->block_size, (size_t)sysconf(_SC_PAGESIZE));
	size_t rings;
	char *at;

	if (__builtin_mul_overflow(bus->count, bus->ring_size, &rings) ||
	    __builtin_add_overflow(before, rings, &bus->map_size))
		return -ENOMEM;
	/* most indices are never used */
	at = mmap(NULL, bus->map_size, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (at == MAP_FAILED)
		return -errno;
	/* others' messages are of no use in a core file */
	madvise(at + before, rings, MADV_DONTDUMP);
	bus->shared = (struct sh_bus_shared *)(void *)at;
	bus->blocks = at + head;
	bus->rings = at + before;
	return 0;
}

static int
make_fds(struct sh_bus *bus)
{
	uint32_t i;

	for (i = 0; i < bus->count; i++) {
		bus->fds[i] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (bus->fds[i] < 0)
			return -errno;
		sh_register_add(bus->fds[i]);
	}
	return 0;
}

int
sh_bus_open(
    uint32_t count, uint32_t slot_count, size_t ring_size, struct sh_bus **out)
{
	struct sh_bus *bus = sh_xcalloc(1, sizeof(*bus));
	uint32_t i;
	int r;

	sh_assert(count > 0 && ring_size >= SH_BUS_RING_MIN &&
	    ring_size <= SH_BUS_RING_MAX && (ring_size & (ring_size - 1)) == 0);
	bus->count = count;
	bus->slot_count = slot_count;
	bus->patience_ms = SH_BUS_PATIENCE_MS;
	bus->ring_size = ring_size;
	bus->block_size =
	    round_up(sizeof(struct sh_bus_block) + count * sizeof(uint64_t),
		SH_BUS_LINE);
	bus->fds = sh_xcalloc(count, sizeof(*bus->fds));
	for (i = 0; i < count; i++)
		bus->fds[i] = -1;
	r = map(bus);
	if (r == 0)
		r = make_fds(bus);
	if (r < 0)
		sh_bus_close(&bus);
	else
		*out = bus;
	return r;
}

void
sh_bus_close(struct sh_bus **bus)
{
	struct sh_bus *b;
	uint32_t i;

	if (bus == NULL || *bus == NULL)
		return;
	b = *bus;
	for (i = 0; i < b->count; i++)
		sh_register_close(&b->fds[i]);
	if (b->shared != NULL)
		munmap(b->shared, b->map_size);
	free(b->fds);
	free(b);
	*bus = NULL;
}

const int *
sh_bus_fds(const struct sh_bus *bus, uint32_t *count_out)
{
	*count_out = bus->count;
	return bus->fds;
}

uint32_t
sh_bus_next_present(const struct sh_bus *bus, uint32_t from, uint32_t but)
{
	while (from < bus->count) {
		uint64_t word =
		    atomic_load(&bus->shared->present[from / 64]) >> from % 64;

		if (word == 0) {
			from = (from / 64 + 1) * 64;
			continue;
		}
		from += (uint32_t)__builtin_ctzll(word);
		if (from != but)
			return from;
		from++;
	}
	return bus->count;
}

void
sh_bus_wake(const struct sh_bus *bus, uint32_t process)
{
	struct sh_bus_block *block = sh_bus_block(bus, process);
	uint64_t one = 1;

	/* the load saves the bus lock while many are written in a row */
	if (atomic_load_explicit(&block->notified, memory_order_relaxed) != 0 ||
	    atomic_exchange(&block->notified, 1) != 0)
		return;
	/* it would be full after 2^64 - 1 writes */
	if (write(bus->fds[process], &one, sizeof(one)) < 0)
		sh_assert(errno == EAGAIN);
}

void
sh_bus_wake_all(const struct sh_bus *bus, uint32_t but)
{
	uint32_t i = sh_bus_next_present(bus, 0, but);

	for (; i < bus->count; i = sh_bus_next_present(bus, i + 1, but)) {
		atomic_store(&sh_bus_block(bus, i)->waits, 0);
		sh_bus_wake(bus, i);
	}
}

void
sh_bus_wake_waiting(const struct sh_bus *bus, uint32_t process)
{
	struct sh_bus_block *block = sh_bus_block(bus, process);

	if (atomic_load_explicit(&block->waits, memory_order_relaxed) != 0 &&
	    atomic_exchange(&block->waits, 0) != 0)
		sh_bus_wake(bus, process);
}

/* Nobody waits for it, writes for it, or is paused by it. What it has written is of an
 * era before that of anybody who sees that it is gone. */
static void
withdraw(struct sh_bus *bus, uint32_t process)
{
	atomic_fetch_add(&bus->shared->era, 1);
	atomic_fetch_and(&bus->shared->present[process / 64],
	    ~(UINT64_C(1) << process % 64));
	atomic_store(&sh_bus_block(bus, process)->incarnation, 0);
	atomic_thread_fence(memory_order_seq_cst);
}

void
sh_bus_bury(struct sh_bus *bus, uint32_t process)
{
	uint32_t i;
	uint64_t one = 1;

	sh_assert(process < bus->count);
	withdraw(bus, process);
	/* not sh_bus_wake(): it may have died between the two halves of that */
	i = sh_bus_next_present(bus, 0, process);
	for (; i < bus->count; i = sh_bus_next_present(bus, i + 1, process)) {
		atomic_store(&sh_bus_block(bus, i)->waits, 0);
		atomic_store(&sh_bus_block(bus, i)->notified, 1);
		if (write(bus->fds[i], &one, sizeof(one)) < 0)
			sh_assert(errno == EAGAIN);
	}
}

void
sh_bus_set_generation(struct sh_bus *bus, uint64_t generation)
{
	atomic_store(&bus->shared->generation, generation);
	atomic_thread_fence(memory_order_seq_cst);
	sh_bus_wake_all(bus, bus->count);
}

uint64_t
sh_bus_generation(const struct sh_bus *bus)
{
	return atomic_load(&bus->shared->generation);
}

static void
note_used(struct sh_bus *bus, uint32_t process)
{
	uint32_t used = atomic_load(&bus->shared->used);

	while (used <= process &&
	    !atomic_compare_exchange_weak(
		&bus->shared->used, &used, process + 1))
		continue;
}

/* From now on is behind everything that has been written. */
static void
skip_all(struct sh_bus_self *self)
{
	uint32_t i;

	for (i = 0; i < self->bus->count; i++) {
		uint64_t head = atomic_load(&sh_bus_block(self->bus, i)->head);

		atomic_store(&self->block->cursors[i], head);
		self->told[i] = head;
	}
}

/* Nobody looks at a block that is not present; the dead one's is in it. */
static void
introduce(struct sh_bus_self *self, const struct sh_bus_options *options)
{
	struct sh_bus_block *block = self->block;
	struct sh_bus *bus = self->bus;
	uint32_t i;

	for (i = 0; i < SH_BUS_WORDS; i++) {
		atomic_store_explicit(
		    &block->wanted[i], 0, memory_order_relaxed);
		atomic_store_explicit(
		    &block->paused[i], 0, memory_order_relaxed);
	}
	atomic_store(&block->generation, options->generation);
	atomic_store(&block->slot, options->slot);
	atomic_store(&block->wants_all, 0);
	atomic_store(&block->ready, 0);
	atomic_store(&block->late, 0);
	atomic_store(&block->waits, 0);
	atomic_store(&block->notified, 0);
	atomic_store(&block->incarnation, options->incarnation);
	note_used(bus, self->process);
	skip_all(self);
	atomic_fetch_or(&bus->shared->present[self->process / 64],
	    UINT64_C(1) << self->process % 64);
	atomic_thread_fence(memory_order_seq_cst);
	/* a writer that has not seen it until now may have gone on: no writer
	 * may believe that nobody is as far behind as this one is */
	skip_all(self);
	sh_bus_wake_all(bus, self->process);
}

int
sh_bus_join(const struct sh_bus_options *options, struct sh_bus_self **out)
{
	struct sh_bus *bus = options->bus;
	struct sh_bus_self *self = sh_try_calloc(1, sizeof(*self));

	sh_assert(options->process < bus->count && options->incarnation != 0);
	if (self == NULL)
		return -SHOAL_ENOMEM;
	self->bus = bus;
	self->process = options->process;
	self->block = sh_bus_block(bus, options->process);
	self->told = sh_try_calloc(bus->count, sizeof(*self->told));
	self->owed = sh_try_calloc(bus->count / 64 + 1, sizeof(*self->owed));
	self->want_counts =
	    sh_try_calloc(SH_BUS_PLACES, sizeof(*self->want_counts));
	self->wanted_since =
	    sh_try_calloc(SH_BUS_PLACES, sizeof(*self->wanted_since));
	self->pause_counts =
	    sh_try_calloc(SH_BUS_PLACES, sizeof(*self->pause_counts));
	if (self->told == NULL || self->owed == NULL ||
	    self->want_counts == NULL || self->wanted_since == NULL ||
	    self->pause_counts == NULL) {
		self->process = UINT32_MAX;
		sh_bus_leave(&self);
		return -SHOAL_ENOMEM;
	}
	/* the first write looks at all */
	self->slowest = atomic_load(&self->block->head) - bus->ring_size;
	introduce(self, options);
	*out = self;
	return 0;
}

void
sh_bus_leave(struct sh_bus_self **self)
{
	struct sh_bus_self *s;

	if (self == NULL || *self == NULL)
		return;
	s = *self;
	if (s->process != UINT32_MAX) {
		withdraw(s->bus, s->process);
		sh_bus_wake_all(s->bus, s->process);
	}
	free(s->told);
	free(s->owed);
	free(s->want_counts);
	free(s->wanted_since);
	free(s->pause_counts);
	free(s->buf);
	free(s);
	*self = NULL;
}

void
sh_bus_set_ready(struct sh_bus_self *self)
{
	atomic_store(&self->block->ready, 1);
	atomic_thread_fence(memory_order_seq_cst);
	sh_bus_wake_all(self->bus, self->process);
}

int
sh_bus_fd(const struct sh_bus_self *self)
{
	return self->bus->fds[self->process];
}

void
sh_bus_awake(struct sh_bus_self *self)
{
	atomic_store_explicit(&self->block->notified, 0, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

void
sh_bus_yield(struct sh_bus_self *self)
{
	uint64_t one = 1;

	atomic_store_explicit(&self->block->notified, 1, memory_order_relaxed);
	if (write(sh_bus_fd(self), &one, sizeof(one)) < 0)
		sh_assert(errno == EAGAIN);
}

const struct sh_bus_stats *
sh_bus_stats(const struct sh_bus_self *self)
{
	return &self->stats;
}
