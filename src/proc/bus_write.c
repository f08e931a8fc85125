/*
 * This file writes records into the ring of this process, and waits for nobody:
 * it refuses while a reader is a whole ring behind, and laps it after a while.
 *
 * A reader is behind by the distance from its cursor to `reserved'. One that is
 * more than a ring behind has been lapped; it is not waited for any more, since
 * nothing is left for it that could be saved. Its cursor is near again when it has
 * found out.
 */
#include "config.h"

#include "proc/bus.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/panic.h"
#include "proc/bus_private.h"

enum {
	RETRY_MS = 10, /* the last of the room may be told a little late */
	/* of a ring, between two looks at all cursors */
	SCANS = 16,
	/* records that others are not woken for, so that they need not wait for
	 * the end of a long turn */
	OWED_MAX = 32
};

bool
sh_bus_is_wanted(const struct sh_bus_self *self, const struct sh_record *record)
{
	const struct sh_bus *bus = self->bus;
	uint32_t i;

	if (record->to != SH_BUS_ALL)
		return record->to < bus->count && record->to != self->process &&
		    sh_bus_is_present(bus, record->to) &&
		    (record->to_incarnation == 0 ||
			atomic_load(
			    &sh_bus_block(bus, record->to)->incarnation) ==
			    record->to_incarnation);
	i = sh_bus_next_present(bus, 0, self->process);
	for (; i < bus->count;
	     i = sh_bus_next_present(bus, i + 1, self->process))
		if (sh_bus_block_wants(sh_bus_block(bus, i), record->hash))
			return true;
	return false;
}

/*
 * Find out how far behind the slowest reader is, and wake those that sleep over
 * half a ring: what is in it is not for them, but they have to say that they have
 * seen it. Those that `give_up' are written off and marked.
 */
static void
scan(struct sh_bus_self *self, uint64_t end, bool give_up)
{
	const struct sh_bus *bus = self->bus;
	uint64_t head =
	    atomic_load_explicit(&self->block->head, memory_order_relaxed);
	uint64_t reserved =
	    atomic_load_explicit(&self->block->reserved, memory_order_relaxed);
	uint32_t i = sh_bus_next_present(bus, 0, self->process);

	/* not end: who joins now begins at the head */
	self->slowest = head;
	for (; i < bus->count;
	     i = sh_bus_next_present(bus, i + 1, self->process)) {
		struct sh_bus_block *block = sh_bus_block(bus, i);
		/* acquire: what it has copied is not overwritten before */
		uint64_t cursor = atomic_load_explicit(
		    &block->cursors[self->process], memory_order_acquire);

		if (end - cursor > bus->ring_size / 2)
			sh_bus_wake(bus, i);
		if (reserved - cursor > bus->ring_size)
			continue;
		if (end - cursor > bus->ring_size) {
			if (give_up) {
				atomic_store(&block->late, 1);
				self->stats.laps++;
				continue;
			}
			if (atomic_load(&block->late) != 0)
				continue;
		}
		if (head - cursor > head - self->slowest)
			self->slowest = cursor;
	}
	self->scan_at = end + bus->ring_size / SCANS;
}

static bool
has_room(const struct sh_bus_self *self, uint64_t end)
{
	return end - self->slowest <= self->bus->ring_size;
}

