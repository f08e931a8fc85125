/*
 * This file is a member of a room: how it comes in, what becomes of what it says, and
 * how it leaves. What it is sent goes past the handler.
 */
#include "config.h"

#include "handlers/room.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/co.h>
#include <shoal/error.h>
#include <shoal/log.h>
#include <shoal/request.h>

enum {
	ASK_TIMEOUT_MS = 1000,      /* who is there */
	ANNOUNCE_TIMEOUT_MS = 1000, /* who comes and goes */
	MEMBERS_SHOWN_MAX = 200
};

struct sh_room_member *
sh_room_member_new(const struct sh_room *room, const char *topic,
    const char *name, unsigned rights)
{
	size_t topic_len = strlen(topic), name_len = strlen(name);
	struct sh_room_member *member =
	    malloc(sizeof(*member) + topic_len + name_len + 2);

	if (member == NULL)
		return NULL;
	member->room = room;
	member->rights = (uint8_t)rights;
	member->announced = false;
	member->topic_len = (uint16_t)topic_len;
	memcpy(member->topic, topic, topic_len + 1);
	memcpy(member->topic + topic_len + 1, name, name_len + 1);
	return member;
}

/* Close with what the client can do about it. */
static void
give_up(struct shoal_ws *ws, int r)
{
	int code = SHOAL_WS_INTERNAL_ERROR;
	const char *reason = "internal error";

	if (r == -SHOAL_ECANCELED)
		return; /* it is closed, or the worker stops, which says so */
	if (r == -SHOAL_EMSGSIZE) {
		code = SHOAL_WS_TOO_BIG;
		reason = "longer than a message can be here";
	} else if (r == -SHOAL_ENOTCONN) {
		code = SHOAL_WS_TRY_LATER;
		reason = "the broker cannot be reached; not published";
	} else if (r == -SHOAL_ENOMEM) {
		code = SHOAL_WS_TRY_LATER;
		reason = "out of memory";
	} else if (r == -SHOAL_EINVAL) {
		code = SHOAL_WS_POLICY;
		reason = "the name has to be UTF-8";
	} else {
		shoal_log(SHOAL_LOG_ERR, "room: %s", shoal_strerror(r));
	}
	(void)shoal_ws_close(ws, code, reason);
}

/* --- coming in ------------------------------------------------------------- */

static void
announcement_topic(
    const struct sh_room_member *member, char topic[SHOAL_TOPIC_MAX + 1])
{
	snprintf(
	    topic, SHOAL_TOPIC_MAX + 1, "%s" SH_ROOM_MEMBERS, member->topic);
}

static void
announce(struct shoal_ws *ws, const struct sh_room_member *member, char what)
{
	const struct shoal_publish_options options = {
		.size = sizeof(options),
		.from = shoal_ws_id(ws),
		.not_to_sender = true,
	};
	char topic[SHOAL_TOPIC_MAX + 1], text[SH_ROOM_NAME_MAX + 2];
	int len;

	announcement_topic(member, topic);
	len = snprintf(
	    text, sizeof(text), "%c%s", what, sh_room_member_name(member));
	/* who is not told of it may ask who is there */
	(void)shoal_co_publish(topic, SHOAL_WS_TEXT, text, (size_t)len,
	    &options, ANNOUNCE_TIMEOUT_MS);
}

static void
send_welcome(struct shoal_ws *ws, const struct sh_room_member *member)
{
	uint64_t id = shoal_ws_id(ws);
	ssize_t len = sh_room_write_welcome(member, id, NULL, 0);
	char *text = malloc((size_t)len);

	if (text == NULL)
		return;
	(void)sh_room_write_welcome(member, id, text, (size_t)len);
	(void)shoal_ws_send(ws, SHOAL_WS_TEXT, text, (size_t)len);
	free(text);
}

static void
send_members(struct shoal_ws *ws, const struct sh_room_member *member)
{
	struct shoal_topic_members *members;
	ssize_t len;
	char *text;

	if (shoal_co_topic_members(member->topic, ASK_TIMEOUT_MS, &members) < 0)
		return;
	len =
	    sh_room_write_members(member, members, MEMBERS_SHOWN_MAX, NULL, 0);
	text = malloc((size_t)len);
	if (text != NULL) {
		(void)sh_room_write_members(
		    member, members, MEMBERS_SHOWN_MAX, text, (size_t)len);
		(void)shoal_ws_send(ws, SHOAL_WS_TEXT, text, (size_t)len);
	}
	free(text);
	shoal_topic_members_free(&members);
}

