/*
 * This file tests histories in a program: topic/replay.c, carrier_own.c and
 * api/api_topic_history.c.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/co.h>
#include <shoal/error.h>
#include <shoal/topic.h>

#include "base/buf.h"
#include "io/loop.h"
#include "support/suite.h"
#include "topic/carrier.h"
#include "topic/publication.h"
#include "topic/topics.h"

/* What happened, as text; looked at when shoal_run() has returned. */
static struct sh_buf notes;

static void
run(shoal_co_fn *fn, const char *wanted)
{
	sh_buf_init(&notes, SIZE_MAX);
	ck_assert_int_eq(shoal_run(fn, NULL), 0);
	sh_buf_add(&notes, "", 1);
	ck_assert_str_eq(notes.data, wanted);
	sh_buf_fini(&notes);
}

static void
note(const struct shoal_topic_message *message, void *arg)
{
	sh_buf_printf(&notes, "%s%s%.*s", arg != NULL ? (const char *)arg : "",
	    message->event == SHOAL_TOPIC_GAP ? "GAP" : "", (int)message->len,
	    message->data);
	if (message->event == SHOAL_TOPIC_MESSAGE)
		sh_buf_printf(&notes, "@%llu%s",
		    (unsigned long long)message->offset,
		    message->replayed ? "r" : "");
	sh_buf_puts(&notes, " ");
	if (message->offset != 0 && message->epoch == 0)
		sh_buf_puts(&notes, "no epoch ");
}

static void
publish(const char *topic, int number)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d", number);
	int r = shoal_publish(topic, SHOAL_WS_TEXT, text, (size_t)n, NULL);

	if (r < 0)
		sh_buf_printf(&notes, "publish %d ", r);
}

static void
publish_some(const char *topic, int from, int to)
{
	for (; from <= to; from++)
		publish(topic, from);
}

static struct shoal_subscriber *
make(const char *who)
{
	const struct shoal_subscriber_options options = {
		.size = sizeof(options),
		.on_message = note,
		.arg = (void *)(uintptr_t)who,
	};

	return shoal_subscriber_new(&options);
}

static int
keep(const char *filter, int64_t count)
{
	const struct shoal_topic_history history = { .size = sizeof(history),
		.count = count };

	return shoal_topic_keep(filter, &history);
}

static void
turn(void)
{
	int i;

	for (i = 0; i < 6; i++)
		shoal_co_sleep(0);
}

static void
add(struct shoal_subscriber *subscriber, const char *topic, int64_t replay,
    bool resume, uint64_t epoch, uint64_t offset)
{
	const struct shoal_subscribe_options options = {
		.size = sizeof(options),
		.replay = replay,
		.resume = resume,
		.epoch = epoch,
		.offset = offset,
	};
	int r = shoal_subscriber_add(subscriber, topic, &options);

	if (r < 0)
		sh_buf_printf(&notes, "add %d ", r);
}

static void
publish_live(void *arg)
{
	struct shoal_subscriber *s = make(NULL);

	(void)arg;
	keep("a/#", 10);
	add(s, "a/1", 0, false, 0, 0);
	add(s, "b", 0, false, 0, 0);
	publish_some("a/1", 1, 3);
	publish("b", 4);
	turn();
	publish("a/1", 5);
	turn();
	shoal_subscriber_free(&s);
}

START_TEST(live_messages_have_offsets)
{
	run(publish_live, "4@0 1@1 2@2 3@3 5@4 ");
}
END_TEST

static void
replay_then_live(void *arg)
{
	struct shoal_subscriber *all = make("all:"), *two = make("two:");
	struct shoal_subscriber *none = make("none:");

	(void)arg;
	keep("a", 4);
	publish_some("a", 1, 6);
	turn();
	add(all, "a", -1, false, 0, 0);
	publish("a", 7);
	turn();
	sh_buf_puts(&notes, "| ");
	add(two, "a", 2, false, 0, 0);
	add(none, "a", 0, false, 0, 0);
	turn();
	sh_buf_puts(&notes, "| ");
	publish("a", 8);
	turn();
	shoal_subscriber_free(&all);
	shoal_subscriber_free(&two);
	shoal_subscriber_free(&none);
}

START_TEST(a_replay_comes_before_what_is_live)
{
	run(replay_then_live,
	    "all:4@4r all:5@5r all:6@6r all:7@7r | two:6@6r two:7@7r | "
	    "all:8@8 two:8@8 none:8@8 ");
}
END_TEST

