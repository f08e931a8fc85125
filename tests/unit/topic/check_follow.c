/*
 * This file tests topic/follow.c with a carrier that the test plays: what comes out
 * of order, twice, or not at all.
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
#include "unit/topic/played.h"

static struct sh_buf notes;
static struct sh_carrier carrier;
static struct sh_carrier_ops ops;
static struct sh_replay asked;
static int questions;
static bool refuses;

/* --- the carrier --------------------------------------------------------------- */

static int
op_replay(struct sh_carrier *self, const struct sh_replay *replay)
{
	if (refuses)
		return -SHOAL_ENOMEM;
	questions++;
	asked = *replay;
	sh_buf_printf(&notes, "?%llu.%llu ", (unsigned long long)replay->epoch,
	    (unsigned long long)replay->offset);
	return 0;
}

static void
op_forget(struct sh_carrier *self, void *arg)
{
	sh_buf_puts(&notes, "forgotten ");
}

static void
turn(void)
{
	int i;

	for (i = 0; i < 4; i++)
		shoal_co_sleep(0);
}

/* A message comes by the ring. */
static void
come(uint64_t epoch, uint64_t offset)
{
	struct sh_publication publication = played_message(epoch, offset);

	carrier.events.arrived(&publication, carrier.events.arg);
	turn();
}

/* One comes as an answer. */
static void
tell(uint64_t epoch, uint64_t offset)
{
	struct sh_publication publication = played_message(epoch, offset);

	asked.message(&publication, asked.arg);
	turn();
}

static void
answer(int result, uint64_t epoch, uint64_t offset, bool gap)
{
	asked.done(result, epoch, offset, gap, asked.arg);
	turn();
}

/* --- the subscriber -------------------------------------------------------------- */

static void
note(const struct shoal_topic_message *message, void *arg)
{
	if (message->event == SHOAL_TOPIC_GAP)
		sh_buf_puts(&notes, "GAP ");
	else
		sh_buf_printf(&notes, "%llu.%llu ",
		    (unsigned long long)message->epoch,
		    (unsigned long long)message->offset);
}

static struct shoal_subscriber *
subscribe(const char *filter)
{
	const struct shoal_subscriber_options options = {
		.size = sizeof(options), .on_message = note
	};
	struct shoal_subscriber *subscriber = shoal_subscriber_new(&options);

	shoal_subscriber_add(subscriber, filter, NULL);
	return subscriber;
}

static void
play(void *arg)
{
	void (*scene)(void) = *(void (**)(void))arg;
	struct sh_topics *topics;

	ops = played_ops;
	ops.replay = op_replay;
	ops.forget = op_forget;
	carrier = (struct sh_carrier){ .ops = &ops };
	if (sh_topics_open(sh_loop_current(), &carrier, &topics) < 0)
		return;
	scene();
}

static void
run(void (*scene)(void), const char *wanted)
{
	questions = 0;
	refuses = false;
	sh_buf_init(&notes, SIZE_MAX);
	ck_assert_int_eq(shoal_run(play, &scene), 0);
	sh_buf_add(&notes, "", 1);
	ck_assert_str_eq(notes.data, wanted);
	sh_buf_fini(&notes);
}

/* --- scenes --------------------------------------------------------------------- */

static void
in_order(void)
{
	struct shoal_subscriber *s = subscribe("a/b");

	come(1, 7);
	come(1, 8);
	come(1, 8);
	come(1, 7);
	come(1, 9);
	shoal_subscriber_free(&s);
}

START_TEST(doubles_are_dropped)
{
	run(in_order, "1.7 1.8 1.9 ");
}
END_TEST

/* As at a hand-over: the ring of the new home is read first. */
static void
two_rings(void)
{
	struct shoal_subscriber *s = subscribe("a/+");

	come(1, 1);
	come(1, 4);
	come(1, 2);
	come(1, 5);
	tell(1, 2);
	tell(1, 3);
	tell(1, 4);
	answer(0, 1, 4, false);
	come(1, 3);
	come(1, 6);
	shoal_subscriber_free(&s);
}

START_TEST(what_is_missing_is_asked_for)
{
	run(two_rings, "1.1 ?1.1 1.2 1.3 1.4 1.5 1.6 ");
}
END_TEST