static int
subscribe(struct shoal_ws *ws, const struct sh_room_member *member,
    const struct sh_room_entry *entry)
{
	const struct sh_room *room = member->room;
	const struct shoal_subscribe_options options = {
		.size = sizeof(options),
		.render = room->json ? sh_room_render : NULL,
		.render_arg = (void *)(uintptr_t)room,
		.member = entry->name,
		.replay = entry->resume ? -1 : room->replay,
		.resume = entry->resume,
		.epoch = entry->epoch,
		.offset = entry->offset,
		.close_on_gap = room->close_on_gap,
	};

	return shoal_ws_subscribe(ws, member->topic, &options);
}

static int
follow_members(struct shoal_ws *ws, const struct sh_room_member *member)
{
	const struct shoal_subscribe_options options = {
		.size = sizeof(options),
		.render = sh_room_render_announcement,
		.render_arg = (void *)(uintptr_t)member->room,
	};
	char topic[SHOAL_TOPIC_MAX + 1];

	announcement_topic(member, topic);
	return shoal_ws_subscribe(ws, topic, &options);
}

static void
on_open(struct shoal_ws *ws, struct shoal_request *req, void *arg)
{
	struct sh_room_member *member = arg;
	const struct sh_room *room = member->room;
	int r;

	if (room->json)
		send_welcome(ws, member);
	r = subscribe(ws, member, shoal_request_data(req));
	if (r == 0 && room->announce)
		r = follow_members(ws, member);
	if (r < 0) {
		give_up(ws, r);
		return;
	}
	if (!room->announce)
		return;
	send_members(ws, member);
	member->announced = true;
	announce(ws, member, '+');
}

/* --- being there ----------------------------------------------------------- */

static int
publish(struct shoal_ws *ws, const struct sh_room_member *member,
    enum shoal_ws_type type, const char *data, size_t len)
{
	const struct shoal_publish_options options = {
		.size = sizeof(options),
		.from = shoal_ws_id(ws),
		.not_to_sender = !member->room->echo,
	};

	return shoal_co_publish(
	    member->topic, type, data, len, &options, SHOAL_FOREVER);
}

/* Once for all who get it, so it is worth a copy. */
static int
publish_with_prefix(struct shoal_ws *ws, const struct sh_room_member *member,
    const struct shoal_message *message)
{
	const struct sh_room *room = member->room;
	size_t len = room->prefix_len + message->len;
	char *text = malloc(len);
	int r;

	if (text == NULL)
		return -SHOAL_ENOMEM;
	memcpy(text, room->prefix, room->prefix_len);
	memcpy(text + room->prefix_len, message->data, message->len);
	r = publish(ws, member, SHOAL_WS_TEXT, text, len);
	free(text);
	return r;
}

/* While it waits, the client is not read: who publishes waits for who is slow. */
static void
on_message(struct shoal_ws *ws, const struct shoal_message *message, void *arg)
{
	const struct sh_room_member *member = arg;
	const struct sh_room *room = member->room;
	int r;

	if ((member->rights & SHOAL_MAY_PUBLISH) == 0) {
		(void)shoal_ws_close(
		    ws, SHOAL_WS_POLICY, "not allowed to publish here");
		return;
	}
	if (room->json && message->type != SHOAL_WS_TEXT) {
		(void)shoal_ws_close(
		    ws, SHOAL_WS_UNSUPPORTED, "text only, please");
		return;
	}
	if (room->prefix_len != 0 && message->type == SHOAL_WS_TEXT)
		r = publish_with_prefix(ws, member, message);
	else
		r = publish(
		    ws, member, message->type, message->data, message->len);
	if (r < 0)
		give_up(ws, r);
}

static void
on_close(struct shoal_ws *ws, const struct shoal_ws_end *end, void *arg)
{
	struct sh_room_member *member = arg;

	(void)end;
	if (member->announced)
		announce(ws, member, '-');
	free(member);
}

const struct shoal_ws_callbacks sh_room_callbacks = {
	.size = sizeof(struct shoal_ws_callbacks),
	.on_open = on_open,
	.on_message = on_message,
	.on_close = on_close,
};
