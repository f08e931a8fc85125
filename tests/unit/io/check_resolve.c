/* This file tests io/resolve.c, with a name service of its own. */
#include "config.h"

#include "io/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/co.h>

#include "base/attr.h"
#include "io/await.h"
#include "support/gate.h"
#include "support/suite.h"

enum { ASKERS = 10, SERVERS = 3, LONG_MS = 10000 };

static atomic_int asked;
static struct gate gate;

/* "127.0.0.1" to "127.0.0.n" for "n.test", the others as their names say. */
static int
make_answer(const char *node, struct addrinfo **out)
{
	struct one {
		struct addrinfo info;
		struct sockaddr_in addr;
	} * list;
	int i, n = atoi(node);

	if (strcmp(node, "held.test") == 0) {
		gate_pass(&gate);
		n = 1;
	}
	if (strcmp(node, "none.test") == 0)
		return EAI_NONAME;
	if (strcmp(node, "again.test") == 0)
		return EAI_AGAIN;
	if (strcmp(node, "fail.test") == 0)
		return EAI_FAIL;
	if (strcmp(node, "memory.test") == 0)
		return EAI_MEMORY;
	list = calloc((size_t)n, sizeof(*list));
	for (i = 0; i < n; i++) {
		list[i].addr.sin_family = AF_INET;
		list[i].addr.sin_addr.s_addr =
		    htonl(INADDR_LOOPBACK + (unsigned)i);
		list[i].info.ai_addr = (struct sockaddr *)&list[i].addr;
		list[i].info.ai_addrlen = sizeof(list[i].addr);
		list[i].info.ai_next = i + 1 < n ? &list[i + 1].info : NULL;
	}
	*out = &list[0].info;
	return 0;
}

/* In the place of those of libc. */
int
getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
    struct addrinfo **out)
{
	atomic_fetch_add(&asked, 1);
	return make_answer(node, out);
}

void
freeaddrinfo(struct addrinfo *info)
{
	free(info);
}

struct question {
	const char *host, *service;
	int timeout_ms;
	struct sh_addr addrs[SERVERS];
	int result, answers;
};

static void
ask(void *arg)
{
	struct question *question = arg;

	question->result = sh_resolve(question->host, question->service,
	    question->addrs, SERVERS, sh_deadline_us(question->timeout_ms));
	question->answers++;
}

static int
ask_now(const char *host, int timeout_ms)
{
	struct question question = { .host = host, .timeout_ms = timeout_ms };

	ask(&question);
	return question.result;
}

static void
run(shoal_co_fn *fn, void *arg)
{
	ck_assert_int_eq(shoal_run(fn, arg), 0);
}

START_TEST(ports_that_there_are_not)
{
	static const char *const services[] = { "65536", "99999",
		"99999999999999999999999" };
	static const char *const hosts[] = { "127.0.0.1", "1.test" };
	size_t i;

	asked = 0;
	for (i = 0; i < SH_ARRAY_LEN(hosts) * SH_ARRAY_LEN(services); i++) {
		struct question question = { .host = hosts[i % 2],
			.service = services[i / 2],
			.timeout_ms = LONG_MS };

		run(ask, &question);
		ck_assert_int_eq(question.result, -SHOAL_ENOTFOUND);
	}
	ck_assert_int_eq(asked, 0);
}
END_TEST

static void
await_count(const atomic_int *count, int n)
{
	int i;

	for (i = 0; i < LONG_MS && *count < n; i++)
		shoal_co_sleep(1);
}

START_TEST(numbers_are_not_asked_for)
{
	static const struct {
		const char *host, *service, *text;
	} rows[] = {
		{ "127.0.0.1", "80", "127.0.0.1:80" },
		{ "10.1.2.3", NULL, "10.1.2.3:0" },
		{ "::1", "65535", "[::1]:65535" },
		{ "2001:db8::7", "0", "[2001:db8::7]:0" },
	};
	size_t i;

	asked = 0;
	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		struct question question = { .host = rows[i].host,
			.service = rows[i].service };
		char text[SH_ADDR_TEXT_MAX];

		run(ask, &question);
		ck_assert_int_eq(question.result, 1);
		sh_addr_format(&question.addrs[0], text, sizeof(text));
		ck_assert_str_eq(text, rows[i].text);
	}
	ck_assert_int_eq(asked, 0);
}
END_TEST