static void
resume(void *arg)
{
	struct shoal_subscriber *s = make(NULL);
	struct shoal_topic_messages *messages = NULL;
	uint64_t epoch;

	(void)arg;
	keep("a", 4);
	publish_some("a", 1, 6);
	if (shoal_co_topic_history("a", 0, 0, 1, 1000, &messages) < 0)
		return;
	epoch = messages->epoch;
	shoal_topic_messages_free(&messages);
	add(s, "a", -1, true, epoch, 4);
	turn();
	shoal_subscriber_remove(s, "a");
	sh_buf_puts(&notes, "| ");
	add(s, "a", 0, true, epoch, 1);
	turn();
	shoal_subscriber_remove(s, "a");
	sh_buf_puts(&notes, "| ");
	add(s, "a", -1, true, epoch, 6);
	turn();
	shoal_subscriber_remove(s, "a");
	sh_buf_puts(&notes, "| ");
	add(s, "a", 1, true, epoch + 1, 6);
	turn();
	shoal_subscriber_remove(s, "a");
	sh_buf_puts(&notes, "| ");
	add(s, "a", 1, true, 0, 0);
	add(s, "a/#", 1, false, 0, 0);
	turn();
	shoal_subscriber_free(&s);
}

START_TEST(who_resumes_gets_what_he_lacks)
{
	run(resume,
	    "5@5r 6@6r | GAP 3@3r 4@4r 5@5r 6@6r | | GAP 6@6r | add -22 "
	    "6@6r ");
}
END_TEST

static void
end_meanwhile(void *arg)
{
	struct shoal_subscriber *a = make("a:"), *b = make("b:");
	int i;

	(void)arg;
	keep("a", 1000);
	publish_some("a", 1, 700);
	turn();
	add(a, "a", -1, false, 0, 0);
	shoal_subscriber_remove(a, "a");
	add(a, "a", 1, false, 0, 0);
	for (i = 0; i < 40; i++) {
		add(b, "a", -1, false, 0, 0);
		shoal_co_sleep(0);
		shoal_subscriber_remove(b, "a");
		sh_buf_fini(&notes);
		sh_buf_init(&notes, SIZE_MAX);
	}
	add(b, "a", 3, false, 0, 0);
	shoal_subscriber_free(&b);
	add(a, "b", -1, false, 0, 0);
	turn();
	sh_buf_puts(&notes, "end");
	shoal_subscriber_free(&a);
}

START_TEST(a_replay_may_end_at_any_time)
{
	run(end_meanwhile, "end");
}
END_TEST

/* --- more than a queue has room for ------------------------------------------- */

static struct shoal_subscriber *
make_small(bool called)
{
	const struct shoal_subscriber_options options = {
		.size = sizeof(options),
		.on_message = called ? note : NULL,
		.queue_max = 1000,
	};

	return shoal_subscriber_new(&options);
}

static void
replay_much(void *arg)
{
	struct shoal_subscriber *s = make_small(true);
	int i;

	(void)arg;
	keep("a", 1000);
	publish_some("a", 1, 40);
	turn();
	add(s, "a", -1, false, 0, 0);
	for (i = 0; i < 20; i++)
		turn();
	shoal_subscriber_free(&s);
}

START_TEST(a_replay_waits_for_the_program)
{
	char wanted[400];
	size_t at = 0;
	int i;

	for (i = 1; i <= 40; i++)
		at += (size_t)snprintf(
		    wanted + at, sizeof(wanted) - at, "%d@%dr ", i, i);
	run(replay_much, wanted);
}
END_TEST

static void
receive_all(struct shoal_subscriber *s)
{
	const struct shoal_topic_message *message;

	while (shoal_co_subscriber_receive(s, &message, 10) == 0) {
		if (message->len > 10)
			sh_buf_printf(&notes, "large ");
		else
			note(message, NULL);
	}
}

/* What came meanwhile does not all fit: the gap is where it was. */
static void
lose_amid_replay(void *arg)
{
	static const char large[600 * 1024];
	struct shoal_subscriber *s = make_small(false);
	int i;

	(void)arg;
	keep("a", 30);
	publish_some("a", 1, 30);
	turn();
	add(s, "a", -1, false, 0, 0);
	turn();
	for (i = 0; i < 2; i++) {
		shoal_publish("a", SHOAL_WS_BINARY, large, sizeof(large), NULL);
		turn();
	}
	publish("a", 33);
	turn();
	receive_all(s);
	publish("a", 34);
	receive_all(s);
	shoal_subscriber_free(&s);
}

