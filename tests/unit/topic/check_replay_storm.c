/*
 * This file tests replays, follow.c and overlap.c together: a broker that the test
 * plays takes subscriptions, messages and questions when it likes, and they come back
 * on two ways, each in its order; which of them is next is left to chance. Whoever
 * subscribes gets what he asked for, each once, in order.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/co.h>
#include <shoal/error.h>
#include <shoal/topic.h>

#include "io/loop.h"
#include "support/suite.h"
#include "topic/topics.h"
#include "unit/topic/played.h"

enum {
	SEEDS = 150,
	STEPS = 500,
	MEMBERS = 5,
	PIPE_MAX = 4 * STEPS,
	EPOCH = 7,
	/* in the place of an offset: a subscription is in effect, or none is */
	ANSWER = 0
};

/* First in, first out. */
struct pipe {
	uint64_t list[PIPE_MAX];
	size_t at, count;
};

struct question {
	struct sh_replay asked;
	uint64_t after; /* changes of subscriptions before it */
	uint64_t last;  /* of the history when it was answered */
	bool answered, forgotten;
};

/* A program's subscription. */
struct member {
	struct shoal_subscriber *subscriber;
	uint64_t next; /* the offset that is to come; 0: any */
	bool replays;
};

static struct sh_carrier carrier;
static struct sh_carrier_ops ops;
static struct member members[MEMBERS];
static struct question questions[PIPE_MAX];
static size_t asked_count, executed, told_count; /* of questions, in turn */
static struct pipe changes;                      /* 1: wanted, 0: no more */
static struct pipe live;
static uint64_t made, settled; /* changes; those that have come back */
static uint64_t last;          /* of the history */
static bool in_effect;
static unsigned seed, chance;
static char wrong[256];

static void
complain(const struct member *member, const char *what, uint64_t offset)
{
	if (wrong[0] == '\0')
		snprintf(wrong, sizeof(wrong),
		    "seed %u, member %d: %s %llu instead of %llu", seed,
		    (int)(member - members), what, (unsigned long long)offset,
		    (unsigned long long)member->next);
}

static unsigned
random_below(unsigned below)
{
	chance = chance * 1664525U + 1013904223U;
	return (chance >> 8) % below;
}

static void
put(struct pipe *pipe, uint64_t what)
{
	if (pipe->count < PIPE_MAX)
		pipe->list[pipe->count++] = what;
}

static bool
is_empty(const struct pipe *pipe)
{
	return pipe->at == pipe->count;
}

/* --- the carrier --------------------------------------------------------------- */

static int
op_want(struct sh_carrier *self, const char *filter)
{
	if (strcmp(filter, "a/b") == 0) {
		made++;
		put(&changes, 1);
	}
	return 0;
}

static void
op_unwant(struct sh_carrier *self, const char *filter)
{
	if (strcmp(filter, "a/b") == 0) {
		made++;
		put(&changes, 0);
	}
}

static int
op_replay(struct sh_carrier *self, const struct sh_replay *replay)
{
	if (asked_count == PIPE_MAX)
		return -SHOAL_ENOMEM;
	questions[asked_count++] =
	    (struct question){ .asked = *replay, .after = made };
	return 0;
}

static void
op_forget(struct sh_carrier *self, void *arg)
{
	size_t i;

	for (i = told_count; i < asked_count; i++)
		if (questions[i].asked.arg == arg)
			questions[i].forgotten = true;
}

static bool
op_is_settled(const struct sh_carrier *self)
{
	return made == settled;
}

/* --- the broker ------------------------------------------------------------------- */

static void
publish(void)
{
	last++;
	if (in_effect)
		put(&live, last);
}

static void
take_change(void)
{
	if (is_empty(&changes))
		return;
	in_effect = changes.list[changes.at++] != 0;
	put(&live, ANSWER);
}

/* One that has been sent: when what was wanted before it is in effect. */
static void
take_question(void)
{
	struct question *question = &questions[executed];

	if (executed == asked_count || question->after > settled)
		return;
	question->last = last;
	question->answered = true;
	executed++;
}

/* --- what comes back --------------------------------------------------------------- */

static void
bring_live(void)
{
	struct sh_publication publication;

	if (is_empty(&live))
		return;
	publication = played_message(EPOCH, live.list[live.at++]);
	if (publication.offset == ANSWER)
		settled++;
	else
		carrier.events.arrived(&publication, carrier.events.arg);
}

