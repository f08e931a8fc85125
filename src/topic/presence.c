/*
 * This file asks all processes about subscribers, and answers them. A question is
 * published to "$ask"; answers go to a topic of the asker's own, in parts when they
 * are long. On one server the others are known, so that one that dies is not waited
 * for; with a broker only their number is. Messages may be lost, so who has not
 * answered is asked again.
 */
#include "config.h"

#include "topic/presence.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "io/await.h"
#include "io/loop.h"
#include "topic/bus_link.h"
#include "topic/carrier.h"
#include "topic/filter.h"
#include "topic/presence_private.h"
#include "topic/publication.h"
#include "topic/topics.h"

#define ASK_TOPIC "$ask"

enum {
	ROUND_US = 500 * 1000, /* then it is asked again */
	REFUSED_US = 20 * 1000 /* likewise, when the question did not get out */
};

struct sh_presence {
	struct sh_topics *topics;
	struct sh_asker me;
	char answer_topic[64];
	struct sh_topic_listener *questions, *answers;
	uint64_t last_number;
	LIST_HEAD(, sh_asking) askings;
	struct sh_bus_link *link; /* or NULL */
	struct sh_bus_follower follower;
};

/* A process has one. */
static struct sh_presence *current;

/* --- answering ------------------------------------------------------------------ */

/* Those of this process. */
struct roll {
	uint64_t count;
	bool names;
	struct sh_buf *entries;
};

static void
call_roll(uint64_t id, const char *name, void *arg)
{
	struct roll *roll = arg;

	roll->count++;
	if (roll->names && name[0] != '\0')
		sh_entry_add(roll->entries, id, name);
}

static void
format_answer_topic(char *to, size_t cap, struct sh_asker who)
{
	snprintf(to, cap, "$answer/%016llx-%llu", (unsigned long long)who.node,
	    (unsigned long long)who.incarnation);
}

/* A part that is refused is as good as lost: it will be asked for again. */
static void
send_answer(struct sh_presence *presence, const char *topic,
    struct sh_answer *answer, const struct sh_buf *entries)
{
	static uint8_t part[SH_ANSWER_MAX];
	size_t at = 0;
	int r = 0;

	while (r == 0 && !answer->last) {
		const char *from = entries->len == 0 ? "" : entries->data + at;

		answer->len = sh_entries_fitting(
		    from, entries->len - at, sizeof(part) - SH_ANSWER_HEAD);
		answer->last = at + answer->len == entries->len;
		sh_answer_encode(answer, part);
		memcpy(part + SH_ANSWER_HEAD, from, answer->len);
		r = sh_topics_tell(presence->topics, topic, part,
		    SH_ANSWER_HEAD + answer->len);
		at += answer->len;
		answer->part++;
	}
}

static void
on_question(const struct sh_publication *publication, void *arg)
{
	struct sh_presence *presence = arg;
	struct sh_question question;
	struct sh_answer answer = { .from = presence->me };
	char topic[SHOAL_TOPIC_MAX + 1], answer_topic[64];
	struct sh_buf entries;
	struct roll roll = { .entries = &entries };

	if (sh_question_decode(&question, publication->data, publication->len) <
		0 ||
	    !sh_topic_is_valid(question.topic, question.topic_len) ||
	    (question.from.node == presence->me.node &&
		question.from.incarnation == presence->me.incarnation))
		return;
	memcpy(topic, question.topic, question.topic_len);
	topic[question.topic_len] = '\0';
	format_answer_topic(answer_topic, sizeof(answer_topic), question.from);
	roll.names = question.names;
	sh_buf_init(&entries, SH_ANSWERS_MAX);
	sh_topics_each_member(presence->topics, topic, call_roll, &roll);
	answer.number = question.number;
	answer.round = question.round;
	answer.count = roll.count;
	/* what does not fit is not told, rather than as if it were all */
	if (!entries.failed)
		send_answer(presence, answer_topic, &answer, &entries);
	sh_buf_fini(&entries);
}

/* --- asking ---------------------------------------------------------------------- */

