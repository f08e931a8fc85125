/*
 * This file is the state of sh_home, for the files home*.c only. Each part of it is
 * written by one of them:
 *
 *	home.c         what comes and what is due
 *	home_outbox.c  lines: messages of this process until they are out
 *	home_order.c   numbers, logs, what is held back
 *	home_move.c    taking over and handing over
 *	home_ask.c     histories that this process asks for
 *	home_tell.c    and those that it is asked for
 */
#pragma once

#include <sys/queue.h>
#include <sys/uio.h>

#include "topic/home.h"
#include "topic/publication.h"

struct sh_log;
struct sh_log_entry;
struct sh_logs;

enum {
	SH_HOME_LOOK_MS = 50, /* between two looks at who is a home */
	SH_HOME_RESEND_MS = 2000,
	SH_HOME_TAKE_MS = 2000,
	SH_HOME_ASK_MS = 10000,
	SH_HOME_SWEEP_MS = 1000,
	SH_HOME_FORGET_MS = 60000,
	SH_HOME_STEPS = 256 /* records of one sort that are written in a run */
};

/* --- as a publisher ---------------------------------------------------------- */

/* A message that is not known to be out, encoded. */
struct sh_letter {
	TAILQ_ENTRY(sh_letter) next;
	uint64_t serial, hash;
	size_t len;
	char bytes[];
};

/* Those of one slot. */
struct sh_line {
	TAILQ_HEAD(, sh_letter) letters;
	struct sh_letter *unsent; /* and all behind it */
	uint64_t serial;          /* the last one that was given */
	uint64_t to;   /* incarnation that the others have been sent to */
	uint64_t next; /* who is the home now, when it is not `to' */
	int64_t sent_ms;
};

/* --- as a home --------------------------------------------------------------- */

/* What a home has had of a process. */
struct sh_writer {
	LIST_ENTRY(sh_writer) next;
	uint64_t incarnation;
	uint64_t serial;
	bool asked;        /* something is missing, and it was told */
	bool given;        /* the next home has been told the serial */
	int64_t absent_ms; /* since when it has not been there; 0: it is */
};

/* A record that waits until this home may go on. */
struct sh_held {
	STAILQ_ENTRY(sh_held) next;
	uint32_t from;
	uint64_t incarnation;
	size_t len;
	char bytes[];
};

/* A message that this home has published in a call of its user, whom it may not
 * arrive at from within. */
struct sh_local {
	STAILQ_ENTRY(sh_local) next;
	size_t len;
	char bytes[];
};

enum sh_home_state {
	SH_HOME_ELSEWHERE,
	SH_HOME_TAKING, /* another one may not have handed over all */
	SH_HOME_SERVING
};

/* Another process and what is between us. */
struct sh_partner {
	struct sh_bus_peer peer;
	bool told;   /* the record has been written */
	bool absent; /* it has gone, but its records may not all be read */
};

struct sh_partners {
	struct sh_partner *list;
	size_t count, cap;
};

/* --- histories --------------------------------------------------------------- */

struct sh_ask {
	TAILQ_ENTRY(sh_ask) next;
	struct sh_replay replay; /* topic is ours; epoch, offset, max go on with
				    what has come */
	uint64_t hash;
	uint64_t id; /* of the last try; 0: none */
	uint64_t to; /* incarnation */
	int64_t heard_ms;
	bool gap;
	char topic[];
};

struct sh_tale {
	TAILQ_ENTRY(sh_tale) next;
	struct sh_bus_peer to;
	uint64_t id, hash;
	uint64_t epoch, offset; /* of the last one that was told */
	uint64_t end;           /* up to this offset */
	size_t max;
	bool begun, gap;
	size_t topic_len;
	char topic[];
};

struct sh_home {
	struct sh_home_link link;
	bool busy; /* in sh_home_run() */

	struct sh_line *lines;   /* by slot */
	size_t letters, waiting; /* number and bytes of letters */
	bool refused;

	enum sh_home_state state;
	struct sh_logs *logs;
	LIST_HEAD(, sh_writer) writers;
	STAILQ_HEAD(, sh_held) held;
	size_t held_bytes;
	STAILQ_HEAD(, sh_local) local;
	size_t local_bytes;
	bool dropped;   /* something could not be held */
	bool blocked;   /* no room to publish */
	uint64_t epoch; /* the last one that was made */
	int64_t sweep_ms;

