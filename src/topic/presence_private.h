/*
 * This file is a question about subscribers that has not been answered by all, for
 * the files presence*.c only.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include "base/buf.h"
#include "topic/presence_code.h"

struct shoal_topic_members;
struct sh_co;

/* One that has answered, or is expected to. */
struct sh_answerer {
	struct sh_asker who;
	bool expected; /* it is known to be there; or was */
	bool done;     /* all parts of a round have come */
	bool broken;   /* one of this round is missing */
	uint32_t round, parts;
	uint64_t count;
	struct sh_buf entries;
	LIST_ENTRY(sh_answerer) link;
};

struct sh_asking {
	uint64_t number;
	uint32_t round;
	const char *topic; /* lent by who waits */
	bool names;
	struct sh_co *co;   /* that waits */
	bool listed;        /* as one that is asked just now */
	bool has_list;      /* expected ones are all there are */
	bool failed;        /* no memory for what comes */
	size_t bytes;       /* of all entries */
	uint64_t count;     /* of this process ... */
	struct sh_buf here; /* ... and its entries */
	LIST_HEAD(, sh_answerer) answerers;
	LIST_ENTRY(sh_asking) link;
};

enum { SH_ANSWERS_MAX = 64 << 20 /* bytes of entries */ };

struct sh_asking *sh_asking_new(const char *topic, bool names);
/** Free it and clear the variable; NULL is fine. */
void sh_asking_free(struct sh_asking **asking);
/** Expect an answer of a process, of which it knows. False without memory. */
bool sh_asking_expect(struct sh_asking *asking, struct sh_asker who);
/** A part of an answer has come. False: it is of no use. */
bool sh_asking_take(struct sh_asking *asking, const struct sh_answer *answer);
/** How many have answered. */
size_t sh_asking_done(const struct sh_asking *asking);
/** What is known by now; NULL without memory. */
struct shoal_topic_members *
sh_asking_result(const struct sh_asking *asking, bool complete);
