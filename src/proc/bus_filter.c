/*
 * This file says what a process wants, and who is to pause; it reads and writes no
 * records.
 *
 * What nobody wanted was not written, and what others wanted lies in the rings, and
 * who sleeps may not have read it for hours. So that who begins to want something
 * gets all from then on, and nothing from before, it sets its bit and then counts
 * `wants' up. A writer looks at `wants', then at the bits: a record with a count that
 * is high enough was written by somebody who saw the bit, and sees it for all that
 * follows. A record with a lower count is from before.
 */
#include "config.h"

#include "proc/bus.h"

#include "base/panic.h"
#include "proc/bus_private.h"

bool
sh_bus_block_wants(const struct sh_bus_block *block, uint64_t hash)
{
	uint32_t place = sh_bus_place(hash);

	return hash == 0 || atomic_load(&block->wants_all) != 0 ||
	    (atomic_load(&block->wanted[place / 64]) >> place % 64 & 1) != 0;
}

/* The first at a place sets its bit; what is published behind the return is seen to
 * be wanted, since both are seq_cst. */
static void
add(_Atomic uint64_t *bits, uint32_t *counts, uint64_t hash)
{
	uint32_t place = sh_bus_place(hash);

	if (counts[place]++ == 0)
		atomic_fetch_or(&bits[place / 64], UINT64_C(1) << place % 64);
}

/* Whether it was the last one there. */
static bool
take_back(_Atomic uint64_t *bits, uint32_t *counts, uint64_t hash)
{
	uint32_t place = sh_bus_place(hash);

	sh_assert(counts[place] > 0);
	if (--counts[place] != 0)
		return false;
	atomic_fetch_and(&bits[place / 64], ~(UINT64_C(1) << place % 64));
	return true;
}

/* The count of the records that are for it. */
static uint64_t
begin_wanting(const struct sh_bus_self *self)
{
	return atomic_fetch_add(&self->bus->shared->wants, 1) + 1;
}

void
sh_bus_want(struct sh_bus_self *self, uint64_t hash)
{
	uint32_t place = sh_bus_place(hash);

	add(self->block->wanted, self->want_counts, hash);
	if (self->want_counts[place] == 1)
		self->wanted_since[place] = begin_wanting(self);
}

void
sh_bus_unwant(struct sh_bus_self *self, uint64_t hash)
{
	take_back(self->block->wanted, self->want_counts, hash);
}

void
sh_bus_want_all(struct sh_bus_self *self, bool yes)
{
	sh_assert(yes || self->want_all_count > 0);
	self->want_all_count += yes ? 1 : UINT32_MAX;
	atomic_store(&self->block->wants_all, self->want_all_count != 0);
	if (yes && self->want_all_count == 1)
		self->wanted_all_since = begin_wanting(self);
}

void
sh_bus_pause(struct sh_bus_self *self, uint64_t hash)
{
	add(self->block->paused, self->pause_counts, hash);
}

void
sh_bus_unpause(struct sh_bus_self *self, uint64_t hash)
{
	const struct sh_bus *bus = self->bus;
	uint32_t i;

	if (!take_back(self->block->paused, self->pause_counts, hash))
		return;
	/* they see that the bit is gone, or this one that they wait */
	atomic_thread_fence(memory_order_seq_cst);
	i = sh_bus_next_present(bus, 0, self->process);
	for (; i < bus->count;
	     i = sh_bus_next_present(bus, i + 1, self->process))
		sh_bus_wake_waiting(bus, i);
}

static bool
is_paused_by_any(const struct sh_bus_self *self, uint64_t hash)
{
	const struct sh_bus *bus = self->bus;
	uint32_t place = sh_bus_place(hash);
	uint32_t i = sh_bus_next_present(bus, 0, self->process);

	for (; i < bus->count;
	     i = sh_bus_next_present(bus, i + 1, self->process))
		if ((atomic_load(&sh_bus_block(bus, i)->paused[place / 64]) >>
			    place % 64 &
			1) != 0)
			return true;
	return false;
}

bool
sh_bus_is_paused(const struct sh_bus_self *self, uint64_t hash)
{
	if (!is_paused_by_any(self, hash))
		return false;
	atomic_store_explicit(&self->block->waits, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
	return is_paused_by_any(self, hash);
}