static void
really_lost(void)
{
	struct shoal_subscriber *s = subscribe("a/b");

	come(1, 1);
	come(1, 9);
	tell(1, 8);
	tell(1, 9);
	answer(0, 1, 9, true);
	come(1, 10);
	shoal_subscriber_free(&s);
}

START_TEST(what_the_history_lacks_is_a_gap)
{
	run(really_lost, "1.1 ?1.1 GAP 1.8 1.9 1.10 ");
}
END_TEST

/* And a late one of the dead home changes nothing. */
static void
home_dies(void)
{
	struct shoal_subscriber *s = subscribe("a/b");

	come(1, 1);
	come(2, 1);
	come(1, 2);
	tell(2, 1);
	answer(0, 2, 1, true);
	come(2, 2);
	come(1, 3);
	answer(0, 2, 2, false);
	come(2, 3);
	shoal_subscriber_free(&s);
}

START_TEST(an_epoch_ends)
{
	run(home_dies, "1.1 ?1.1 1.2 GAP 2.1 2.2 ?2.2 2.3 ");
}
END_TEST

static void
no_answer(void)
{
	struct shoal_subscriber *s = subscribe("a/b");

	come(1, 1);
	come(1, 3);
	come(1, 4);
	answer(-SHOAL_ETIMEDOUT, 0, 0, false);
	come(1, 5);
	refuses = true;
	come(1, 7);
	come(1, 8);
	shoal_subscriber_free(&s);
}

START_TEST(without_an_answer_it_goes_on)
{
	run(no_answer, "1.1 ?1.1 GAP 1.3 1.4 1.5 GAP 1.7 1.8 ");
}
END_TEST

/* Each is told, of however many. */
static void
no_answer_to_many(void)
{
	struct shoal_subscriber *s = subscribe("a/b");

	come(1, 1);
	come(1, 3);
	come(1, 5);
	come(1, 6);
	come(1, 8);
	answer(-SHOAL_ETIMEDOUT, 0, 0, false);
	come(1, 10);
	tell(1, 10);
	tell(1, 12);
	tell(1, 14);
	answer(0, 1, 16, true);
	come(1, 17);
	shoal_subscriber_free(&s);
}

START_TEST(all_that_is_missing_is_told)
{
	run(no_answer_to_many,
	    "1.1 ?1.1 GAP 1.3 GAP 1.5 1.6 GAP 1.8 "
	    "?1.8 GAP 1.10 GAP 1.12 GAP 1.14 GAP 1.17 ");
}
END_TEST

/* Who was not there has missed nothing. */
static void
come_and_go(void)
{
	struct shoal_subscriber *s = subscribe("a/b"), *other;

	come(1, 1);
	shoal_subscriber_free(&s);
	turn();
	come(1, 2);
	s = subscribe("a/b");
	come(1, 7);
	come(1, 8);
	other = subscribe("#");
	come(1, 10);
	tell(1, 9);
	tell(1, 10);
	answer(0, 1, 10, false);
	shoal_subscriber_free(&s);
	shoal_subscriber_free(&other);
}

START_TEST(who_comes_later_begins_there)
{
	run(come_and_go, "1.1 1.7 1.8 ?1.8 1.9 1.9 1.10 1.10 ");
}
END_TEST

static void
skipping(void)
{
	struct shoal_subscriber *s = subscribe("a/b");

	ops.offsets_skip = true;
	come(1, 1);
	come(1, 5);
	come(1, 3);
	come(2, 9);
	shoal_subscriber_free(&s);
}

START_TEST(offsets_may_skip)
{
	run(skipping, "1.1 1.5 GAP 2.9 ");
}
END_TEST

static void
leave_asking(void)
{
	struct shoal_subscriber *s = subscribe("a/b");

	come(1, 1);
	come(1, 3);
	shoal_subscriber_free(&s);
}

START_TEST(the_end_forgets_questions)
{
	run(leave_asking, "1.1 ?1.1 forgotten ");
}
END_TEST

SH_SUITE("topic/follow", doubles_are_dropped, what_is_missing_is_asked_for,
    what_the_history_lacks_is_a_gap, an_epoch_ends,
    without_an_answer_it_goes_on, all_that_is_missing_is_told,
    who_comes_later_begins_there, offsets_may_skip, the_end_forgets_questions)
