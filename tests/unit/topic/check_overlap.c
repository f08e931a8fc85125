/*
 * This file tests topic/overlap.c with a carrier that the test plays: a history that
 * is answered sooner than what it tells comes live.
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
#include "topic/topics.h"
#include "topic/topics_private.h"
#include "unit/topic/played.h"

enum { QUESTIONS_MAX = 8, CROWD = 600 };

static struct sh_buf notes;
static struct sh_carrier carrier;
static struct sh_carrier_ops ops;
static struct sh_replay asked[QUESTIONS_MAX];
static int questions;
static struct sh_topics *current_topics;

/* --- the carrier --------------------------------------------------------------- */

static int
op_replay(struct sh_carrier *self, const struct sh_replay *replay)
{
	if (questions == QUESTIONS_MAX)
		return -SHOAL_ENOMEM;
	asked[questions++] = *replay;
	return 0;
}

static void
turns(int count)
{
	while (count-- > 0)
		shoal_co_sleep(0);
}

/* Messages come live, in one go. */
static void
come(uint64_t epoch, uint64_t from, uint64_t to)
{
	for (; from <= to; from++) {
		struct sh_publication publication = played_message(epoch, from);

		carrier.events.arrived(&publication, carrier.events.arg);
	}
}

/* An answer, and its end. */
static void
answer(const struct sh_replay *question, uint64_t epoch, uint64_t from,
    uint64_t to)
{
	for (; from <= to; from++) {
		struct sh_publication publication = played_message(epoch, from);

		question->message(&publication, question->arg);
	}
	question->done(0, epoch, to, false, question->arg);
}

/* --- the subscribers -------------------------------------------------------------- */

static void
note(const struct shoal_topic_message *message, void *arg)
{
	sh_buf_puts(&notes, arg);
	if (message->event == SHOAL_TOPIC_GAP)
		sh_buf_puts(&notes, "GAP ");
	else
		sh_buf_printf(&notes, "%llu.%llu%s ",
		    (unsigned long long)message->epoch,
		    (unsigned long long)message->offset,
		    message->replayed ? "r" : "");
}

static void
ignore(const struct shoal_topic_message *message, void *arg)
{
}

static struct shoal_subscriber *
subscriber(const char *who)
{
	const struct shoal_subscriber_options options = {
		.size = sizeof(options),
		.on_message = who != NULL ? note : ignore,
		.arg = (void *)(uintptr_t)who,
	};

	return shoal_subscriber_new(&options);
}

static void
subscribe(struct shoal_subscriber *s, const char *filter, int64_t replay)
{
	const struct shoal_subscribe_options options = {
		.size = sizeof(options), .replay = replay
	};
	int r = shoal_subscriber_add(s, filter, &options);

	if (r < 0)
		sh_buf_printf(&notes, "subscribe %d ", r);
}

static void
play(void *arg)
{
	const struct shoal_topic_history history = { .size = sizeof(history),
		.count = 100 };
	void (*scene)(void) = *(void (**)(void))arg;

	ops = played_ops;
	ops.replay = op_replay;
	carrier = (struct sh_carrier){ .ops = &ops };
	if (sh_topics_open(sh_loop_current(), &carrier, &current_topics) < 0 ||
	    shoal_topic_keep("a/#", &history) < 0)
		return;
	scene();
}

static void
run(void (*scene)(void), const char *wanted)
{
	questions = 0;
	sh_buf_init(&notes, SIZE_MAX);
	ck_assert_int_eq(shoal_run(play, &scene), 0);
	sh_buf_add(&notes, "", 1);
	ck_assert_str_eq(notes.data, wanted);
	sh_buf_fini(&notes);
}

/* --- scenes --------------------------------------------------------------------- */

/* What carries messages is slower than what carries answers. */
static void
slow_channel(void)
{
	struct shoal_subscriber *s = subscriber("");

	subscribe(s, "a/b", -1);
	answer(&asked[0], 1, 1, 3);
	turns(4);
	come(1, 1, 2);
	turns(4);
	come(1, 3, 5);
	turns(4);
	come(1, 6, 6);
	turns(4);
	shoal_subscriber_free(&s);
}

