/*
 * This file is the shared memory by which processes tell each other records: a ring
 * for each process index, written by that process alone, read by all others each
 * with its own cursor; and what each process wants. It knows neither topics nor a
 * loop. A writer that dies leaves nothing half-visible, and what it had written
 * stays to be read. There is no lock.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

struct sh_bus; /* of the master, mapped before the first fork */

/** Map rings of so many bytes for so many processes, and make their eventfds,
 *  which are in the register. Memory is taken as rings are written for the first
 *  time. 0 or -errno. */
int sh_bus_open(
    uint32_t count, uint32_t slot_count, size_t ring_size, struct sh_bus **out);
/** Unmap and close. NULL is fine. */
void sh_bus_close(struct sh_bus **bus);
/** The eventfds, one for each process index, which every worker inherits. */
const int *sh_bus_fds(const struct sh_bus *bus, uint32_t *count_out);
/** The master: the process of an index has ended; nobody waits for it any more.
 *  What is unread in its ring stays. */
void sh_bus_bury(struct sh_bus *bus, uint32_t process);
/** The master: this generation serves from now on. */
void sh_bus_set_generation(struct sh_bus *bus, uint64_t generation);
/** It. */
uint64_t sh_bus_generation(const struct sh_bus *bus);

#define SH_BUS_ALL UINT32_MAX

enum {
	SH_BUS_RING_MIN = 64 * 1024, /* bytes; a power of two */
	SH_BUS_RING_MAX = 1024 * 1024 * 1024
};

/* What is written. */
struct sh_record {
	uint32_t to; /* a process index, or SH_BUS_ALL: those that want hash */
	uint64_t
	    to_incarnation; /* with a process index: nobody else gets it; 0:
				    whoever has the index */
	uint32_t kind;      /* the user's own */
	uint64_t hash; /* what it is about, for filters; 0: everybody gets it */
	/* reading only */
	uint32_t from;             /* process index of the writer ... */
	uint64_t from_incarnation; /* ... and who that was */
	const void *data;          /* lent until the next read */
	size_t len;
};

/* A process that takes part. */
struct sh_bus_self;

struct sh_bus_options {
	struct sh_bus *bus; /* lent */
	uint32_t process;
	uint64_t incarnation, generation;
	uint32_t slot;
};

/** Take part: from now on others write for this process too. What was written
 *  before is not read. 0 or -SHOAL_ENOMEM. */
int sh_bus_join(const struct sh_bus_options *options, struct sh_bus_self **out);
/** Leave. NULL is fine. */
void sh_bus_leave(struct sh_bus_self **self);
/** It serves, or is about to: what its program does at its start, which may take
 *  long, is done. */
void sh_bus_set_ready(struct sh_bus_self *self);
/** Becomes readable (an edge, there is nothing to be read from it) when there is
 *  a record, room for who was refused with -SHOAL_EAGAIN, or somebody has come or
 *  gone. After an edge there is no other before sh_bus_awake(): look once more
 *  behind that, for all that is waited for, and sleep only if there was nothing. */
int sh_bus_fd(const struct sh_bus_self *self);
void sh_bus_awake(struct sh_bus_self *self);
/** Make it readable, for who goes on reading later without sh_bus_awake(). */
void sh_bus_yield(struct sh_bus_self *self);

/** Whether any other process would get a record. */
bool sh_bus_is_wanted(
    const struct sh_bus_self *self, const struct sh_record *record);
/** Write a record (copies the parts), if anybody wants it, and wake who sleeps.
 *  0; -SHOAL_EAGAIN when a reader that is waited for is behind by a ring: it is
 *  waited for 100 ms from the first refusal on, then lapped; -SHOAL_EMSGSIZE
 *  beyond sh_bus_record_max(); -SHOAL_ENOENT when `to' is nobody. */
int sh_bus_write(struct sh_bus_self *self, const struct sh_record *record,
    const struct iovec *parts, int count);
/** Wake who sleeps by sh_bus_flush() only: from now on `owe' is called when there is
 *  somebody to be woken. Who publishes several messages in a turn has them read as
 *  one batch then. A process that dies before it, or leaves, owes nothing: all are
 *  woken by that. */
