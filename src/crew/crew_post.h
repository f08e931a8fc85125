/*
 * This file hands messages of the program on to workers, and keeps those that
 * cannot be taken yet; it runs in the parent, reads none and never waits.
 *
 * A slot has a queue. A worker is sent no more than it can have unread without
 * its channel's being full, since what the pool has to say to it must always
 * fit; it says what it has taken. What a slot has in its queue and its workers
 * have not taken is bounded.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "crew/crew_body.h"
#include "master/pool_state.h"

enum { SH_POST_UNREAD_MAX = 32 }; /* messages that one worker may have */

struct sh_letter;
struct sh_poll_set;

struct sh_post {
	const struct sh_pool_state *state; /* lent */
	size_t max_count, max_bytes;       /* of a slot */
	struct sh_mailbox {
		struct sh_letter *first, **last;
		size_t count, bytes; /* queued and not taken */
	} * boxes;                   /* by slot */
	struct sh_reader {
		uint32_t count; /* sent and not taken */
		uint64_t bytes;
		int64_t waits_for; /* slot, -1: none */
		size_t wants;      /* bytes of room there */
	} * readers;               /* by process */
};

/** Make it for the slots and processes of a pool. */
void sh_post_init(struct sh_post *post, const struct sh_pool_state *state,
    size_t max_count, size_t max_bytes);
/** Drop everything. */
void sh_post_fini(struct sh_post *post);
/** Take a message for a slot; its descriptor is the post's then. 0;
 *  -SHOAL_EAGAIN when too much waits there; -SHOAL_ENOENT for no such slot;
 *  -SHOAL_ECANCELED when the pool stops; -SHOAL_ENOMEM. */
int
sh_post_put(struct sh_post *post, int from, int64_t to, struct sh_body *body);
/** A process has taken messages: a pair of their number and bytes. */
void sh_post_taken(struct sh_post *post, uint32_t process, int64_t pair);
/** A process waits for room: a pair of slot and length. */
void sh_post_await(struct sh_post *post, uint32_t process, int64_t pair);
/** A process is gone, with what it had not taken. */
void sh_post_gone(struct sh_post *post, uint32_t process);
/** Send what can be sent, and tell who has waited. */
void sh_post_turn(struct sh_post *post);
/** Have the next wait end when a channel that was full is no longer so. */
void sh_post_poll(struct sh_post *post, struct sh_poll_set *set);