START_TEST(a_gap_amid_a_replay_comes_before_the_next)
{
	char wanted[400];
	size_t at = 0;
	int i;

	for (i = 1; i <= 30; i++)
		at += (size_t)snprintf(
		    wanted + at, sizeof(wanted) - at, "%d@%dr ", i, i);
	snprintf(wanted + at, sizeof(wanted) - at, "large GAP 34@34 ");
	run(lose_amid_replay, wanted);
}
END_TEST

/* Who leaves a topic amid its replay lacks what waited for that: it would have come
 * through another filter. */
static void
leave_amid_replay(void *arg)
{
	struct shoal_subscriber *s = make_small(false);

	(void)arg;
	keep("a/#", 30);
	publish_some("a/1", 1, 30);
	turn();
	add(s, "a/+", 0, false, 0, 0);
	add(s, "b", 0, false, 0, 0);
	add(s, "a/1", -1, false, 0, 0);
	turn();
	publish("a/1", 31);
	turn();
	shoal_subscriber_remove(s, "a/1");
	turn();
	receive_all(s);
	publish("a/1", 32);
	receive_all(s);
	/* nothing waits */
	add(s, "a/1", 1, false, 0, 0);
	turn();
	shoal_subscriber_remove(s, "a/1");
	publish("a/1", 33);
	receive_all(s);
	shoal_subscriber_free(&s);
}

START_TEST(who_leaves_amid_a_replay_is_told)
{
	run(leave_amid_replay,
	    "1@1r 2@2r 3@3r 4@4r 5@5r 6@6r GAP 32@32 32@32r 33@33 ");
}
END_TEST

/* --- reading ----------------------------------------------------------------- */

static void
read_and_note(const char *topic, uint64_t epoch, uint64_t offset, size_t max)
{
	struct shoal_topic_messages *messages = NULL;
	int r =
	    shoal_co_topic_history(topic, epoch, offset, max, 1000, &messages);
	size_t i;

	if (r < 0) {
		sh_buf_printf(&notes, "%d ", r);
		return;
	}
	sh_buf_printf(&notes, "%llu%s: ", (unsigned long long)messages->offset,
	    messages->gap ? " gap" : "");
	for (i = 0; i < messages->len; i++)
		note(&messages->list[i], NULL);
	shoal_topic_messages_free(&messages);
	shoal_topic_messages_free(&messages);
}

static void
reading(void *arg)
{
	(void)arg;
	keep("a", 3);
	read_and_note("b", 0, 0, 0);
	read_and_note("a/#", 0, 0, 0);
	read_and_note("a", 0, 0, 0);
	read_and_note("a", 1, 7, 0);
	publish_some("a", 1, 5);
	read_and_note("a", 0, 0, 0);
	read_and_note("a", 0, 0, 2);
	read_and_note("a", 1, 1, 0);
}

START_TEST(a_history_is_read)
{
	run(reading,
	    "-2 -22 0: 0 gap: 5: 3@3r 4@4r 5@5r 5: 4@4r 5@5r 5 gap: 3@3r "
	    "4@4r 5@5r ");
}
END_TEST

static void
rules(void *arg)
{
	struct shoal_topic_history wrong = { .size = 1, .count = 1 };

	(void)arg;
	sh_buf_printf(&notes, "%d ", keep("a", 1));
	sh_buf_printf(&notes, "%d ", keep("a", 1));
	sh_buf_printf(&notes, "%d ", keep("a", 2));
	sh_buf_printf(&notes, "%d ", keep("a", 0));
	sh_buf_printf(&notes, "%d", shoal_topic_keep("b", &wrong));
}

START_TEST(rules_are_checked)
{
	char wanted[64];

	snprintf(wanted, sizeof(wanted), "0 0 %d %d %d", -SHOAL_EEXIST,
	    -SHOAL_EINVAL, -SHOAL_EINVAL);
	ck_assert_int_eq(keep("a", 1), -SHOAL_ESTATE);
	run(rules, wanted);
	/* they end with the program */
	run(rules, wanted);
}
END_TEST

static void
cancelled(void *arg)
{
	int64_t *id = arg;

	read_and_note("a", 0, 0, 0);
	*id = 0;
}

