/*
 * This file is the layout of the bus in shared memory, for the files bus*.c only.
 *
 * Who writes what: a ring, its head and what its block says is written by the
 * process of that index; `notified', `waits' and `late' by everybody; `present' by
 * processes that join and leave, and by the master for the dead; `wants' by who begins
 * to want something; `era' by who begins one. Positions in a ring are counts of bytes
 * since the mapping was made. They go on over all processes that ever have an index, so
 * that no position means two things.
 */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include "proc/bus.h"

enum {
	SH_BUS_LINE = 64, /* what is written by different processes is so far
			     apart */
	SH_BUS_PLACES = 8192,
	SH_BUS_WORDS = SH_BUS_PLACES / 64,
	SH_BUS_PATIENCE_MS = 100
};

struct sh_bus_shared {
	_Atomic uint64_t generation; /* that serves */
	_Atomic uint32_t used; /* indices that were ever used: 0 up to it */
	_Atomic uint64_t era;  /* of what is written now: see bus_read.c */
	/* how often somebody began to want something: see bus_filter.c */
	_Alignas(SH_BUS_LINE) _Atomic uint64_t wants;
	_Alignas(SH_BUS_LINE) _Atomic uint64_t present[]; /* a bit per index */
};

struct sh_bus_block {
	/* Who it is; a process index is only looked at while it is present. */
	_Alignas(SH_BUS_LINE) _Atomic uint64_t incarnation;
	_Atomic uint64_t generation;
	_Atomic uint32_t slot;
	_Atomic uint32_t wants_all;
	_Atomic uint32_t ready;
	/* Its eventfd has been written, or will be, and it has not looked since.
	 * Only what is 0 may be slept on. */
	_Alignas(SH_BUS_LINE) _Atomic uint32_t notified;
	_Atomic uint32_t late;  /* it was lapped, and has not caught up */
	_Atomic uint32_t waits; /* it was refused: tell it of room */
	/* Its ring up to head is whole records; bytes below reserved minus the
	 * size of the ring are gone. Neither ever goes back. */
	_Alignas(SH_BUS_LINE) _Atomic uint64_t head;
	_Atomic uint64_t reserved;
	_Alignas(SH_BUS_LINE) _Atomic uint64_t wanted[SH_BUS_WORDS];
	_Atomic uint64_t paused[SH_BUS_WORDS];
	/* Up to where it has read the rings of the others. */
	_Alignas(SH_BUS_LINE) _Atomic uint64_t cursors[];
};

struct sh_bus {
	struct sh_bus_shared *shared;
	size_t map_size;
	char *blocks, *rings;
	size_t block_size, ring_size;
	uint32_t count, slot_count;
	int64_t patience_ms; /* that a writer has with slow readers */
	int *fds;
};

/* What is before the bytes of a record in a ring; records are multiples of 8. */
struct sh_bus_frame {
	uint32_t len;   /* of the bytes, without this and what fills up */
	uint32_t place; /* low bits of its position */
	uint32_t to, kind;
	uint64_t to_incarnation;
	uint64_t hash;
	uint64_t incarnation; /* of the writer */
	uint64_t wants;       /* how many there had been */
	uint64_t era;
};

struct sh_bus_self {
	struct sh_bus *bus;
	struct sh_bus_block *block; /* its own */
	uint32_t process;
	struct sh_bus_stats stats;

	/* as a writer */
	uint64_t slowest;   /* no reader that is waited for is behind that */
	uint64_t scan_at;   /* look again when the head is there */
	int64_t refused_ms; /* since when it is refused, 0: it is not */
	uint32_t *want_counts, *pause_counts; /* by place */
	uint64_t *wanted_since;               /* by place: of `wants' */
	uint32_t want_all_count;
	uint64_t wanted_all_since;
	void (*owe)(void *arg); /* NULL: who sleeps is woken at once */
	void *owe_arg;
	uint64_t *owed;        /* a bit for each that is to be woken ... */
	uint32_t owed_records; /* ... since so many records */

	/* as a reader */
	uint32_t turn;    /* whose ring is next ... */
	uint32_t burst;   /* ... and how often it was in a row */
	uint64_t *told;   /* by process: cursor when its writer was last told */
	uint64_t era;     /* what is of later ones waits ... */
	uint64_t waiting; /* ... of which this is the first that was found */
	char *buf;        /* what it has lent */
	size_t cap;
};

static inline struct sh_bus_block *
sh_bus_block(const struct sh_bus *bus, uint32_t process)
{
	return (struct sh_bus_block *)(void *)(bus->blocks +
	    process * bus->block_size);
}

static inline char *
sh_bus_ring(const struct sh_bus *bus, uint32_t process)
{
	return bus->rings + process * bus->ring_size;
}

static inline size_t
sh_bus_frame_size(size_t len)
{
	return (sizeof(struct sh_bus_frame) + len + 7) & ~(size_t)7;
}

static inline uint32_t
sh_bus_place(uint64_t hash)
{
	return (uint32_t)(hash ^ hash >> 32) % SH_BUS_PLACES;
}

static inline bool
sh_bus_is_present(const struct sh_bus *bus, uint32_t process)
{
	return (atomic_load(&bus->shared->present[process / 64]) >>
		       process % 64 &
		   1) != 0;
}

/** The next index from `from' on that is present and not `but'; bus->count when
 *  there is none. */
uint32_t
sh_bus_next_present(const struct sh_bus *bus, uint32_t from, uint32_t but);
/** Write the eventfd of a process, unless that has been done already. What it is
 *  to see has to be stored before, and a seq_cst fence to be between. */
void sh_bus_wake(const struct sh_bus *bus, uint32_t process);
/** Wake all that are present but one: one has come or gone, or another generation
 *  serves. */
void sh_bus_wake_all(const struct sh_bus *bus, uint32_t but);
/** Wake a process if it waits for room; likewise. */
void sh_bus_wake_waiting(const struct sh_bus *bus, uint32_t process);
/** Whether a process wants what has a hash. */
bool sh_bus_block_wants(const struct sh_bus_block *block, uint64_t hash);
