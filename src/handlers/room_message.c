/* This file is what members of a room with JSON are sent. It does no I/O. */
#include "config.h"

#include "handlers/room.h"

#include <string.h>

#include "handlers/json.h"

/* The topic as clients call it: without the prefix. */
static void
begin(struct sh_json *json, const struct sh_room *room, const char *topic,
    size_t len)
{
	size_t before = strlen(room->rule.prefix);

	/* what is not known of a gap may be a filter, but not a shorter one */
	if (len > before) {
		topic += before;
		len -= before;
	}
	sh_json_raw(json, "{\"topic\":");
	sh_json_string(json, topic, len);
}

static void
write_place(struct sh_json *json, const struct shoal_topic_message *message)
{
	if (message->epoch != 0) {
		sh_json_raw(json, ",\"epoch\":");
		sh_json_id(json, message->epoch);
		sh_json_raw(json, ",\"offset\":");
		sh_json_int(json, (int64_t)message->offset);
	}
}

ssize_t
sh_room_render(
    const struct shoal_topic_message *message, char *buf, size_t cap, void *arg)
{
	const struct sh_room *room = arg;
	struct sh_json json;

	/* JSON has no bytes, and a text message is not what was meant */
	if (message->event == SHOAL_TOPIC_MESSAGE &&
	    message->type != SHOAL_WS_TEXT)
		return 0;
	sh_json_init(&json, buf, cap);
	begin(&json, room, message->topic, strlen(message->topic));
	if (message->event == SHOAL_TOPIC_GAP) {
		write_place(&json, message);
		sh_json_raw(&json, ",\"gap\":true}");
		return (ssize_t)json.len;
	}
	if (message->from != 0) {
		sh_json_raw(&json, ",\"from\":");
		sh_json_id(&json, message->from);
	}
	sh_json_raw(&json, ",\"time\":");
	sh_json_int(&json, message->time_ms);
	write_place(&json, message);
	if (message->replayed)
		sh_json_raw(&json, ",\"replayed\":true");
	sh_json_raw(&json, ",\"data\":");
	sh_json_string(&json, message->data, message->len);
	sh_json_raw(&json, "}");
	return (ssize_t)json.len;
}

static void
write_member(struct sh_json *json, uint64_t id, const char *name, size_t len)
{
	sh_json_raw(json, "{\"id\":");
	sh_json_id(json, id);
	sh_json_raw(json, ",\"name\":");
	sh_json_string(json, name, len);
	sh_json_raw(json, "}");
}

ssize_t
sh_room_render_announcement(
    const struct shoal_topic_message *message, char *buf, size_t cap, void *arg)
{
	const struct sh_room *room = arg;
	struct sh_json json;

	/* who is there can be asked for anew; of gaps the topic itself tells */
	if (message->event != SHOAL_TOPIC_MESSAGE || message->len == 0)
		return 0;
	sh_json_init(&json, buf, cap);
	begin(&json, room, message->topic,
	    strlen(message->topic) - strlen(SH_ROOM_MEMBERS));
	sh_json_raw(
	    &json, message->data[0] == '+' ? ",\"join\":" : ",\"leave\":");
	write_member(&json, message->from, message->data + 1, message->len - 1);
	sh_json_raw(&json, "}");
	return (ssize_t)json.len;
}

ssize_t
sh_room_write_welcome(
    const struct sh_room_member *member, uint64_t id, char *buf, size_t cap)
{
	const char *name = sh_room_member_name(member);
	struct sh_json json;

	sh_json_init(&json, buf, cap);
	begin(&json, member->room, member->topic, member->topic_len);
	sh_json_raw(&json, ",\"welcome\":{\"id\":");
	sh_json_id(&json, id);
	sh_json_raw(&json, ",\"name\":");
	sh_json_string(&json, name, strlen(name));
	sh_json_raw(&json, ",\"publish\":");
	sh_json_raw(&json,
	    (member->rights & SHOAL_MAY_PUBLISH) != 0 ? "true}}" : "false}}");
	return (ssize_t)json.len;
}

ssize_t
sh_room_write_members(const struct sh_room_member *member,
    const struct shoal_topic_members *members, size_t max, char *buf,
    size_t cap)
{
	struct sh_json json;
	size_t i;

	sh_json_init(&json, buf, cap);
	begin(&json, member->room, member->topic, member->topic_len);
	sh_json_raw(&json, ",\"count\":");
	sh_json_int(&json, (int64_t)members->count);
	sh_json_raw(&json, ",\"members\":[");
	for (i = 0; i < members->len && i < max; i++) {
		const struct shoal_topic_member *one = &members->list[i];

		if (i > 0)
			sh_json_raw(&json, ",");
		write_member(&json, one->id, one->name, strlen(one->name));
	}
	sh_json_raw(&json, "]}");
	return (ssize_t)json.len;
}