static void
cancel(void *arg)
{
	static int64_t id;

	(void)arg;
	keep("a", 1);
	publish("a", 1);
	id = shoal_co_start(cancelled, &id, "reader");
	shoal_co_cancel(id);
	turn();
	sh_buf_puts(&notes, id == 0 ? "ended" : "waits");
}

START_TEST(reading_can_be_cancelled)
{
	char wanted[64];

	snprintf(wanted, sizeof(wanted), "%d ended", -SHOAL_ECANCELED);
	run(cancel, wanted);
}
END_TEST

/* --- what comes from elsewhere ------------------------------------------------- */

/* A carrier that does nothing by itself. */
static struct sh_replay asked;

static int
fake_want(struct sh_carrier *carrier, const char *filter)
{
	return 0;
}

static void
fake_unwant(struct sh_carrier *carrier, const char *filter)
{
}

static int
fake_replay(struct sh_carrier *carrier, const struct sh_replay *replay)
{
	asked = *replay;
	return 0;
}

static void
fake_forget(struct sh_carrier *carrier, void *arg)
{
	memset(&asked, 0, sizeof(asked));
}

static bool
fake_is_settled(const struct sh_carrier *carrier)
{
	return true;
}

static void
fake_close(struct sh_carrier **carrier)
{
	*carrier = NULL;
}

static const struct sh_carrier_ops fake_ops = {
	.name = "fake",
	.want = fake_want,
	.unwant = fake_unwant,
	.replay = fake_replay,
	.forget = fake_forget,
	.is_settled = fake_is_settled,
	.close = fake_close,
};

static struct sh_publication
numbered(char *text, uint64_t epoch, uint64_t offset)
{
	*text = (char)('0' + offset);
	return (struct sh_publication){ .topic = "a",
		.topic_len = 1,
		.hash = sh_topic_hash("a", 1),
		.type = SHOAL_WS_TEXT,
		.epoch = epoch,
		.offset = offset,
		.data = text,
		.len = 1 };
}

static void
come(const struct sh_carrier *carrier, uint64_t epoch, uint64_t from,
    uint64_t to)
{
	char text;

	for (; from <= to; from++) {
		struct sh_publication publication =
		    numbered(&text, epoch, from);

		carrier->events.arrived(&publication, carrier->events.arg);
	}
}

/* What has come stays, though the home has begun anew and forgotten some of it. */
static void
forgetful_home(void *arg)
{
	const uint64_t *kept_from = arg;
	struct sh_carrier carrier = { .ops = &fake_ops };
	struct sh_topics *topics;
	struct shoal_subscriber *s;
	uint64_t i;

	memset(&asked, 0, sizeof(asked));
	if (sh_topics_open(sh_loop_current(), &carrier, &topics) < 0)
		return;
	keep("a", 3);
	s = make(NULL);
	add(s, "a", 0, false, 0, 0);
	come(&carrier, 1, 1, 2);
	turn();
	come(&carrier, 2, 1, 5);
	for (i = *kept_from; asked.message != NULL && i <= 4; i++) {
		char text;
		struct sh_publication publication = numbered(&text, 2, i);

		asked.message(&publication, asked.arg);
	}
	if (asked.done != NULL)
		asked.done(0, 2, 4, true, asked.arg);
	come(&carrier, 2, 6, 6);
	turn();
	shoal_subscriber_free(&s);
	sh_topics_close(&topics);
}

static void
run_forgetful_home(uint64_t kept_from)
{
	sh_buf_init(&notes, SIZE_MAX);
	ck_assert_int_eq(shoal_run(forgetful_home, &kept_from), 0);
	sh_buf_add(&notes, "", 1);
	ck_assert_str_eq(notes.data, "1@1 2@2 GAP 1@1 2@2 3@3 4@4 5@5 6@6 ");
	sh_buf_fini(&notes);
}

START_TEST(what_has_come_is_not_forgotten)
{
	/* all is kept, some, none */
	run_forgetful_home(1);
	run_forgetful_home(3);
	run_forgetful_home(5);
}
END_TEST

SH_SUITE("topic/history", live_messages_have_offsets,
    a_replay_comes_before_what_is_live, who_resumes_gets_what_he_lacks,
    a_replay_may_end_at_any_time, a_replay_waits_for_the_program,
    a_gap_amid_a_replay_comes_before_the_next, who_leaves_amid_a_replay_is_told,
    a_history_is_read, rules_are_checked, reading_can_be_cancelled,
    what_has_come_is_not_forgotten)
