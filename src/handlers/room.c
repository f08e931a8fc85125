/*
 * This file is the handler `room': WebSockets that hear each other, on every worker.
 * It decides who may come in, and into which room.
 */
#include "config.h"

#include "handlers/room.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/handler.h>
#include <shoal/log.h>

#include "handlers/builtin.h"
#include "handlers/refuse.h"

enum { WHY_MAX = 512 };

/* --- settings -------------------------------------------------------------- */

static bool
is_json(const struct shoal_settings *settings)
{
	return strcmp(shoal_settings_string(settings, "format"), "json") == 0;
}

static int
check_format(const struct shoal_settings *settings, char *why, size_t cap)
{
	const char *format = shoal_settings_string(settings, "format");

	if (strcmp(format, "plain") != 0 && strcmp(format, "json") != 0)
		snprintf(why, cap,
		    "config.format '%s' is not \"plain\" or \"json\"", format);
	else if (shoal_settings_bool(settings, "announce") &&
	    !is_json(settings))
		snprintf(why, cap,
		    "config.announce needs format = \"json\": otherwise "
		    "clients could not tell it from what is said");
	else
		return 0;
	return -SHOAL_ECONFIG;
}

static int
check_access(const struct shoal_settings *settings, char *why, size_t cap)
{
	bool subscribe = sh_token_is_set(settings, "subscribe_token");
	bool publish = sh_token_is_set(settings, "publish_token");
	int r = sh_token_check(settings, "subscribe_token", why, cap);

	if (r == 0)
		r = sh_token_check(settings, "publish_token", why, cap);
	if (r == 0)
		r = sh_authorize_check(
		    settings, subscribe || publish, why, cap);
	if (r == 0 && publish && !shoal_settings_bool(settings, "publish")) {
		snprintf(why, cap,
		    "config.publish is false, so nobody needs publish_token");
		r = -SHOAL_ECONFIG;
	}
	return r;
}

/* Every process says it: the check, and each worker. */
static int
keep_history(const struct shoal_settings *settings, char *why, size_t cap)
{
	const struct shoal_topic_history history = {
		.size = sizeof(history),
		.count = shoal_settings_int(settings, "history.count"),
		.bytes = shoal_settings_int(settings, "history.bytes"),
		.age_ms = shoal_settings_int(settings, "history.age"),
	};
	struct sh_topic_rule rule;
	char filter[SHOAL_TOPIC_MAX + 1];
	int r;

	if (history.count == 0 && history.bytes == 0 && history.age_ms == 0)
		return 0;
	sh_topic_rule_read(settings, &rule);
	sh_topic_rule_filter(&rule, filter);
	r = shoal_topic_keep(filter, &history);
	if (r == -SHOAL_EEXIST)
		snprintf(why, cap,
		    "config.history: the topics '%s' keep a history with "
		    "other bounds already, of another handler; say the same "
		    "everywhere, or give this room another topic_prefix",
		    filter);
	else if (r < 0)
		snprintf(why, cap, "config.history of '%s': %s", filter,
		    shoal_strerror(r));
	return r;
}

static int
check_room(const struct shoal_settings *settings, char *why, size_t cap)
{
	int r = sh_topic_rule_check(settings, why, cap);

	if (r == 0)
		r = check_format(settings, why, cap);
	if (r == 0)
		r = check_access(settings, why, cap);
	return r == 0 ? keep_history(settings, why, cap) : r;
}

/* --- begin and end --------------------------------------------------------- */

static void
read_settings(const struct shoal_settings *settings, struct sh_room *room)
{
	sh_topic_rule_read(settings, &room->rule);
	room->prefix = shoal_settings_string(settings, "prefix");
	room->prefix_len = strlen(room->prefix);
	room->json = is_json(settings);
	room->echo = shoal_settings_bool(settings, "echo");
	room->publish = shoal_settings_bool(settings, "publish");
	room->announce = shoal_settings_bool(settings, "announce");
	room->close_on_gap = shoal_settings_bool(settings, "close_on_gap");
	room->replay = shoal_settings_int(settings, "replay");
}

static void
close_room(void *arg)
{
	struct sh_room *room = arg;

	sh_access_fini(&room->access);
	free(room);
}

static int
open_room(const struct shoal_settings *settings, void **arg_out)
{
	struct sh_room *room = calloc(1, sizeof(*room));
	char why[WHY_MAX] = "";
	int r;

	if (room == NULL)
		return -SHOAL_ENOMEM;
	read_settings(settings, room);
	r = sh_token_read(
	    settings, "subscribe_token", &room->access.subscribe_token);
	if (r == 0)
		r = sh_token_read(
		    settings, "publish_token", &room->access.publish_token);
	if (r == 0)
		r = sh_authorize_open(settings, &room->access);
	if (r == 0)
		r = keep_history(settings, why, sizeof(why));
	if (why[0] != '\0')
		shoal_log(SHOAL_LOG_ERR, "room: %s", why);
	if (r < 0) {
		close_room(room);
		return r;
	}
	*arg_out = room;
	return 0;
}

/* --- who comes in ---------------------------------------------------------- */

static bool
read_number(const char *text, uint64_t *out)
{
	unsigned long long number;
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	number = strtoull(text, &end, 10);
	*out = number;
	return *end == '\0' && errno == 0;
}

