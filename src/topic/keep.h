/*
 * This file is which topics of this process keep a history, and how much of it: a
 * list of rules. It keeps no messages.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { SH_KEEP_BYTES_MAX = 64 << 20 /* of one history */ };

/* The bounds of a history; 0: none of that sort. */
struct sh_keep {
	int64_t count;  /* messages */
	int64_t bytes;  /* of data, and SH_KEEP_MESSAGE_COST for each message */
	int64_t age_ms; /* since it was published */
};

enum { SH_KEEP_MESSAGE_COST = 64 };

/** How a topic is kept, by the first rule that matches; NULL: not at all. Lent until
 *  the rules change. */
const struct sh_keep *sh_keep_find(const char *topic, size_t len);
/** The filter of a rule that sh_keep_find() or sh_keep_each() gave; lent likewise. */
const char *sh_keep_filter(const struct sh_keep *keep);
/** Call fn for each rule, in their order. */
void sh_keep_each(void (*fn)(const struct sh_keep *keep, void *arg), void *arg);
/** Add a rule behind the others; filter is copied. firm: it is of the settings, and
 *  a later one for the same filter is passed over. 0; -SHOAL_EINVAL for a bad filter
 *  or bounds; -SHOAL_EEXIST for a filter that has other bounds; -SHOAL_ESTATE after
 *  sh_keep_settle(); -SHOAL_ENOMEM. */
int sh_keep_add(const char *filter, const struct sh_keep *keep, bool firm);
/** No rule comes any more: messages may do from now on. */
void sh_keep_settle(void);
/** Forget all rules; may be added to again. */
void sh_keep_clear(void);