	bool begun;                /* since then a run has been ... */
	bool all_read;             /* ... and all has been read after it */
	struct sh_partners olds;   /* who has to hand over to us */
	struct sh_partners takers; /* who wants to know when we have */
	int64_t take_by_ms;
	bool giving;
	struct sh_bus_peer heir; /* who gets it; incarnation 0: not known */
	bool gave_serials;
	struct sh_log *give_log;         /* its head has been given ... */
	struct sh_log_entry *give_entry; /* ... and all before this one */

	TAILQ_HEAD(, sh_ask) asks;
	uint64_t ask_id;
	TAILQ_HEAD(, sh_tale) tales;
};

static inline int64_t
sh_home_now(const struct sh_home *home)
{
	return home->link.now_ms(home->link.arg);
}

static inline uint32_t
sh_home_slot(const struct sh_home *home, uint64_t hash)
{
	return (uint32_t)(hash % home->link.slot_count);
}

/** Who is the home of a slot. */
bool
sh_home_find(struct sh_home *home, uint32_t slot, struct sh_bus_peer *peer_out);
/** Whether this process is a peer. */
bool sh_home_is_me(const struct sh_home *home, const struct sh_bus_peer *peer);
/** Write to one process: numbers first, then bytes. As sh_bus_write(). */
int sh_home_write(struct sh_home *home, const struct sh_bus_peer *to,
    enum sh_home_kind kind, const uint64_t *numbers, int count,
    const void *bytes, size_t len);
/** Likewise, a publication behind the numbers. */
int sh_home_write_publication(struct sh_home *home,
    const struct sh_record *record, const uint64_t *numbers, int count,
    const struct sh_publication *publication);
/** All that take part; yours, free(3). NULL without memory. */
struct sh_bus_peer *sh_home_peers(struct sh_home *home, size_t *count_out);
bool sh_home_has_peer(
    const struct sh_bus_peer *peers, size_t count, uint64_t incarnation);
/** Take numbers off the front of a record. False: it is too short. */
bool sh_home_numbers(const struct sh_record *record, uint64_t *numbers,
    int count, struct sh_record *rest_out);

/* home_outbox.c */
void sh_outbox_run(struct sh_home *home, bool read);
void sh_outbox_ack(struct sh_home *home, uint32_t slot, uint64_t serial);
void sh_outbox_again(struct sh_home *home, uint64_t incarnation);
void sh_outbox_free(struct sh_home *home);

/* home_order.c */
/** Number and publish a message of a process: 1: done, or it had been; 0: not just
 *  now; -SHOAL_EPROTO: not before others that are missing. */
int sh_order_submit(struct sh_home *home, const struct sh_bus_peer *from,
    uint64_t serial, uint64_t first, const void *bytes, size_t len);
/** Likewise one of this process, from within a call of its user: it arrives later. */
int sh_order_submit_own(
    struct sh_home *home, uint64_t serial, const void *bytes, size_t len);
void sh_order_receive(struct sh_home *home, const struct sh_record *record);
void sh_order_run(struct sh_home *home);
void sh_order_missed(struct sh_home *home, uint64_t incarnation);
struct sh_writer *sh_order_writer(struct sh_home *home, uint64_t incarnation);
void sh_order_free(struct sh_home *home);

/* home_move.c */
/** Find out whether this process is the home of its slot. */
void sh_move_look(struct sh_home *home);
void sh_move_receive(struct sh_home *home, const struct sh_record *record);
void sh_move_missed(struct sh_home *home, uint32_t process);
void sh_move_run(struct sh_home *home, bool read);
void sh_move_free(struct sh_home *home);

/* home_ask.c */
void sh_ask_run(struct sh_home *home, bool read);
void sh_ask_tell(struct sh_home *home, uint64_t id,
    const struct sh_publication *publication);
void sh_ask_told(struct sh_home *home, uint64_t id, uint64_t epoch,
    uint64_t offset, bool gap);
void sh_ask_missed(struct sh_home *home, uint64_t incarnation);
void sh_ask_free(struct sh_home *home);

/* home_tell.c */
/** Somebody asks; he may be this process. 0 or -SHOAL_ENOMEM. */
int sh_tale_add(struct sh_home *home, const struct sh_bus_peer *to, uint64_t id,
    uint64_t epoch, uint64_t offset, uint64_t max, const char *topic,
    size_t len);
void sh_tale_run(struct sh_home *home);
void sh_tale_free(struct sh_home *home);
