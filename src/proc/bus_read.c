/*
 * This file reads what other processes have written. A record is copied out of the
 * ring, and then it is looked whether it was overwritten meanwhile; nothing of a copy
 * is believed before.
 */
#include "config.h"

#include "proc/bus.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "proc/bus_private.h"

enum {
	BURST = 16, /* records of one writer in a row */
	/* bytes between two looks whether a writer waits for room */
	TELL_EVERY = 32 * 1024,
	KEPT = 64 * 1024 /* of its buffer while there is nothing to read */
};

/* A ring that is being read. */
struct source {
	struct sh_bus_self *self;
	uint32_t process;
	struct sh_bus_block *block;
	uint64_t cursor;
};

/* What lies there may change while it is copied. */
static void
copy_out(const struct source *source, uint64_t at, void *to, size_t len)
{
	const struct sh_bus *bus = source->self->bus;
	size_t size = bus->ring_size, offset = (size_t)at & (size - 1);
	const char *ring = sh_bus_ring(bus, source->process);
	size_t first = len < size - offset ? len : size - offset;

	memcpy(to, ring + offset, first);
	if (SH_UNLIKELY(first < len))
		memcpy((char *)to + first, ring, len - first);
}

/* Whether what was copied from the cursor on may have been overwritten: see put()
 * in bus_write.c, to whose fence this one belongs. */
static bool
is_lapped(const struct source *source)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(
		   &source->block->reserved, memory_order_relaxed) -
	    source->cursor >
	    source->self->bus->ring_size;
}

/* The writer sees the cursor, or this reader sees that it waits. */
static void
tell_writer(const struct source *source)
{
	struct sh_bus_self *self = source->self;

	self->told[source->process] = source->cursor;
	atomic_thread_fence(memory_order_seq_cst);
	sh_bus_wake_waiting(self->bus, source->process);
}

/* release: all that was copied has been, before it may be overwritten. */
static void
move_on(struct source *source, uint64_t cursor)
{
	struct sh_bus_self *self = source->self;

	source->cursor = cursor;
	atomic_store_explicit(&self->block->cursors[source->process], cursor,
	    memory_order_release);
	if (cursor - self->told[source->process] >= TELL_EVERY)
		tell_writer(source);
}

/* Records have no marks by which one could be found in the middle: all that is
 * there is lost. */
static int
fall_behind(struct source *source, struct sh_record *record_out)
{
	struct sh_bus_block *block = source->block;

	move_on(
	    source, atomic_load_explicit(&block->head, memory_order_acquire));
	source->self->stats.lapped++;
	*record_out = (struct sh_record){ .to = SH_BUS_ALL,
		.from = source->process,
		.from_incarnation = atomic_load(&block->incarnation) };
	return -SHOAL_ETRUNCATED;
}

/* And has done so since before it was written. */
static bool
wants(const struct sh_bus_self *self, const struct sh_bus_frame *frame)
{
	uint32_t place = sh_bus_place(frame->hash);

	return (self->want_counts[place] != 0 &&
		   frame->wants >= self->wanted_since[place]) ||
	    (self->want_all_count != 0 &&
		frame->wants >= self->wanted_all_since);
}

static bool
is_for(const struct sh_bus_self *self, const struct sh_bus_frame *frame)
{
	if (frame->to == SH_BUS_ALL)
		return frame->hash == 0 || wants(self, frame);
	return frame->to == self->process &&
	    (frame->to_incarnation == 0 ||
		frame->to_incarnation ==
		    atomic_load_explicit(
			&self->block->incarnation, memory_order_relaxed));
}

static bool
reserve(struct sh_bus_self *self, size_t len)
{
	char *grown;

	/* what is lent is never NULL */
	if (self->buf != NULL && len <= self->cap)
		return true;
	/* nothing in it is needed any more */
	grown = malloc(len < 4096 ? 4096 : len);
	if (grown == NULL)
		return false;
	free(self->buf);
	self->buf = grown;
	self->cap = len < 4096 ? 4096 : len;
	return true;
}

/* Copy a record whose frame is sound. */
static int
take(struct source *source, const struct sh_bus_frame *frame,
    struct sh_record *record_out)
{
	struct sh_bus_self *self = source->self;