static void
bring_answer(void)
{
	struct question *question = &questions[told_count];
	const struct sh_replay *asked = &question->asked;
	uint64_t offset = asked->epoch == EPOCH ? asked->offset : 0;

	if (told_count == asked_count || !question->answered)
		return;
	while (++offset <= question->last && !question->forgotten) {
		struct sh_publication publication =
		    played_message(EPOCH, offset);

		asked->message(&publication, asked->arg);
	}
	if (!question->forgotten)
		asked->done(0, question->last != 0 ? EPOCH : 0, question->last,
		    false, asked->arg);
	told_count++;
}

/* --- subscribers ------------------------------------------------------------------- */

static void
note(const struct shoal_topic_message *message, void *arg)
{
	struct member *member = arg;

	if (message->event == SHOAL_TOPIC_GAP)
		complain(member, "a gap", 0);
	else if (member->next != 0 && message->offset != member->next)
		complain(member, "message", message->offset);
	else
		member->next = message->offset + 1;
}

static void
subscribe(struct member *member)
{
	const struct shoal_subscriber_options options = {
		.size = sizeof(options), .on_message = note, .arg = member
	};
	struct shoal_subscribe_options how = { .size = sizeof(how) };
	unsigned kind = random_below(4);

	member->replays = true;
	if (kind == 0) {
		member->replays = false;
		member->next = 0;
	} else if (kind == 1 && member->next > 1) {
		how.resume = true;
		how.epoch = EPOCH;
		how.offset = member->next - 1;
	} else {
		how.replay = -1;
		member->next = 1;
	}
	member->subscriber = shoal_subscriber_new(&options);
	shoal_subscriber_add(member->subscriber, "a/b", &how);
}

static void
change_member(void)
{
	struct member *member = &members[random_below(MEMBERS)];

	if (member->subscriber != NULL)
		shoal_subscriber_free(&member->subscriber);
	else
		subscribe(member);
}

/* --- the storm ----------------------------------------------------------------- */

static void
turns(int count)
{
	while (count-- > 0)
		shoal_co_sleep(0);
}

static void
step(void)
{
	switch (random_below(14)) {
	case 0: change_member(); break;
	case 1:
	case 2: publish(); break;
	case 3:
	case 4: take_change(); break;
	case 5:
	case 6: take_question(); break;
	case 7:
	case 8:
	case 9: bring_live(); break;
	case 10:
	case 11: bring_answer(); break;
	default: turns(1); break;
	}
}

/* All that is under way comes. */
static void
calm_down(void)
{
	while (!is_empty(&changes) || !is_empty(&live) ||
	    told_count < asked_count) {
		take_change();
		bring_live();
		take_question();
		bring_answer();
		turns(2);
	}
}

static void
look(void)
{
	const struct member *member;

	for (member = members; member < members + MEMBERS; member++)
		if (member->subscriber != NULL && member->replays &&
		    member->next != last + 1)
			complain(member, "the end is", last + 1);
}

static void
storm(void *arg)
{
	const struct shoal_topic_history history = { .size = sizeof(history),
		.count = STEPS };
	struct sh_topics *topics;
	int i;

	ops = played_ops;
	ops.want = op_want;
	ops.unwant = op_unwant;
	ops.replay = op_replay;
	ops.forget = op_forget;
	ops.is_settled = op_is_settled;
	carrier = (struct sh_carrier){ .ops = &ops };
	if (sh_topics_open(sh_loop_current(), &carrier, &topics) < 0 ||
	    shoal_topic_keep("a/#", &history) < 0) {
		snprintf(wrong, sizeof(wrong), "it did not begin");
		return;
	}
	for (i = 0; i < STEPS; i++)
		step();
	calm_down();
	turns(10);
	look();
	for (i = 0; i < MEMBERS; i++)
		shoal_subscriber_free(&members[i].subscriber);
}

START_TEST(everybody_gets_each_message_once)
{
	for (seed = 1; seed <= SEEDS; seed++) {
		memset(&changes, 0, sizeof(changes));
		memset(&live, 0, sizeof(live));
		memset(members, 0, sizeof(members));
		asked_count = executed = told_count = 0;
		made = settled = last = 0;
		in_effect = false;
		chance = seed;
		ck_assert_int_eq(shoal_run(storm, NULL), 0);
		ck_assert_str_eq(wrong, "");
	}
}
END_TEST

SH_SUITE("topic/replay_storm", everybody_gets_each_message_once)