/* For a record that ends there. */
static int
make_room(struct sh_bus_self *self, uint64_t end)
{
	int64_t now_ms;

	/* cursors go forward, so what was found is still true */
	if (end - self->slowest <= self->bus->ring_size / 2 ||
	    (has_room(self, end) && end < self->scan_at))
		goto room;
	scan(self, end, false);
	if (has_room(self, end))
		goto room;
	/* readers look at `waits' behind their cursor; look once more behind
	 * `waits' */
	atomic_store_explicit(&self->block->waits, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	now_ms = sh_clock_ms();
	if (self->refused_ms == 0)
		self->refused_ms = now_ms;
	scan(self, end, now_ms - self->refused_ms >= self->bus->patience_ms);
	if (has_room(self, end))
		goto room;
	self->stats.refused++;
	return -SHOAL_EAGAIN;
room:
	self->refused_ms = 0;
	return 0;
}

static void
copy_in(struct sh_bus_self *self, uint64_t at, const void *data, size_t len)
{
	size_t size = self->bus->ring_size, offset = (size_t)at & (size - 1);
	char *ring = sh_bus_ring(self->bus, self->process);
	size_t first = len < size - offset ? len : size - offset;

	if (len == 0)
		return;
	memcpy(ring + offset, data, first);
	if (SH_UNLIKELY(first < len))
		memcpy(ring, (const char *)data + first, len - first);
}

/*
 * `reserved' is stored before any byte is overwritten, with a fence between, and
 * read by readers behind what they have copied, with a fence between: who has
 * copied a byte that was overwritten sees it. It never goes back: who had this index
 * before may have died while it was overwriting bytes above head.
 */
static void
put(struct sh_bus_self *self, const struct sh_bus_frame *frame,
    const struct iovec *parts, int count, uint64_t end)
{
	struct sh_bus_block *block = self->block;
	uint64_t at = atomic_load_explicit(&block->head, memory_order_relaxed);
	int i;

	if (end > atomic_load_explicit(&block->reserved, memory_order_relaxed))
		atomic_store_explicit(
		    &block->reserved, end, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	copy_in(self, at, frame, sizeof(*frame));
	at += sizeof(*frame);
	for (i = 0; i < count; i++) {
		copy_in(self, at, parts[i].iov_base, parts[i].iov_len);
		at += parts[i].iov_len;
	}
	atomic_store_explicit(&block->head, end, memory_order_release);
	atomic_thread_fence(memory_order_seq_cst);
}

static void
owe(struct sh_bus_self *self, uint32_t process)
{
	self->owed[process / 64] |= UINT64_C(1) << process % 64;
}

static void
owe_readers(struct sh_bus_self *self, const struct sh_record *record)
{
	const struct sh_bus *bus = self->bus;
	uint32_t i;

	if (record->to != SH_BUS_ALL) {
		owe(self, record->to);
		return;
	}
	i = sh_bus_next_present(bus, 0, self->process);
	for (; i < bus->count;
	     i = sh_bus_next_present(bus, i + 1, self->process))
		if (sh_bus_block_wants(sh_bus_block(bus, i), record->hash))
			owe(self, i);
}

static void
wake_readers(struct sh_bus_self *self, const struct sh_record *record)
{
	owe_readers(self, record);
	self->owed_records++;
	if (self->owe == NULL || self->owed_records == OWED_MAX)
		sh_bus_flush(self);
	else if (self->owed_records == 1)
		self->owe(self->owe_arg);
}

void
sh_bus_defer(struct sh_bus_self *self, void (*owe_fn)(void *arg), void *arg)
{
	self->owe = owe_fn;
	self->owe_arg = arg;
}

/* The fence that belongs to what was stored is in put(). */
void
sh_bus_flush(struct sh_bus_self *self)
{
	uint32_t word, bit;

	for (word = 0; word <= self->bus->count / 64; word++)
		while (self->owed[word] != 0) {
			bit = (uint32_t)__builtin_ctzll(self->owed[word]);
			self->owed[word] &= self->owed[word] - 1;
			sh_bus_wake(self->bus, word * 64 + bit);
		}
	self->owed_records = 0;
}

int
sh_bus_write(struct sh_bus_self *self, const struct sh_record *record,
    const struct iovec *parts, int count)
{
	struct sh_bus_frame frame = { .to = record->to,
		.to_incarnation = record->to_incarnation,
		.kind = record->kind,
		.hash = record->hash,
		/* before it is looked who wants it */
		.wants = atomic_load(&self->bus->shared->wants) };
	uint64_t head =
	    atomic_load_explicit(&self->block->head, memory_order_relaxed);
	size_t len = 0;
	int i, r;

	for (i = 0; i < count; i++)
		len += parts[i].iov_len;
	if (len > sh_bus_record_max(self))
		return -SHOAL_EMSGSIZE;
	if (!sh_bus_is_wanted(self, record))
		return record->to == SH_BUS_ALL ? 0 : -SHOAL_ENOENT;
	r = make_room(self, head + sh_bus_frame_size(len));
	if (r < 0)
		return r;
	frame.len = (uint32_t)len;
	frame.place = (uint32_t)head;
	/* whatever this process has read or seen, it has seen that era too: a later
	 * load of one word gives no earlier value */
	frame.era = atomic_load(&self->bus->shared->era);
	frame.incarnation = atomic_load_explicit(
	    &self->block->incarnation, memory_order_relaxed);
	put(self, &frame, parts, count, head + sh_bus_frame_size(len));
	wake_readers(self, record);
	self->stats.written++;
	self->stats.written_bytes += len;
	return 0;
}

void
sh_bus_begin_era(struct sh_bus_self *self)
{
	atomic_fetch_add(&self->bus->shared->era, 1);
}

bool
sh_bus_has_been_told(const struct sh_bus_self *self)
{
	return atomic_load(&self->block->waits) == 0;
}

int
sh_bus_retry_ms(const struct sh_bus_self *self)
{
	int64_t left_ms;

	if (self->refused_ms == 0)
		return RETRY_MS;
	left_ms = self->refused_ms + self->bus->patience_ms - sh_clock_ms();
	return left_ms > 0 ? (int)left_ms : 0;
}

size_t
sh_bus_record_max(const struct sh_bus_self *self)
{
	return self->bus->ring_size / 4 - sizeof(struct sh_bus_frame);
}
