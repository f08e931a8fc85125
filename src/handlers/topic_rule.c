/* This file finds out which topic a request is about. */
#include "config.h"

#include "handlers/topic_rule.h"

#include <stdio.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/request.h>

#include "handlers/refuse.h"

static const char *const sources[] = {
	[SH_TOPIC_PATH] = "path",
	[SH_TOPIC_QUERY] = "query",
	[SH_TOPIC_FIXED] = "fixed",
};

enum { SOURCE_COUNT = sizeof(sources) / sizeof(sources[0]) };

static int
find_source(const char *name)
{
	int i;

	for (i = 0; i < SOURCE_COUNT; i++)
		if (strcmp(sources[i], name) == 0)
			return i;
	return -1;
}

/* --- names ----------------------------------------------------------------- */

static bool
has_own_segment(const char *topic)
{
	return topic[0] == '$' || strstr(topic, "/$") != NULL;
}

bool
sh_topic_compose(
    const char *prefix, const char *name, char topic[SHOAL_TOPIC_MAX + 1])
{
	size_t before = strlen(prefix), len = strlen(name);

	if (len == 0 || before + len > SH_TOPIC_RULE_MAX)
		return false;
	memcpy(topic, prefix, before);
	memcpy(topic + before, name, len + 1);
	return !has_own_segment(topic) && shoal_topic_is_valid(topic);
}

const char *
sh_topic_rule_name(const struct sh_topic_rule *rule, const char *topic)
{
	return topic + strlen(rule->prefix);
}

void
sh_topic_rule_filter(
    const struct sh_topic_rule *rule, char filter[SHOAL_TOPIC_MAX + 1])
{
	snprintf(filter, SHOAL_TOPIC_MAX + 1, "%s%s", rule->prefix,
	    rule->from == SH_TOPIC_FIXED ? rule->name : "#");
}

/* --- settings -------------------------------------------------------------- */

static bool
is_prefix(const char *prefix)
{
	size_t len = strlen(prefix);
	char topic[SHOAL_TOPIC_MAX + 1];

	return len == 0 ||
	    (prefix[len - 1] == '/' && sh_topic_compose(prefix, "x", topic));
}

int
sh_topic_rule_check(
    const struct shoal_settings *settings, char *why, size_t cap)
{
	const char *source = shoal_settings_string(settings, "topic_from");
	const char *name = shoal_settings_string(settings, "topic");
	const char *prefix = shoal_settings_string(settings, "topic_prefix");
	char topic[SHOAL_TOPIC_MAX + 1];

	if (find_source(source) < 0) {
		snprintf(why, cap,
		    "config.topic_from '%s' is not \"path\", \"query\" or "
		    "\"fixed\"",
		    source);
		return -SHOAL_ECONFIG;
	}
	if (!is_prefix(prefix)) {
		snprintf(why, cap,
		    "config.topic_prefix '%s' has to end with '/', or be "
		    "empty, and have no '+', '#', '$' or empty segment in it, "
		    "nor more than %d bytes",
		    prefix, SH_TOPIC_RULE_MAX - 1);
		return -SHOAL_ECONFIG;
	}
	if (name[0] == '\0' && find_source(source) == SH_TOPIC_FIXED) {
		snprintf(why, cap,
		    "config.topic is empty, and topic_from \"fixed\" needs it");
		return -SHOAL_ECONFIG;
	}
	if (name[0] != '\0' && !sh_topic_compose(prefix, name, topic)) {
		snprintf(why, cap,
		    "config.topic '%s' is no topic: segments with '/' between "
		    "them, without '+', '#', '$', at most %d bytes with its "
		    "prefix",
		    name, SH_TOPIC_RULE_MAX);
		return -SHOAL_ECONFIG;
	}
	return 0;
}

void
sh_topic_rule_read(
    const struct shoal_settings *settings, struct sh_topic_rule *rule_out)
{
	const char *source = shoal_settings_string(settings, "topic_from");

	rule_out->from = (enum sh_topic_from)find_source(source);
	rule_out->name = shoal_settings_string(settings, "topic");
	rule_out->prefix = shoal_settings_string(settings, "topic_prefix");
}

/* --- requests -------------------------------------------------------------- */

int
sh_topic_rule_apply(const struct sh_topic_rule *rule, struct shoal_request *req,
    char topic[SHOAL_TOPIC_MAX + 1])
{
	const char *name = NULL;

	if (rule->from == SH_TOPIC_PATH)
		name = shoal_request_rest(req);
	else if (rule->from == SH_TOPIC_QUERY)
		name = shoal_request_param(req, "topic");
	if (name == NULL || name[0] == '\0')
		name = rule->name;
	if (name[0] == '\0')
		return 404;
	return sh_topic_compose(rule->prefix, name, topic) ? 0 : 400;
}

void
sh_topic_rule_refuse(struct shoal_request *req, int status)
{
	sh_refuse(req, status,
	    status == 404
		? "which topic? none is named"
		: "no topic can be called this: segments of UTF-8 with '/' "
		  "between them, without '+', '#', control characters, or "
		  "'$' at the beginning of one, and not too long");
}
