/* This file is which topics keep a history, and how much of it. */
#include "config.h"

#include "topic/keep.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <shoal/error.h>
#include <shoal/topic.h>

#include "base/mem.h"
#include "topic/filter.h"

struct rule {
	STAILQ_ENTRY(rule) next;
	struct sh_keep keep;
	bool firm;
	size_t len;
	char filter[];
};

/* Of the process, as the settings and hooks that make them are; first match
 * first. */
static STAILQ_HEAD(, rule) rules = STAILQ_HEAD_INITIALIZER(rules);
static bool settled;

const struct sh_keep *
sh_keep_find(const char *topic, size_t len)
{
	struct rule *rule;

	STAILQ_FOREACH(rule, &rules, next)
	if (sh_filter_keeps(rule->filter, rule->len, topic, len))
		return &rule->keep;
	return NULL;
}

static struct rule *
find_rule(const char *filter, size_t len)
{
	struct rule *rule;

	STAILQ_FOREACH(rule, &rules, next)
	if (rule->len == len && memcmp(rule->filter, filter, len) == 0)
		return rule;
	return NULL;
}

static bool
makes_sense(const struct sh_keep *keep)
{
	return keep->count >= 0 && keep->bytes >= 0 && keep->age_ms >= 0 &&
	    keep->bytes <= SH_KEEP_BYTES_MAX &&
	    (keep->count > 0 || keep->bytes > 0 || keep->age_ms > 0);
}

static bool
is_same(const struct sh_keep *a, const struct sh_keep *b)
{
	return a->count == b->count && a->bytes == b->bytes &&
	    a->age_ms == b->age_ms;
}

int
sh_keep_add(const char *filter, const struct sh_keep *keep, bool firm)
{
	size_t len = strnlen(filter, SHOAL_TOPIC_MAX + 1);
	struct rule *rule;

	if (!sh_filter_is_valid(filter, len) || !makes_sense(keep))
		return -SHOAL_EINVAL;
	rule = find_rule(filter, len);
	if (rule != NULL)
		return rule->firm || is_same(&rule->keep, keep) ? 0
								: -SHOAL_EEXIST;
	if (settled)
		return -SHOAL_ESTATE;
	rule = sh_try_calloc(1, sizeof(*rule) + len + 1);
	if (rule == NULL)
		return -SHOAL_ENOMEM;
	rule->keep = *keep;
	rule->firm = firm;
	rule->len = len;
	memcpy(rule->filter, filter, len);
	STAILQ_INSERT_TAIL(&rules, rule, next);
	return 0;
}

void
sh_keep_settle(void)
{
	settled = true;
}

void
sh_keep_clear(void)
{
	struct rule *rule;

	while ((rule = STAILQ_FIRST(&rules)) != NULL) {
		STAILQ_REMOVE_HEAD(&rules, next);
		free(rule);
	}
	settled = false;
}

const char *
sh_keep_filter(const struct sh_keep *keep)
{
	const struct rule *rule =
	    (const void *)((const char *)keep - offsetof(struct rule, keep));

	return rule->filter;
}

void
sh_keep_each(void (*fn)(const struct sh_keep *keep, void *arg), void *arg)
{
	struct rule *rule;

	STAILQ_FOREACH(rule, &rules, next)
	fn(&rule->keep, arg);
}