static int
put_question(struct sh_presence *presence, struct sh_asking *asking)
{
	struct sh_question question = { .from = presence->me,
		.number = asking->number,
		.round = ++asking->round,
		.names = asking->names,
		.topic = asking->topic,
		.topic_len = strlen(asking->topic) };
	uint8_t bytes[SH_QUESTION_HEAD + SHOAL_TOPIC_MAX];

	sh_question_encode(&question, bytes);
	memcpy(bytes + SH_QUESTION_HEAD, question.topic, question.topic_len);
	return sh_topics_tell(presence->topics, ASK_TOPIC, bytes,
	    SH_QUESTION_HEAD + question.topic_len);
}

/* Every process but this one that serves: one that starts has no subscribers of
 * weight, and may be busy for long before it answers. */
static bool
expect_peers(struct sh_presence *presence, struct sh_asking *asking)
{
	struct sh_bus_self *bus = sh_bus_link_bus(presence->link);
	struct sh_bus_peer *peers;
	size_t max = sh_bus_peer_count(bus) + 8, count, i;
	bool ok = true;

	peers = sh_try_calloc(max, sizeof(*peers));
	if (peers == NULL)
		return false;
	count = sh_bus_peers(bus, peers, max);
	for (i = 0; ok && i < count; i++)
		if (peers[i].ready &&
		    peers[i].process != sh_bus_me(bus).process)
			ok = sh_asking_expect(asking,
			    (struct sh_asker){ .node = presence->me.node,
				.incarnation = peers[i].incarnation });
	free(peers);
	return ok;
}

/* Whether it is still on the bus. */
static bool
is_alive(const struct sh_presence *presence, uint64_t incarnation)
{
	struct sh_bus_peer peer;

	return sh_bus_find_process(
	    sh_bus_link_bus(presence->link), incarnation, &peer);
}

static bool
is_complete(const struct sh_presence *presence, const struct sh_asking *asking)
{
	struct sh_carrier *carrier = sh_topics_carrier(presence->topics);
	const struct sh_answerer *answerer;

	if (!asking->has_list)
		return carrier == NULL ||
		    sh_asking_done(asking) + 1 >= carrier->ops->peers(carrier);
	LIST_FOREACH(answerer, &asking->answerers, link)
		if (answerer->expected && !answerer->done &&
		    is_alive(presence, answerer->who.incarnation))
			return false;
	return true;
}

static void
wake_if_complete(struct sh_presence *presence, struct sh_asking *asking)
{
	if (asking->failed || is_complete(presence, asking))
		sh_co_wake(asking->co, 0);
}

static void
on_answer(const struct sh_publication *publication, void *arg)
{
	struct sh_presence *presence = arg;
	struct sh_asking *asking;
	struct sh_answer answer;

	if (sh_answer_decode(&answer, publication->data, publication->len) < 0)
		return;
	LIST_FOREACH(asking, &presence->askings, link)
		if (asking->number == answer.number) {
			if (sh_asking_take(asking, &answer))
				wake_if_complete(presence, asking);
			return;
		}
}

/* Somebody may have gone who will not answer. */
static void
on_turned(bool read_all, void *arg)
{
	struct sh_presence *presence = arg;
	struct sh_asking *asking;

	LIST_FOREACH(asking, &presence->askings, link)
		wake_if_complete(presence, asking);
}

/* 0: all have answered; 1: the time is over; else as sh_await(). */
static int
await_answers(struct sh_asking *asking, int64_t deadline_us, const char *place)
{
	int r = 0;

	while (r == 0 && !asking->failed && current != NULL &&
	    !is_complete(current, asking)) {
		int put = put_question(current, asking);
		int64_t round_us =
		    sh_clock_us() + (put < 0 ? REFUSED_US : ROUND_US);

		/* a broker that is away is not waited for */
		if (put == -SHOAL_ENOTCONN)
			return 1;
		r = sh_await(
		    place, round_us < deadline_us ? round_us : deadline_us);
		if (r == -SHOAL_ETIMEDOUT)
			r = sh_clock_us() < deadline_us ? 0 : 1;
	}
	return r;
}

