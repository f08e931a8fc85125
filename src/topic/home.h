/*
 * This file is what this process has to do with topics that keep a history, without
 * a broker: as the home of some it gives their messages numbers and keeps them; as a
 * publisher it sees to it that its messages get there, each once; and it asks for
 * histories. No I/O, no clock: what it knows of others and tells them goes through a
 * table of functions.
 *
 * Every topic belongs to a slot, by its hash, and its home is the process that has
 * the slot in the generation that serves. A message goes there first; the home
 * publishes it to all, the publisher too, and that is how this one learns that it is
 * out. When the home is another process, it is sent again, and the home that has had
 * it drops it. At a reload the old home hands all over to the new one, which begins
 * when it has everything. When a home dies its histories are lost: their topics begin
 * a new epoch.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/bus.h"
#include "topic/carrier.h"

struct iovec;
struct sh_home;
struct sh_publication;

/* Kinds of records, beside those of the carrier. */
enum sh_home_kind {
	SH_HOME_SUBMIT = 0x100, /* to a home: number this and publish it */
	SH_HOME_KEPT,           /* from a home: published */
	SH_HOME_ACK,            /* I have had these of yours */
	SH_HOME_AGAIN,          /* send again what is mine */
	SH_HOME_TAKE,           /* I am the home now: hand over */
	SH_HOME_SERIALS,        /* hand-over: whose messages I have had ... */
	SH_HOME_LOG,            /* ... a history ... */
	SH_HOME_ENTRY,          /* ... its messages ... */
	SH_HOME_HANDED,         /* ... and that was all */
	SH_HOME_ASK,            /* to a home: what is kept of a topic? */
	SH_HOME_TELL,           /* a message of it */
	SH_HOME_TOLD,           /* and that was all */
	SH_HOME_KIND_END
};

enum {
	SH_HOME_PREFIX_MAX = 64,      /* bytes before a message in a record */
	SH_HOME_OUTBOX_MAX = 4 << 20, /* bytes that are not acknowledged */
	SH_HOME_HELD_MAX = 8 << 20    /* bytes that a home holds back */
};

/* What it needs of the world. arrived, room and the functions of a replay may call
 * sh_home_publish(), sh_home_replay() and sh_home_forget(), the others nothing. */
struct sh_home_link {
	/* This process, and how many slots there are. */
	struct sh_bus_peer me;
	uint32_t slot_count;
	size_t record_max; /* bytes */
	/* As sh_bus_find_slot(), sh_bus_peers(), sh_bus_write(). */
	bool (*find_slot)(
	    uint32_t slot, struct sh_bus_peer *peer_out, void *arg);
	size_t (*peers)(struct sh_bus_peer *peers_out, size_t max, void *arg);
	int (*write)(const struct sh_record *record, const struct iovec *parts,
	    int count, void *arg);
	/* As sh_bus_begin_era(). */
	void (*begin_era)(void *arg);
	/* Want what is published about a hash, once more or less. */
	void (*want)(uint64_t hash, bool yes, void *arg);
	/* Milliseconds of the monotonic clock, microseconds since 1970. */
	int64_t (*now_ms)(void *arg);
	uint64_t (*wall_us)(void *arg);
	/* All that can be read is to be read soon, then sh_home_run() to be
	 * called. */
	void (*soon)(void *arg);
	/* A message with its numbers; see struct sh_carrier_events. */
	void (*arrived)(const struct sh_publication *publication, void *arg);
	void (*room)(void *arg);
	void *arg;
};

/** Make one; link is copied. NULL without memory. */
struct sh_home *sh_home_new(const struct sh_home_link *link);
/** Free it and clear the variable; what has not been sent is lost. NULL is fine. */
void sh_home_free(struct sh_home **home);

/** Publish to a topic with a history. Publication is borrowed. Functions of the link
 *  are called, but arrived and room. 0; -SHOAL_EAGAIN when too much is not
 *  acknowledged, room is called later; -SHOAL_EMSGSIZE; -SHOAL_ENOMEM. */
int
sh_home_publish(struct sh_home *home, const struct sh_publication *publication);
/** Ask for a history, see struct sh_replay. 0 or -SHOAL_ENOMEM. */
int sh_home_replay(struct sh_home *home, const struct sh_replay *replay);
/** Forget what was asked with this arg. */
void sh_home_forget(struct sh_home *home, void *arg);

/** A record has been read whose kind is one of those above. */
void sh_home_receive(struct sh_home *home, const struct sh_record *record);
/** Records of a process were lost. */
void sh_home_missed(struct sh_home *home, uint32_t process);
/** Go on with what there is to do; read says that all records that could be read
 *  when it was called have been. Call it when that is so, when there is room, and
 *  after a time: returns milliseconds until then, -1: not needed. */
int sh_home_run(struct sh_home *home, bool read);
/** Whether nothing of this process is on its way, nor to be handed over: it may
 *  end. */
bool sh_home_is_quiet(const struct sh_home *home);