START_TEST(what_was_told_does_not_come_again)
{
	run(slow_channel, "1.1r 1.2r 1.3r 1.4 1.5 1.6 ");
}
END_TEST

/* Two of one process: what one was told, the other one has to get. */
static void
two_of_one_process(void)
{
	struct shoal_subscriber *plain = subscriber("plain:");
	struct shoal_subscriber *s = subscriber("s:");

	subscribe(plain, "a/b", 0);
	subscribe(s, "a/b", -1);
	come(1, 1, 1);
	turns(4);
	answer(&asked[0], 1, 1, 2);
	turns(4);
	come(1, 2, 3);
	turns(4);
	shoal_subscriber_free(&plain);
	shoal_subscriber_free(&s);
}

START_TEST(others_get_what_one_was_told)
{
	run(two_of_one_process,
	    "plain:1.1 s:1.1r s:1.2r plain:1.2 plain:1.3 s:1.3 ");
}
END_TEST

/* The process asks for what is missing, and its answer comes later. */
static void
slow_question(void)
{
	struct shoal_subscriber *plain = subscriber("plain:");
	struct shoal_subscriber *s = subscriber("s:");

	subscribe(plain, "a/b", 0);
	come(1, 1, 1);
	turns(4);
	come(1, 3, 3);
	subscribe(s, "a/b", -1);
	answer(&asked[1], 1, 1, 3);
	turns(4);
	answer(&asked[0], 1, 2, 3);
	turns(4);
	come(1, 4, 4);
	turns(4);
	shoal_subscriber_free(&plain);
	shoal_subscriber_free(&s);
}

START_TEST(what_the_process_asks_for_does_not_come_again)
{
	run(slow_question,
	    "plain:1.1 s:1.1r s:1.2r s:1.3r plain:1.2 plain:1.3 plain:1.4 "
	    "s:1.4 ");
}
END_TEST

/* So many that a step does not get to the one behind them. */
static void
many_before(void)
{
	struct shoal_subscriber *crowd[CROWD], *s = subscriber("");
	int i;

	for (i = 0; i < CROWD; i++) {
		crowd[i] = subscriber(NULL);
		subscribe(crowd[i], "a/b", 0);
	}
	subscribe(s, "a/b", -1);
	come(1, 1, 3);
	answer(&asked[0], 1, 1, 3);
	turns(20);
	come(1, 4, 4);
	turns(20);
	shoal_subscriber_free(&s);
	for (i = 0; i < CROWD; i++)
		shoal_subscriber_free(&crowd[i]);
}

START_TEST(what_is_being_handed_out_does_not_come_again)
{
	run(many_before, "1.1r 1.2r 1.3r 1.4 ");
}
END_TEST

/* A gap is not put off until there is a next message. */
static void
loss_behind_a_replay(void)
{
	struct shoal_subscriber *s = subscriber("");

	subscribe(s, "a/b", -1);
	answer(&asked[0], 1, 1, 3);
	turns(4);
	carrier.events.lost(NULL, carrier.events.arg);
	turns(4);
	sh_buf_puts(&notes, "| ");
	come(1, 3, 4);
	turns(4);
	shoal_subscriber_free(&s);
}

START_TEST(a_gap_is_told_at_once)
{
	run(loss_behind_a_replay, "1.1r 1.2r 1.3r GAP | 1.4 ");
}
END_TEST

/* Nothing had come live before the loss, which is told later than what comes. */
static void
loss_not_told_yet(void)
{
	struct shoal_subscriber *s = subscriber("");

	subscribe(s, "a/b", -1);
	answer(&asked[0], 1, 1, 3);
	turns(4);
	come(1, 6, 7);
	turns(4);
	shoal_subscriber_free(&s);
}

START_TEST(what_is_missing_is_a_gap)
{
	run(loss_not_told_yet, "1.1r 1.2r 1.3r GAP 1.6 1.7 ");
}
END_TEST