START_TEST(answers_and_errors)
{
	static const char long_host[300] = { [0 ... 298] = 'a' };
	static const char long_service[65] = { [0 ... 63] = 'a' };
	static const struct {
		const char *host, *service;
		int result, asked;
	} rows[] = {
		{ "1.test", "80", 1, 1 },
		{ "2.test", NULL, 2, 1 },
		{ "9.test", "http", SERVERS, 1 },
		{ "127.0.0.1", "65536", -SHOAL_ENOTFOUND, 0 },
		{ "127.0.0.1", "http", SERVERS, 1 },
		{ "none.test", "80", -SHOAL_ENOTFOUND, 1 },
		{ "again.test", "80", -SHOAL_EAGAIN, 1 },
		{ "fail.test", "80", -SHOAL_EAGAIN, 1 },
		{ "memory.test", "80", -SHOAL_ENOMEM, 1 },
		{ "", "80", -SHOAL_EINVAL, 0 },
		{ long_host, "80", -SHOAL_EINVAL, 0 },
		{ "1.test", long_service, -SHOAL_EINVAL, 0 },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		struct question question = { .host = rows[i].host,
			.service = rows[i].service,
			.timeout_ms = LONG_MS };

		asked = 0;
		run(ask, &question);
		ck_assert_msg(question.result == rows[i].result, "%s: %d",
		    rows[i].host, question.result);
		ck_assert_int_eq(asked, rows[i].asked);
	}
}
END_TEST

/* What a timeout of 0 finds is remembered. */
struct remembered {
	int before, first, found, none, none_again, again, again_again, other;
	int asked;
};

static void
ask_twice(void *arg)
{
	struct remembered *r = arg;
	struct question other = { .host = "2.test", .service = "81" };

	r->before = ask_now("2.test", 0);
	r->first = ask_now("2.test", LONG_MS);
	r->found = ask_now("2.test", 0);
	r->none = ask_now("none.test", LONG_MS);
	r->none_again = ask_now("none.test", 0);
	r->again = ask_now("again.test", LONG_MS);
	r->again_again = ask_now("again.test", 0);
	ask(&other);
	r->other = other.result;
	r->asked = asked;
}

START_TEST(answers_are_remembered)
{
	struct remembered r;

	asked = 0;
	run(ask_twice, &r);
	ck_assert_int_eq(r.before, -SHOAL_ETIMEDOUT);
	ck_assert_int_eq(r.first, 2);
	ck_assert_int_eq(r.found, 2);
	ck_assert_int_eq(r.none, -SHOAL_ENOTFOUND);
	ck_assert_int_eq(r.none_again, -SHOAL_ENOTFOUND);
	ck_assert_int_eq(r.again, -SHOAL_EAGAIN);
	ck_assert_int_eq(r.again_again, -SHOAL_ETIMEDOUT);
	ck_assert_int_eq(r.other, -SHOAL_ETIMEDOUT);
	ck_assert_int_eq(r.asked, 3);
}
END_TEST

struct many {
	int failed, first, last;
};

static void
ask_many(void *arg)
{
	struct many *many = arg;
	char host[32];
	int i;

	for (i = 0; i < 100; i++) {
		snprintf(host, sizeof(host), "1.of%d", i);
		many->failed += ask_now(host, LONG_MS) != 1;
	}
	many->first = ask_now("1.of0", 0);
	many->last = ask_now("1.of99", 0);
}

START_TEST(oldest_answers_are_forgotten)
{
	struct many many = { 0 };

	run(ask_many, &many);
	ck_assert_int_eq(many.failed, 0);
	ck_assert_int_eq(many.first, -SHOAL_ETIMEDOUT);
	ck_assert_int_eq(many.last, 1);
}
END_TEST