/* Ask the others too. As await_answers(). */
static int
ask_others(struct sh_presence *presence, struct sh_asking *asking,
    int64_t deadline_us, const char *place)
{
	struct sh_carrier *carrier = sh_topics_carrier(presence->topics);
	int r;

	/* with a broker there are other servers' besides */
	asking->has_list = carrier != NULL && presence->link != NULL &&
	    strcmp(carrier->ops->name, "bus") == 0;
	if (asking->has_list && !expect_peers(presence, asking))
		return -SHOAL_ENOMEM;
	asking->co = sh_await_self(place);
	asking->number = ++presence->last_number;
	LIST_INSERT_HEAD(&presence->askings, asking, link);
	asking->listed = true;
	r = await_answers(asking, deadline_us, place);
	if (asking->listed)
		LIST_REMOVE(asking, link);
	return asking->failed ? -SHOAL_ENOMEM : r;
}

int
sh_presence_ask(struct sh_topics *topics, const char *topic, bool names,
    int64_t deadline_us, const char *place, struct shoal_topic_members **out)
{
	struct shoal_topic_members *members;
	struct sh_asking *asking;
	struct roll roll = { .names = names };
	int r = 0;

	if (!sh_topic_is_valid(topic, strlen(topic)))
		return -SHOAL_EINVAL;
	asking = sh_asking_new(topic, names);
	if (asking == NULL)
		return -SHOAL_ENOMEM;
	roll.entries = &asking->here;
	if (current != NULL && current->topics == topics)
		r = ask_others(current, asking, deadline_us, place);
	if (r >= 0) {
		/* behind the wait: the freshest is at hand */
		sh_topics_each_member(topics, topic, call_roll, &roll);
		asking->count = roll.count;
		members = sh_asking_result(asking, r == 0);
		r = members == NULL || asking->here.failed ? -SHOAL_ENOMEM : 0;
		if (r == 0)
			*out = members;
		else
			free(members);
	}
	sh_asking_free(&asking);
	return r;
}

/* --- open and close ---------------------------------------------------------------- */

int
sh_presence_open(struct sh_topics *topics, struct sh_presence **out)
{
	struct sh_presence *presence = sh_try_calloc(1, sizeof(*presence));

	if (presence == NULL)
		return -SHOAL_ENOMEM;
	presence->topics = topics;
	presence->me.node = sh_topics_node(topics);
	presence->me.incarnation =
	    sh_loop_options(sh_loop_current())->incarnation;
	presence->link = sh_bus_link_current();
	LIST_INIT(&presence->askings);
	format_answer_topic(presence->answer_topic,
	    sizeof(presence->answer_topic), presence->me);
	current = presence;
	presence->questions =
	    sh_topics_listen(topics, ASK_TOPIC, on_question, presence);
	presence->answers = sh_topics_listen(
	    topics, presence->answer_topic, on_answer, presence);
	if (presence->questions == NULL || presence->answers == NULL) {
		sh_presence_close(&presence);
		return -SHOAL_ENOMEM;
	}
	/* it gets no records, and learns who has gone */
	presence->follower = (struct sh_bus_follower){ .from_kind = 1,
		.to_kind = 0,
		.turned = on_turned,
		.arg = presence };
	if (presence->link != NULL)
		sh_bus_link_follow(presence->link, &presence->follower);
	*out = presence;
	return 0;
}

void
sh_presence_close(struct sh_presence **presence)
{
	struct sh_asking *asking;
	struct sh_presence *p;

	if (presence == NULL || *presence == NULL)
		return;
	p = *presence;
	current = NULL;
	while ((asking = LIST_FIRST(&p->askings)) != NULL) {
		LIST_REMOVE(asking, link);
		asking->listed = false;
		sh_co_wake(asking->co, 1);
	}
	if (p->link != NULL)
		sh_bus_link_unfollow(p->link, &p->follower);
	sh_topics_unlisten(&p->questions);
	sh_topics_unlisten(&p->answers);
	free(p);
	*presence = NULL;
}