/* Where a client has been: what it was sent last. */
static bool
read_place(struct shoal_request *req, struct sh_room_entry *entry)
{
	const char *epoch = shoal_request_param(req, "epoch");
	const char *offset = shoal_request_param(req, "offset");

	if (epoch == NULL && offset == NULL)
		return true;
	entry->resume = true;
	return epoch != NULL && offset != NULL &&
	    read_number(epoch, &entry->epoch) &&
	    read_number(offset, &entry->offset);
}

static bool
is_name(const char *name)
{
	size_t i;

	for (i = 0; name[i] != '\0'; i++)
		if ((unsigned char)name[i] < ' ' || name[i] == 127)
			return false;
	return i <= SH_ROOM_NAME_MAX;
}

/* 0, or the request has been refused. */
static int
read_entry(struct shoal_request *req, struct sh_room_entry *entry)
{
	entry->name = shoal_request_user(req);
	if (entry->name == NULL)
		entry->name = shoal_request_param(req, "name");
	if (entry->name != NULL && !is_name(entry->name)) {
		sh_refuse(req, 400,
		    "the name has more than 255 bytes, or control characters "
		    "in it");
		return -SHOAL_EINVAL;
	}
	if (!read_place(req, entry)) {
		sh_refuse(req, 400,
		    "epoch and offset are two numbers, of the last message "
		    "that has come");
		return -SHOAL_EINVAL;
	}
	return 0;
}

static void
let_in(const struct sh_room *room, struct shoal_request *req, const char *topic,
    unsigned rights)
{
	struct sh_room_entry entry = { .name = NULL };
	struct sh_room_member *member;

	if (read_entry(req, &entry) < 0)
		return;
	member = sh_room_member_new(
	    room, topic, entry.name != NULL ? entry.name : "", rights);
	if (member == NULL) {
		sh_refuse(req, 503, "out of memory");
		return;
	}
	shoal_request_set_data(req, &entry);
	if (shoal_ws_serve(req, NULL, &sh_room_callbacks, member) < 0)
		free(member);
}

static void
on_request(struct shoal_request *req, void *arg)
{
	const struct sh_room *room = arg;
	char topic[SHOAL_TOPIC_MAX + 1];
	unsigned rights;
	int status;

	rights = sh_access_judge(&room->access, req, SHOAL_MAY_SUBSCRIBE);
	if (rights == 0)
		return;
	status = sh_topic_rule_apply(&room->rule, req, topic);
	if (status != 0) {
		sh_topic_rule_refuse(req, status);
		return;
	}
	if (!room->publish)
		rights &= ~(unsigned)SHOAL_MAY_PUBLISH;
	let_in(room, req, topic, rights);
}

static const struct shoal_setting settings[] = {
	SH_TOPIC_RULE_SETTINGS,
	{ "subscribe_token", SHOAL_SETTING_STRING, "", 0, 0,
	    "token that is needed to come in; empty: none" },
	{ "subscribe_token_file", SHOAL_SETTING_STRING, "", 0, 0,
	    "file whose first line is that token" },
	{ "publish_token", SHOAL_SETTING_STRING, "", 0, 0,
	    "token that is needed to say something; empty: none" },
	{ "publish_token_file", SHOAL_SETTING_STRING, "", 0, 0,
	    "file whose first line is that token" },
	{ "authorize", SHOAL_SETTING_STRING, "", 0, 0,
	    "handler that decides instead who may do what" },
	{ "publish", SHOAL_SETTING_BOOL, "true", 0, 0,
	    "clients may say something" },
	{ "echo", SHOAL_SETTING_BOOL, "true", 0, 0,
	    "who says something gets it, too" },
	{ "prefix", SHOAL_SETTING_STRING, "", 0, 0,
	    "what is put before every text that a client sends" },
	{ "format", SHOAL_SETTING_STRING, "plain", 0, 0,
	    "what clients are sent: \"plain\" messages, or \"json\"" },
	{ "announce", SHOAL_SETTING_BOOL, "false", 0, 0,
	    "tell who is there, comes and goes; with format json" },
	{ "replay", SHOAL_SETTING_INT, "-1", -1, 1000000,
	    "messages of the history for who comes in; -1: all" },
	{ "close_on_gap", SHOAL_SETTING_BOOL, "false", 0, 0,
	    "close with 1013 when messages were lost" },
	{ "history.count", SHOAL_SETTING_INT, "0", 0, 1000000,
	    "messages that a topic keeps; 0: not bounded by it" },
	{ "history.bytes", SHOAL_SETTING_SIZE, "0", 0, 64 << 20,
	    "bytes that a topic keeps; 0: not bounded by it" },
	{ "history.age", SHOAL_SETTING_DURATION, "0s", 0, 31536000000,
	    "how long a topic keeps messages; 0: not bounded by it" },
	{ NULL },
};

const struct shoal_handler sh_room_handler = {
	.size = sizeof(struct shoal_handler),
	.name = "room",
	.doc = "WebSockets that get what any of them sends, on every worker",
	.settings = settings,
	.open = open_room,
	.close = close_room,
	.request = on_request,
	.check = check_room,
};