struct crowd {
	struct question questions[ASKERS];
	int64_t ids[ASKERS];
	int early;
};

static int
count_answers(const struct crowd *crowd)
{
	int i, n = 0;

	for (i = 0; i < ASKERS; i++)
		n += crowd->questions[i].answers;
	return n;
}

static void
ask_together(void *arg)
{
	struct crowd *crowd = arg;
	int i;

	for (i = 0; i < ASKERS; i++) {
		crowd->questions[i].host = "held.test";
		crowd->questions[i].timeout_ms = i == 1 ? 1 : LONG_MS;
		crowd->ids[i] =
		    shoal_co_start(ask, &crowd->questions[i], "asker");
	}
	shoal_co_cancel(crowd->ids[0]);
	shoal_co_join(crowd->ids[0], LONG_MS);
	shoal_co_join(crowd->ids[1], LONG_MS);
	await_count(&gate.entered, 1);
	crowd->early = count_answers(crowd);
	gate_open(&gate, ASKERS);
	for (i = 2; i < ASKERS; i++)
		shoal_co_join(crowd->ids[i], LONG_MS);
}

START_TEST(one_query_answers_all_who_ask)
{
	struct crowd crowd = { 0 };
	int i;

	asked = 0;
	gate_init(&gate);
	run(ask_together, &crowd);
	ck_assert_int_eq(crowd.early, 2);
	ck_assert_int_eq(crowd.questions[0].result, -SHOAL_ECANCELED);
	ck_assert_int_eq(crowd.questions[1].result, -SHOAL_ETIMEDOUT);
	for (i = 2; i < ASKERS; i++)
		ck_assert_int_eq(crowd.questions[i].result, 1);
	ck_assert_int_eq(asked, 1);
	gate_fini(&gate);
}
END_TEST

struct left {
	int given_up, after, second;
};

/* The query goes on, and serves the next one who asks. */
static void
give_up_when_begun(void *arg)
{
	struct question question = { .host = "held.test",
		.timeout_ms = LONG_MS };
	struct left *left = arg;
	int64_t id = shoal_co_start(ask, &question, "asker");

	await_count(&gate.entered, 1);
	shoal_co_cancel(id);
	shoal_co_join(id, LONG_MS);
	left->given_up = question.result;
	gate_open(&gate, 1);
	left->after = ask_now("held.test", LONG_MS);
	left->second = ask_now("held.test", 0);
}

START_TEST(query_goes_on_without_who_asked)
{
	struct left left = { 0 };

	asked = 0;
	gate_init(&gate);
	run(give_up_when_begun, &left);
	ck_assert_int_eq(left.given_up, -SHOAL_ECANCELED);
	ck_assert_int_eq(left.after, 1);
	ck_assert_int_eq(left.second, 1);
	ck_assert_int_eq(asked, 1);
	gate_fini(&gate);
}
END_TEST

static void
leave_begun(void *arg)
{
	struct question question = { .host = "held.test",
		.timeout_ms = LONG_MS };
	int64_t id = shoal_co_start(ask, &question, "asker");

	await_count(&gate.entered, 1);
	shoal_co_cancel(id);
	shoal_co_join(id, LONG_MS);
}

START_TEST(loop_ends_beside_a_query)
{
	struct question question = { .host = "2.test", .timeout_ms = LONG_MS };

	gate_init(&gate);
	run(leave_begun, NULL);
	ck_assert_int_eq(gate.entered, 1);
	ck_assert_int_eq(gate.left, 0);
	/* the next loop knows nothing of it */
	run(ask, &question);
	ck_assert_int_eq(question.result, 2);
	ck_assert(gate_open(&gate, 1));
}
END_TEST

SH_SUITE("io/resolve", numbers_are_not_asked_for, ports_that_there_are_not,
    answers_and_errors, answers_are_remembered, oldest_answers_are_forgotten,
    one_query_answers_all_who_ask, query_goes_on_without_who_asked,
    loop_ends_beside_a_query)
