/* This file tests topic/presence_code.c and topic/presence_asking.c: what is asked and
 * answered about subscribers, without anybody who carries it. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/topic.h>

#include "support/suite.h"
#include "topic/presence_private.h"

static const struct sh_asker one = { 1, 10 }, two = { 1, 20 };

START_TEST(questions_come_as_they_were)
{
	static const char topic[] = "chat/1";
	struct sh_question question = { .from = { UINT64_MAX, 7 },
		.number = 3,
		.round = 2,
		.names = true,
		.topic_len = sizeof(topic) - 1 };
	uint8_t bytes[SH_QUESTION_HEAD + sizeof(topic)];
	struct sh_question seen;
	size_t len = SH_QUESTION_HEAD + question.topic_len, i;

	sh_question_encode(&question, bytes);
	memcpy(bytes + SH_QUESTION_HEAD, topic, question.topic_len);
	ck_assert_int_eq(sh_question_decode(&seen, bytes, len), 0);
	ck_assert_uint_eq(seen.from.node, UINT64_MAX);
	ck_assert_uint_eq(seen.from.incarnation, 7);
	ck_assert_uint_eq(seen.number, 3);
	ck_assert_uint_eq(seen.round, 2);
	ck_assert(seen.names);
	ck_assert_mem_eq(seen.topic, topic, seen.topic_len);
	for (i = 0; i < len; i++)
		ck_assert_int_eq(
		    sh_question_decode(&seen, bytes, i), -SHOAL_EPROTO);
	ck_assert_int_eq(
	    sh_question_decode(&seen, bytes, len + 1), -SHOAL_EPROTO);
	bytes[0] ^= 1;
	ck_assert_int_eq(sh_question_decode(&seen, bytes, len), -SHOAL_EPROTO);
}
END_TEST

/* An answer as bytes, read again; the entries stay in buf. */
static int
pass_on(struct sh_answer *answer, const struct sh_buf *buf, size_t cut)
{
	static uint8_t bytes[SH_ANSWER_MAX];

	answer->len = buf->len;
	sh_answer_encode(answer, bytes);
	if (buf->len != 0)
		memcpy(bytes + SH_ANSWER_HEAD, buf->data, buf->len);
	return sh_answer_decode(answer, bytes, SH_ANSWER_HEAD + buf->len - cut);
}

START_TEST(answers_come_as_they_were)
{
	struct sh_answer answer = { .from = two,
		.number = 5,
		.round = 1,
		.part = 3,
		.last = true,
		.count = 99 };
	char longest[257];
	struct sh_entry entry;
	struct sh_buf buf;
	const uint8_t *at;
	size_t left, cut;

	memset(longest, 'n', 256);
	longest[256] = '\0';
	sh_buf_init(&buf, 4096);
	ck_assert_int_eq(sh_entry_add(&buf, 1, longest), -SHOAL_EMSGSIZE);
	longest[255] = '\0';
	ck_assert_int_eq(sh_entry_add(&buf, UINT64_MAX, longest), 0);
	ck_assert_int_eq(sh_entry_add(&buf, 2, "b"), 0);
	ck_assert_int_eq(pass_on(&answer, &buf, 0), 0);
	ck_assert_uint_eq(answer.from.incarnation, 20);
	ck_assert_uint_eq(answer.part, 3);
	ck_assert_uint_eq(answer.count, 99);
	ck_assert(answer.last);
	at = answer.entries;
	left = answer.len;
	ck_assert(sh_entry_next(&at, &left, &entry));
	ck_assert_uint_eq(entry.id, UINT64_MAX);
	ck_assert_uint_eq(entry.name_len, 255);
	ck_assert(sh_entry_next(&at, &left, &entry));
	ck_assert_uint_eq(entry.id, 2);
	ck_assert_mem_eq(entry.name, "b", 1);
	ck_assert(!sh_entry_next(&at, &left, &entry));
	for (cut = 1; cut <= SH_ANSWER_HEAD + buf.len; cut++)
		ck_assert_int_eq(pass_on(&answer, &buf, cut), -SHOAL_EPROTO);
	/* whole entries only */
	ck_assert_uint_eq(sh_entries_fitting(buf.data, buf.len, 263), 0);
	ck_assert_uint_eq(sh_entries_fitting(buf.data, buf.len, 264), 264);
	ck_assert_uint_eq(sh_entries_fitting(buf.data, buf.len, 273), 264);
	ck_assert_uint_eq(sh_entries_fitting(buf.data, buf.len, 274), 274);
	/* a name that no member can have had */
	buf.data[buf.len - 1] = (char)0xff;
	ck_assert_int_eq(pass_on(&answer, &buf, 0), -SHOAL_EPROTO);
	buf.data[buf.len - 1] = 'b';
	/* one that says that it is longer than what is there */
	buf.data[buf.len - 2] = 2;
	ck_assert_int_eq(pass_on(&answer, &buf, 0), -SHOAL_EPROTO);
	sh_buf_fini(&buf);
}
END_TEST

