/*
 * This file is a message that is kept while it is on its way to the subscribers of
 * this process: one copy, held by all who need it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <shoal/topic.h>
#include "topic/publication.h"

struct sh_message {
	uint32_t users;
	bool is_gap;   /* not a message, but that some are lost */
	bool replayed; /* it was published before the subscription */
	uint64_t seq;  /* its place among all that came to this process */
	uint64_t key;  /* hash of its key, or of the topic */
	STAILQ_ENTRY(sh_message) next;
	struct sh_publication publication; /* points into bytes; a NUL is behind
					      topic, key and data */
	char bytes[];
};

STAILQ_HEAD(sh_message_list, sh_message);

/** Copy one, held once. NULL without memory. */
struct sh_message *sh_message_new(const struct sh_publication *publication);
/** Make one that says that messages of a topic or filter are lost. */
struct sh_message *sh_message_new_gap(const char *filter, size_t len);
/** Hold it once more; returns it. */
struct sh_message *sh_message_hold(struct sh_message *message);
/** Give a hold up and clear the pointer; the last one frees it. NULL is fine. */
void sh_message_drop(struct sh_message **message);
/** As a user sees it; node is the number of this server. Lent. */
struct shoal_topic_message
sh_message_view(const struct sh_message *message, uint64_t node);
/** Bytes of memory. */
size_t sh_message_size(const struct sh_message *message);
