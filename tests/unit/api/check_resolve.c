/* This file tests <shoal/resolve.h>, with the name service of this machine. */
#include "config.h"

#include <shoal/resolve.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <shoal/co.h>

#include "base/attr.h"
#include "support/suite.h"

enum { LONG_MS = 20000 };

struct question {
	const char *host, *service;
	size_t max;
	struct sockaddr_storage addrs[SHOAL_RESOLVE_MAX + 1];
	int result;
};

static void
ask(void *arg)
{
	struct question *q = arg;

	q->result =
	    shoal_co_resolve(q->host, q->service, q->addrs, q->max, LONG_MS);
}

static int
run(struct question *question)
{
	ck_assert_int_eq(shoal_run(ask, question), 0);
	return question->result;
}

static bool
is_loopback(const struct sockaddr_storage *addr, unsigned port)
{
	const struct sockaddr_in *v4 = (const void *)addr;
	const struct sockaddr_in6 *v6 = (const void *)addr;

	if (addr->ss_family == AF_INET)
		return v4->sin_addr.s_addr == htonl(INADDR_LOOPBACK) &&
		    v4->sin_port == htons((uint16_t)port);
	return addr->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr) &&
	    v6->sin6_port == htons((uint16_t)port);
}

START_TEST(this_host)
{
	static const struct {
		const char *host;
		int family; /* 0: either */
	} rows[] = {
		{ "localhost", 0 },
		{ "127.0.0.1", AF_INET },
		{ "127.1", AF_INET },
		{ "::1", AF_INET6 },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		struct question question = { .host = rows[i].host,
			.service = "8080",
			.max = SHOAL_RESOLVE_MAX + 1 };
		int count = run(&question);

		ck_assert_msg(count >= 1, "%s: %d", rows[i].host, count);
		ck_assert(is_loopback(&question.addrs[0], 8080));
		if (rows[i].family != 0)
			ck_assert_int_eq(
			    question.addrs[0].ss_family, rows[i].family);
	}
}
END_TEST

START_TEST(no_such_host)
{
	struct question question = {
		.host = "no-such-host.invalid", .service = "80", .max = 1
	};
	int r = run(&question);

	/* without a network nobody can know */
	ck_assert(r == -SHOAL_ENOTFOUND || r == -SHOAL_EAGAIN);
}
END_TEST

START_TEST(room_for_none)
{
	struct question question = { .host = "localhost" };

	ck_assert_int_eq(run(&question), -SHOAL_EINVAL);
}
END_TEST

SH_SUITE("api/resolve", this_host, no_such_host, room_for_none)