	if (!reserve(self, frame->len)) {
		fall_behind(source, record_out);
		return -SHOAL_ENOMEM;
	}
	copy_out(
	    source, source->cursor + sizeof(*frame), self->buf, frame->len);
	if (is_lapped(source))
		return fall_behind(source, record_out);
	*record_out = (struct sh_record){ .to = frame->to,
		.to_incarnation = frame->to_incarnation,
		.kind = frame->kind,
		.hash = frame->hash,
		.from = source->process,
		.from_incarnation = frame->incarnation,
		.data = self->buf,
		.len = frame->len };
	move_on(source, source->cursor + sh_bus_frame_size(frame->len));
	self->stats.read++;
	return 1;
}

static uint64_t
cursor_of(const struct sh_bus_self *self, uint32_t process)
{
	return atomic_load_explicit(
	    &self->block->cursors[process], memory_order_relaxed);
}

/* It waits for what is of an era before. */
static void
note_waiting(struct sh_bus_self *self, uint64_t era)
{
	if (era < self->waiting)
		self->waiting = era;
}

/* The next record of a ring that is for this process, and not to be read later; as
 * sh_bus_read(). */
static int
read_ring(
    struct sh_bus_self *self, uint32_t process, struct sh_record *record_out)
{
	struct source source = { .self = self,
		.process = process,
		.block = sh_bus_block(self->bus, process),
		.cursor = cursor_of(self, process) };
	uint64_t head =
	    atomic_load_explicit(&source.block->head, memory_order_acquire);
	struct sh_bus_frame frame;

	while (source.cursor != head) {
		copy_out(&source, source.cursor, &frame, sizeof(frame));
		if (is_lapped(&source))
			return fall_behind(&source, record_out);
		/* whoever wrote that is one of us */
		sh_assert(frame.place == (uint32_t)source.cursor &&
		    frame.len <= self->bus->ring_size / 4);
		if (is_for(self, &frame)) {
			if (frame.era <= self->era)
				return take(&source, &frame, record_out);
			note_waiting(self, frame.era);
			break;
		}
		move_on(&source, source.cursor + sh_bus_frame_size(frame.len));
	}
	if (source.cursor != self->told[process])
		tell_writer(&source);
	return 0;
}

static void
next_ring(struct sh_bus_self *self, uint32_t used)
{
	self->turn = self->turn + 1 < used ? self->turn + 1 : 0;
	self->burst = 0;
}

/* The next record of any ring, likewise. */
static int
read_rings(struct sh_bus_self *self, struct sh_record *record_out)
{
	uint32_t used = atomic_load(&self->bus->shared->used), empty;

	for (empty = 0; empty < used; empty++) {
		int r = self->turn == self->process
		    ? 0
		    : read_ring(self, self->turn, record_out);

		if (r != 0) {
			if (++self->burst >= BURST)
				next_ring(self, used);
			return r;
		}
		next_ring(self, used);
	}
	return 0;
}

/* All is read. */
static void
rest(struct sh_bus_self *self)
{
	if (atomic_load_explicit(&self->block->late, memory_order_relaxed) != 0)
		atomic_store(&self->block->late, 0);
	if (self->cap <= KEPT)
		return;
	free(self->buf);
	self->buf = NULL;
	self->cap = 0;
}

/*
 * The eras. Who begins one has stored the heads of all that it wrote before, and adds
 * 1 to `era' behind that, with release. Whoever knows of it, directly or by what others
 * have written, loads no lower `era' for what it writes. So who has loaded an era,
 * with acquire, sees in the heads that it loads behind that all that was written
 * before the era began.
 *
 * That is why `era' is loaded before all heads here: when nothing of the eras up to
 * self->era is found then, and what waits is of none later than the one loaded, nothing
 * before the first of those that wait is left.
 */
int
sh_bus_read(struct sh_bus_self *self, struct sh_record *record_out)
{
	do {
		uint64_t era = atomic_load(&self->bus->shared->era);
		int r;

		self->waiting = UINT64_MAX;
		r = read_rings(self, record_out);
		if (r != 0)
			return r;
		if (self->waiting <= era)
			self->era = self->waiting;
	} while (self->waiting != UINT64_MAX);
	rest(self);
	return 0;
}