/* Something is lost while the history is asked for: what came then is behind it. */
static void
loss_amid_a_question(void)
{
	struct shoal_subscriber *s = subscriber("");

	subscribe(s, "a/b", -1);
	come(1, 3, 4);
	turns(4);
	carrier.events.lost(NULL, carrier.events.arg);
	come(1, 7, 8);
	turns(4);
	answer(&asked[0], 1, 1, 3);
	/* the process asks for what it has missed */
	answer(&asked[1], 1, 7, 8);
	turns(4);
	carrier.events.lost(NULL, carrier.events.arg);
	turns(4);
	shoal_subscriber_free(&s);
}

START_TEST(a_gap_is_told_where_it_was)
{
	run(loss_amid_a_question, "1.1r 1.2r 1.3r 1.4 GAP 1.7 1.8 GAP ");
}
END_TEST

/* It ends with an epoch that is not the one that was told. */
static void
another_epoch(void)
{
	struct shoal_subscriber *s = subscriber("");

	subscribe(s, "a/b", -1);
	answer(&asked[0], 7, 1, 3);
	turns(4);
	come(8, 1, 2);
	turns(4);
	shoal_subscriber_remove(s, "a/b");
	subscribe(s, "a/b", -1);
	answer(&asked[questions - 1], 8, 1, 3);
	turns(4);
	shoal_subscriber_free(&s);
}

START_TEST(another_epoch_is_news)
{
	run(another_epoch, "7.1r 7.2r 7.3r GAP 8.1 8.2 8.1r 8.2r 8.3r ");
}
END_TEST

/* What is of an epoch that is over comes later than a history of the next one. */
static void
epoch_that_is_over(void)
{
	struct shoal_subscriber *s = subscriber("");

	subscribe(s, "a/b", -1);
	answer(&asked[0], 8, 1, 2);
	turns(4);
	come(7, 1, 2);
	turns(4);
	sh_buf_puts(&notes, "| ");
	come(8, 1, 3);
	answer(&asked[questions - 1], 8, 1, 3);
	turns(4);
	come(8, 4, 4);
	turns(4);
	shoal_subscriber_free(&s);
}

START_TEST(an_epoch_that_is_over_does_not_come)
{
	run(epoch_that_is_over, "8.1r 8.2r GAP | GAP 8.3 8.4 ");
}
END_TEST

/* The same, but it comes before the history is answered. */
static void
epoch_over_amid_a_question(void)
{
	struct shoal_subscriber *s = subscriber("");

	subscribe(s, "a/b", -1);
	come(7, 1, 2);
	turns(4);
	answer(&asked[0], 8, 1, 2);
	turns(4);
	shoal_subscriber_free(&s);
}

START_TEST(an_epoch_that_is_over_is_not_kept)
{
	run(epoch_over_amid_a_question, "8.1r 8.2r GAP ");
}
END_TEST

/* Nobody is there who was there when the process was in the later one. */
static void
epoch_over_for_newcomers(void)
{
	struct shoal_subscriber *first = subscriber("first:");
	struct shoal_subscriber *s = subscriber("");

	subscribe(first, "a/b", 0);
	come(8, 1, 2);
	turns(4);
	subscribe(s, "a/b", -1);
	answer(&asked[0], 8, 1, 2);
	turns(4);
	shoal_subscriber_free(&first);
	come(7, 3, 3);
	answer(&asked[questions - 1], 8, 3, 2);
	turns(4);
	come(8, 3, 3);
	turns(4);
	shoal_subscriber_free(&s);
}

START_TEST(an_epoch_that_is_over_does_not_begin_again)
{
	run(epoch_over_for_newcomers, "first:8.1 first:8.2 8.1r 8.2r 8.3 ");
}
END_TEST

/* What came live behind it was given by the replay; it is on its way to the others
 * while the replay ends. */
static void
many_behind(void)
{
	struct shoal_subscriber *crowd[CROWD], *s = subscriber("");
	int i;

	subscribe(s, "a/b", -1);
	for (i = 0; i < CROWD; i++) {
		crowd[i] = subscriber(NULL);
		subscribe(crowd[i], "a/b", 0);
	}
	come(1, 4, 5);
	answer(&asked[0], 1, 1, 3);
	turns(20);
	come(1, 6, 6);
	turns(20);
	shoal_subscriber_free(&s);
	for (i = 0; i < CROWD; i++)
		shoal_subscriber_free(&crowd[i]);
}

