/*
 * This file finds out which topic a request is about, by the settings of a handler:
 * the path, the query, or always the same.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <shoal/settings.h>
#include <shoal/topic.h>

struct shoal_request;

enum {
	/* of a topic that clients can have; a room has something below it */
	SH_TOPIC_RULE_MAX = SHOAL_TOPIC_MAX - 16
};

enum sh_topic_from { SH_TOPIC_PATH, SH_TOPIC_QUERY, SH_TOPIC_FIXED };

struct sh_topic_rule {
	enum sh_topic_from from;
	const char *name;   /* the one there is, or when none is asked for */
	const char *prefix; /* before every name */
};

/* The rows of a handler's table. */
#define SH_TOPIC_RULE_SETTINGS                                                    \
	{ "topic_from", SHOAL_SETTING_STRING, "path", 0, 0,                       \
		"what names the topic: \"path\" (behind that of the route), "     \
		"\"query\" (?topic=NAME) or \"fixed\"" },                         \
	    { "topic", SHOAL_SETTING_STRING, "lobby", 0, 0,                       \
		    "topic when the request names none, or always; empty: 404" }, \
	{                                                                         \
		"topic_prefix", SHOAL_SETTING_STRING, "room/", 0, 0,              \
		    "what topics begin with inside of the server"                 \
	}

/** What is wrong with these settings: 0, or -SHOAL_ECONFIG with the reason in
 *  why. */
int sh_topic_rule_check(
    const struct shoal_settings *settings, char *why, size_t cap);
/** Read them; lends from the settings. */
void sh_topic_rule_read(
    const struct shoal_settings *settings, struct sh_topic_rule *rule_out);
/**
 * The topic of a request, with the prefix, into topic.
 *
 * Returns 0; 404 when none is asked for and there is none; 400 when it cannot be
 *         one.
 */
int sh_topic_rule_apply(const struct sh_topic_rule *rule,
    struct shoal_request *req, char topic[SHOAL_TOPIC_MAX + 1]);
/** Refuse a request with that status. */
void sh_topic_rule_refuse(struct shoal_request *req, int status);
/** Put prefix and name together. Whether that is a topic for clients: valid, not
 *  too long, and no segment that begins with '$', which are shoal's own. */
bool sh_topic_compose(
    const char *prefix, const char *name, char topic[SHOAL_TOPIC_MAX + 1]);
/** The name in a topic of this rule. */
const char *
sh_topic_rule_name(const struct sh_topic_rule *rule, const char *topic);
/** The filter of all its topics: one, or those below the prefix. */
void sh_topic_rule_filter(
    const struct sh_topic_rule *rule, char filter[SHOAL_TOPIC_MAX + 1]);