/* Give a part with one entry to who asks. */
static bool
give(struct sh_asking *asking, struct sh_asker from, uint32_t round,
    uint32_t part, bool last, const char *name)
{
	struct sh_answer answer = { .from = from,
		.number = asking->number,
		.round = round,
		.part = part,
		.last = last,
		.count = 3 };
	struct sh_buf buf;
	bool taken;

	sh_buf_init(&buf, 4096);
	sh_entry_add(&buf, from.incarnation + part, name);
	answer.entries = buf.data;
	answer.len = buf.len;
	taken = sh_asking_take(asking, &answer);
	sh_buf_fini(&buf);
	return taken;
}

/* Names and numbers, "a:1 b:2"; "(some)" behind when it is not complete. */
static const char *
list(const struct sh_asking *asking, bool complete, uint64_t count)
{
	static char text[512];
	struct shoal_topic_members *members =
	    sh_asking_result(asking, complete);
	size_t i, len = 0;

	ck_assert_ptr_nonnull(members);
	ck_assert_uint_eq(members->count, count);
	ck_assert(members->complete == complete);
	text[0] = '\0';
	for (i = 0; i < members->len; i++)
		len += (size_t)snprintf(text + len, sizeof(text) - len,
		    "%s%s:%llu", i == 0 ? "" : " ", members->list[i].name,
		    (unsigned long long)members->list[i].id);
	free(members);
	return text;
}

static struct sh_asking *
ask(bool names)
{
	struct sh_asking *asking = sh_asking_new("t", names);

	asking->number = 8;
	asking->round = 1;
	return asking;
}

START_TEST(parts_of_one_round_make_an_answer)
{
	struct sh_asking *asking = ask(true);

	asking->count = 2;
	sh_entry_add(&asking->here, 7, "me");
	ck_assert(sh_asking_expect(asking, one));
	ck_assert(give(asking, one, 1, 0, false, "a"));
	ck_assert_uint_eq(sh_asking_done(asking), 0);
	/* what is not whole does not count */
	ck_assert_str_eq(list(asking, false, 2), "me:7");
	ck_assert(give(asking, one, 1, 1, true, "b"));
	ck_assert_uint_eq(sh_asking_done(asking), 1);
	ck_assert_str_eq(list(asking, true, 5), "me:7 a:10 b:11");
	/* one that was not known */
	ck_assert(give(asking, two, 1, 0, true, "c"));
	ck_assert_uint_eq(sh_asking_done(asking), 2);
	ck_assert_str_eq(list(asking, true, 8), "me:7 c:20 a:10 b:11");
	sh_asking_free(&asking);
	ck_assert_ptr_null(asking);
}
END_TEST

START_TEST(a_missing_part_is_made_up_for_by_the_next_round)
{
	struct sh_asking *asking = ask(true);

	ck_assert(give(asking, one, 1, 0, false, "old"));
	ck_assert(!give(asking, one, 1, 2, true, "late"));
	ck_assert(!give(asking, one, 1, 1, true, "too late"));
	ck_assert_uint_eq(sh_asking_done(asking), 0);
	/* it has not been asked yet */
	ck_assert(!give(asking, one, 2, 0, true, "x"));
	asking->round = 2;
	ck_assert(give(asking, one, 2, 0, true, "new"));
	ck_assert_uint_eq(sh_asking_done(asking), 1);
	ck_assert_str_eq(list(asking, true, 3), "new:10");
	ck_assert_uint_eq(asking->bytes, 12);
	/* once is enough */
	ck_assert(!give(asking, one, 2, 0, true, "again"));
	ck_assert_str_eq(list(asking, true, 3), "new:10");
	/* an answer to the first question is as good */
	ck_assert(give(asking, two, 1, 0, true, "first"));
	ck_assert_uint_eq(sh_asking_done(asking), 2);
	sh_asking_free(&asking);
}
END_TEST

START_TEST(only_what_was_asked_is_taken)
{
	struct sh_asking *asking = ask(false);
	struct sh_answer other = { .from = one, .number = 9, .round = 1 };

	ck_assert(!sh_asking_take(asking, &other));
	/* no names were wanted */
	ck_assert(give(asking, one, 1, 0, true, "name"));
	ck_assert_str_eq(list(asking, true, 3), "");
	sh_asking_free(&asking);
}
END_TEST

START_TEST(there_is_a_maximum)
{
	struct sh_asking *asking = ask(true);

	asking->bytes = SH_ANSWERS_MAX - 11;
	ck_assert(give(asking, one, 1, 0, false, "abc"));
	ck_assert(asking->failed);
	sh_asking_free(&asking);
}
END_TEST

SH_SUITE("topic/presence", questions_come_as_they_were,
    answers_come_as_they_were, parts_of_one_round_make_an_answer,
    a_missing_part_is_made_up_for_by_the_next_round,
    only_what_was_asked_is_taken, there_is_a_maximum)
