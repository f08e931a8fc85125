/*
 * This file is what the files of the handler `room' know of each other; it is not
 * for others.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include <shoal/topic.h>
#include <shoal/ws.h>

#include "handlers/access.h"
#include "handlers/topic_rule.h"

/* Below the topic of a room: who comes and goes. Clients cannot publish to it. */
#define SH_ROOM_MEMBERS "/$members"

enum { SH_ROOM_NAME_MAX = 255 /* bytes of a member's name */ };

struct sh_room {
	struct sh_topic_rule rule;
	struct sh_access access;
	const char *prefix; /* before every text */
	size_t prefix_len;
	int64_t replay;
	bool json, echo, publish, announce, close_on_gap;
};

/* A WebSocket in it: all that it costs while it is idle. */
struct sh_room_member {
	const struct sh_room *room;
	uint8_t rights; /* enum shoal_right */
	bool announced; /* the others know of it */
	uint16_t topic_len;
	char topic[]; /* with its NUL; behind it the name, likewise */
};

/* How a client comes in; while its request is there. */
struct sh_room_entry {
	const char *name; /* NULL: none */
	bool resume;
	uint64_t epoch, offset;
};

/** The name of a member, "" for none. */
static inline const char *
sh_room_member_name(const struct sh_room_member *member)
{
	return member->topic + member->topic_len + 1;
}

/* --- room_member.c --- */

/** Make a member. NULL without memory; free(3). */
struct sh_room_member *sh_room_member_new(const struct sh_room *room,
    const char *topic, const char *name, unsigned rights);
/* What a member does; the argument is the member, the request's data its entry. */
extern const struct shoal_ws_callbacks sh_room_callbacks;

/* --- room_message.c: what members of a room with JSON are sent --- */

/** A message or a gap; arg is the room. */
ssize_t sh_room_render(const struct shoal_topic_message *message, char *buf,
    size_t cap, void *arg);
/** Who has come or gone, published below the topic; arg is the room. */
ssize_t sh_room_render_announcement(const struct shoal_topic_message *message,
    char *buf, size_t cap, void *arg);
/** What a member is told first. */
ssize_t sh_room_write_welcome(
    const struct sh_room_member *member, uint64_t id, char *buf, size_t cap);
/** Who is there; at most max of them. */
ssize_t sh_room_write_members(const struct sh_room_member *member,
    const struct shoal_topic_members *members, size_t max, char *buf,
    size_t cap);
