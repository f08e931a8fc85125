/* This file tests handlers/room_message.c: what members are sent. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "handlers/room.h"
#include "support/suite.h"

static struct sh_room room = { .rule = { .prefix = "room/", .name = "lobby" } };

/* Whole, and counted without a place to write to. */
static void
expect_text(shoal_topic_render_fn *render,
    const struct shoal_topic_message *message, const char *wanted)
{
	char buf[512];
	ssize_t len = render(message, NULL, 0, &room);

	ck_assert_int_eq(len, (ssize_t)strlen(wanted));
	ck_assert_int_eq(render(message, buf, sizeof(buf), &room), len);
	buf[len] = '\0';
	ck_assert_str_eq(buf, wanted);
}

START_TEST(test_message)
{
	struct shoal_topic_message message = {
		.event = SHOAL_TOPIC_MESSAGE,
		.type = SHOAL_WS_TEXT,
		.topic = "room/a \"b\"",
		.data = "x\ny",
		.len = 3,
		.time_ms = 1700000000123,
	};

	expect_text(sh_room_render, &message,
	    "{\"topic\":\"a \\\"b\\\"\",\"time\":1700000000123,"
	    "\"data\":\"x\\ny\"}");
	message.from = UINT64_C(0xfedcba9876543210);
	message.epoch = UINT64_MAX;
	message.offset = 42;
	message.replayed = true;
	expect_text(sh_room_render, &message,
	    "{\"topic\":\"a \\\"b\\\"\",\"from\":\"18364758544493064720\","
	    "\"time\":1700000000123,\"epoch\":\"18446744073709551615\","
	    "\"offset\":42,\"replayed\":true,\"data\":\"x\\ny\"}");
}
END_TEST

START_TEST(test_gap)
{
	struct shoal_topic_message message = {
		.event = SHOAL_TOPIC_GAP,
		.type = SHOAL_WS_TEXT,
		.topic = "room/lobby",
		.data = "",
	};

	expect_text(
	    sh_room_render, &message, "{\"topic\":\"lobby\",\"gap\":true}");
	/* of any topic at all */
	message.topic = "#";
	expect_text(sh_room_render, &message, "{\"topic\":\"#\",\"gap\":true}");
}
END_TEST

/* JSON has no bytes, and a binary frame with JSON in it helps nobody. */
START_TEST(test_binary)
{
	const struct shoal_topic_message message = {
		.event = SHOAL_TOPIC_MESSAGE,
		.type = SHOAL_WS_BINARY,
		.topic = "room/lobby",
		.data = "\xff",
		.len = 1,
	};

	ck_assert_int_eq(sh_room_render(&message, NULL, 0, &room), 0);
}
END_TEST

START_TEST(test_announcement)
{
	struct shoal_topic_message message = {
		.event = SHOAL_TOPIC_MESSAGE,
		.type = SHOAL_WS_TEXT,
		.topic = "room/lobby" SH_ROOM_MEMBERS,
		.data = "+Ada",
		.len = 4,
		.from = 7,
	};

	expect_text(sh_room_render_announcement, &message,
	    "{\"topic\":\"lobby\",\"join\":{\"id\":\"7\","
	    "\"name\":\"Ada\"}}");
	message.data = "-";
	message.len = 1;
	expect_text(sh_room_render_announcement, &message,
	    "{\"topic\":\"lobby\",\"leave\":{\"id\":\"7\","
	    "\"name\":\"\"}}");
	message.event = SHOAL_TOPIC_GAP;
	ck_assert_int_eq(
	    sh_room_render_announcement(&message, NULL, 0, &room), 0);
}
END_TEST

START_TEST(test_member)
{
	struct shoal_topic_member list[] = { { 1, "Ada" }, { 2, "\"" },
		{ 3, "C" } };
	const struct shoal_topic_members members = {
		.count = 9, .len = SH_ARRAY_LEN(list), .list = list
	};
	struct sh_room_member *member =
	    sh_room_member_new(&room, "room/lobby", "Ada", SHOAL_MAY_SUBSCRIBE);
	char buf[256];
	ssize_t len;

	ck_assert_ptr_nonnull(member);
	ck_assert_str_eq(member->topic, "room/lobby");
	ck_assert_str_eq(sh_room_member_name(member), "Ada");
	ck_assert(!member->announced);
	len = sh_room_write_welcome(member, 5, buf, sizeof(buf));
	buf[len] = '\0';
	ck_assert_str_eq(buf,
	    "{\"topic\":\"lobby\",\"welcome\":{\"id\":\"5\","
	    "\"name\":\"Ada\",\"publish\":false}}");
	len = sh_room_write_members(member, &members, 2, buf, sizeof(buf));
	buf[len] = '\0';
	ck_assert_str_eq(buf,
	    "{\"topic\":\"lobby\",\"count\":9,\"members\":["
	    "{\"id\":\"1\",\"name\":\"Ada\"},"
	    "{\"id\":\"2\",\"name\":\"\\\"\"}]}");
	free(member);
}
END_TEST

SH_SUITE("handlers/room_message", test_message, test_gap, test_binary,
    test_announcement, test_member)