START_TEST(what_follows_what_came_meanwhile_is_no_gap)
{
	run(many_behind, "1.1r 1.2r 1.3r 1.4 1.5 1.6 ");
}
END_TEST

/* Each message of some topics is lost for long, while one is still on its way. */
static void
many_losses(void)
{
	static const char *const lost[] = { "a/b", "a/c", "a/b", "a/b" };
	struct shoal_subscriber *crowd[CROWD], *s = subscriber("");
	int i;

	for (i = 0; i < CROWD; i++) {
		crowd[i] = subscriber(NULL);
		subscribe(crowd[i], "a/b", 0);
	}
	subscribe(s, "a/b", 0);
	subscribe(s, "a/c", 0);
	come(1, 1, 1);
	for (i = 0; i < CROWD; i++)
		carrier.events.lost(lost[i % 4], carrier.events.arg);
	sh_buf_printf(&notes, "%zu ", current_topics->loss_count);
	/* who comes now has lost what is lost behind that */
	subscribe(s, "a/+", 0);
	for (i = 0; i < CROWD; i++)
		carrier.events.lost("a/b", carrier.events.arg);
	sh_buf_printf(&notes, "%zu ", current_topics->loss_count);
	turns(20);
	shoal_subscriber_free(&s);
	for (i = 0; i < CROWD; i++)
		shoal_subscriber_free(&crowd[i]);
}

START_TEST(losses_do_not_pile_up)
{
	run(many_losses, "2 3 1.1 GAP GAP GAP ");
}
END_TEST

/* Of so many topics that not each can be told for itself. */
static void
many_topics_lost(void)
{
	struct shoal_subscriber *crowd[CROWD], *s = subscriber("");
	char name[16];
	int i;

	for (i = 0; i < CROWD; i++) {
		crowd[i] = subscriber(NULL);
		subscribe(crowd[i], "a/b", 0);
	}
	subscribe(s, "z/z", 0);
	come(1, 1, 1);
	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "c/%d", i);
		carrier.events.lost(name, carrier.events.arg);
	}
	sh_buf_printf(&notes, "%zu ", current_topics->loss_count);
	carrier.events.lost("z/z", carrier.events.arg);
	turns(20);
	sh_buf_printf(&notes, "%zu", current_topics->loss_count);
	shoal_subscriber_free(&s);
	for (i = 0; i < CROWD; i++)
		shoal_subscriber_free(&crowd[i]);
}

START_TEST(losses_of_many_topics_are_told_at_once)
{
	run(many_topics_lost, "4096 GAP 0");
}
END_TEST

/* A question that was not answered has told nothing. */
static void
no_answer(void)
{
	const struct shoal_subscribe_options options = {
		.size = sizeof(options), .resume = true, .epoch = 1, .offset = 9
	};
	struct shoal_subscriber *s = subscriber("");

	shoal_subscriber_add(s, "a/b", &options);
	asked[0].done(-SHOAL_ETIMEDOUT, 0, 0, false, asked[0].arg);
	turns(4);
	come(1, 3, 4);
	turns(4);
	shoal_subscriber_free(&s);
}

START_TEST(without_an_answer_all_is_news)
{
	run(no_answer, "GAP 1.3 1.4 ");
}
END_TEST

SH_SUITE("topic/overlap", what_was_told_does_not_come_again,
    others_get_what_one_was_told, what_the_process_asks_for_does_not_come_again,
    what_is_being_handed_out_does_not_come_again, a_gap_is_told_at_once,
    what_is_missing_is_a_gap, a_gap_is_told_where_it_was, another_epoch_is_news,
    an_epoch_that_is_over_does_not_come, an_epoch_that_is_over_is_not_kept,
    an_epoch_that_is_over_does_not_begin_again, without_an_answer_all_is_news,
    what_follows_what_came_meanwhile_is_no_gap, losses_do_not_pile_up,
    losses_of_many_topics_are_told_at_once)