void sh_bus_defer(struct sh_bus_self *self, void (*owe)(void *arg), void *arg);
/** Wake those that sleep and would get what was written. */
void sh_bus_flush(struct sh_bus_self *self);
/** Begin an era: everybody reads what this process has written before what is
 *  written, later and by whomever, with knowledge of this call: by who has read a
 *  record that this process writes after it, by who has read one of theirs, and so
 *  on. So a process that takes something over from this one is not heard too early.
 *  An era begins, too, before it can be seen that a process has gone. */
void sh_bus_begin_era(struct sh_bus_self *self);
/** Whether what made it refuse a write, or pause, may be over. */
bool sh_bus_has_been_told(const struct sh_bus_self *self);
/** When to try again after -SHOAL_EAGAIN at the latest: milliseconds. */
int sh_bus_retry_ms(const struct sh_bus_self *self);
/** Bytes of a record: a quarter of a ring. */
size_t sh_bus_record_max(const struct sh_bus_self *self);

/** Read the next record that is for this process: 1; 0 when there is none;
 *  -SHOAL_ETRUNCATED when this reader was lapped: records of record_out->from
 *  were lost; -SHOAL_ENOMEM, likewise. Takes turns between writers, but reads what
 *  is of an era before what is of the next. */
int sh_bus_read(struct sh_bus_self *self, struct sh_record *record_out);

/** Want what has this hash, once more or once less; a filter has 8,192 places, so
 *  that others may come too. Others see it before this returns: what is written
 *  from then on comes. What was written before does not. */
void sh_bus_want(struct sh_bus_self *self, uint64_t hash);
void sh_bus_unwant(struct sh_bus_self *self, uint64_t hash);
/** Want everything, once more or once less. */
void sh_bus_want_all(struct sh_bus_self *self, bool yes);
/** Ask those who publish what has this hash to wait, once more or once less; when
 *  the last one has been taken back they are woken. */
void sh_bus_pause(struct sh_bus_self *self, uint64_t hash);
void sh_bus_unpause(struct sh_bus_self *self, uint64_t hash);
/** Whether another process has asked for that; then the fd tells its end. */
bool sh_bus_is_paused(const struct sh_bus_self *self, uint64_t hash);

/* A process that takes part, as others see it. */
struct sh_bus_peer {
	uint32_t process;
	uint64_t incarnation, generation;
	uint32_t slot;
	bool ready; /* see sh_bus_set_ready() */
};

/** Those that take part, this one too; at most max. Returns their number. */
size_t sh_bus_peers(
    const struct sh_bus_self *self, struct sh_bus_peer *peers_out, size_t max);
size_t sh_bus_peer_count(const struct sh_bus_self *self);
/** The process of the generation that serves which has a slot, a ready one if
 *  there is one. False: none just now. */
bool sh_bus_find_slot(const struct sh_bus_self *self, uint32_t slot,
    struct sh_bus_peer *peer_out);
/** The process of an incarnation. False: it has gone. */
bool sh_bus_find_process(const struct sh_bus_self *self, uint64_t incarnation,
    struct sh_bus_peer *peer_out);
/** The process with these low 24 bits of its incarnation, which are the high bits
 *  of connection numbers. False: none. */
bool sh_bus_find_connection(const struct sh_bus_self *self, uint64_t conn_id,
    struct sh_bus_peer *peer_out);
uint32_t sh_bus_slot_count(const struct sh_bus_self *self);
/** The generation that serves, see sh_bus_set_generation(). */
uint64_t sh_bus_current_generation(const struct sh_bus_self *self);
/** This process. */
struct sh_bus_peer sh_bus_me(const struct sh_bus_self *self);

/* Since it has joined. */
struct sh_bus_stats {
	uint64_t written, written_bytes, read; /* records */
	uint64_t refused; /* writes: somebody was a ring behind */
	uint64_t lapped;  /* times that records were lost here ... */
	uint64_t laps;    /* ... and that this process has lost others' */
};

const struct sh_bus_stats *sh_bus_stats(const struct sh_bus_self *self);
