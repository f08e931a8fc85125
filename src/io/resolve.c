/* This file finds the addresses of a host, and remembers them for a while. */
#include "config.h"

#include "io/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "io/await.h"
#include "io/loop_private.h"
#include "io/thread_pool.h"

enum {
	REMEMBERED_MAX = 64,
	/* getaddrinfo(3) does not tell for how long an answer is good */
	GOOD_US = 30 * 1000 * 1000,
	BAD_US = 5 * 1000 * 1000,
	HOST_MAX = 255, /* RFC 1035, section 3.1 */
	SERVICE_MAX = 63,
	DIGITS_MAX = 5
};

static const char place[] = "resolve";

/* A coroutine that waits for an answer. */
struct asker {
	struct sh_co *co;
	TAILQ_ENTRY(asker) link;
};

TAILQ_HEAD(asker_list, asker);
TAILQ_HEAD(query_list, query);

/*
 * A question, and its answer. It belongs to the job while it is asked, then to
 * the resolver while it is remembered and to those who have not read it.
 */
struct query {
	struct sh_job job;
	struct sh_resolver *resolver; /* NULL: it does not know it */
	TAILQ_ENTRY(query) link;
	struct asker_list askers; /* woken when it is answered */
	unsigned readers;         /* askers, also woken ones */
	bool answered;
	int64_t until_us; /* when to ask again */
	int result;       /* of sh_resolve() */
	struct sh_addr *addrs;
	const char *service; /* NULL: none */
	char host[];         /* and the service behind it */
};

struct sh_resolver {
	struct query_list queries; /* those answered: the oldest ones first */
	size_t answered_count;
};

static bool
read_port(const char *text, unsigned *port_out)
{
	size_t len = text == NULL ? 0 : strlen(text);

	*port_out = 0;
	if (text == NULL)
		return true;
	if (len == 0 || len > DIGITS_MAX || strspn(text, "0123456789") != len)
		return false;
	*port_out = (unsigned)strtoul(text, NULL, 10);
	return *port_out <= UINT16_MAX;
}

static void
set_addr(struct sh_addr *addr, const void *from, socklen_t len)
{
	memset(addr, 0, sizeof(*addr));
	memcpy(&addr->storage, from, len);
	addr->len = len;
}

/* getaddrinfo(3) takes such a number, cut off. */
static bool
is_too_large(const char *text)
{
	return text != NULL && strspn(text, "0123456789") == strlen(text) &&
	    strtoull(text, NULL, 10) > UINT16_MAX;
}

/* What needs no name service: it would read files even for a number. */
static bool
read_number(const char *host, const char *service, struct sh_addr *out)
{
	struct sockaddr_in v4 = { .sin_family = AF_INET };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6 };
	unsigned port;

	if (!read_port(service, &port))
		return false;
	v4.sin_port = v6.sin6_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, host, &v4.sin_addr) == 1)
		set_addr(out, &v4, sizeof(v4));
	else if (inet_pton(AF_INET6, host, &v6.sin6_addr) == 1)
		set_addr(out, &v6, sizeof(v6));
	else
		return false;
	return true;
}

static void
free_query(struct query *query)
{
	free(query->addrs);
	free(query);
}

static void
forget(struct query *query)
{
	TAILQ_REMOVE(&query->resolver->queries, query, link);
	if (query->answered)
		query->resolver->answered_count--;
	query->resolver = NULL;
	if (query->answered && query->readers == 0)
		free_query(query);
}

static int
error_of(int gai)
{
	switch (gai) {
	case EAI_NONAME:
	case EAI_NODATA:
	case EAI_ADDRFAMILY:
	case EAI_SERVICE: return -SHOAL_ENOTFOUND;
	case EAI_MEMORY: return -SHOAL_ENOMEM;
	case EAI_SYSTEM: return errno == ENOMEM ? -SHOAL_ENOMEM : -SHOAL_EAGAIN;
	default: return -SHOAL_EAGAIN;
	}
}

static int
copy_found(struct query *query, const struct addrinfo *found)
{
	const struct addrinfo *info;
	int count = 0;

	query->addrs = sh_try_calloc(SH_RESOLVE_MAX, sizeof(*query->addrs));
	if (query->addrs == NULL)
		return -SHOAL_ENOMEM;
	for (info = found; info != NULL && count < SH_RESOLVE_MAX;
	     info = info->ai_next)
		set_addr(
		    &query->addrs[count++], info->ai_addr, info->ai_addrlen);
	return count > 0 ? count : -SHOAL_ENOTFOUND;
}

/* In a thread. */
static void
ask(struct sh_job *job)
{
	struct query *query = SH_CONTAINER(job, struct query, job);
	const struct addrinfo hints = { .ai_family = AF_UNSPEC,
		.ai_socktype = SOCK_STREAM,
		.ai_flags = AI_ADDRCONFIG };
	struct addrinfo *found = NULL;
	int r = getaddrinfo(query->host, query->service, &hints, &found);

	if (r != 0) {
		query->result = error_of(r);
		return;
	}
	query->result = copy_found(query, found);
	freeaddrinfo(found);
}

/* Trouble of ours, or of the name service, is not worth remembering. */
static bool
is_worth_remembering(const struct query *query)
{
	return query->result > 0 || query->result == -SHOAL_ENOTFOUND;
}

static void
remember(struct query *query)
{
	struct sh_resolver *resolver = query->resolver;
	struct query *oldest, *next;

	query->until_us =
	    sh_clock_us() + (query->result > 0 ? GOOD_US : BAD_US);
	TAILQ_REMOVE(&resolver->queries, query, link);
	TAILQ_INSERT_TAIL(&resolver->queries, query, link);
	for (oldest = TAILQ_FIRST(&resolver->queries);
	     oldest != NULL && resolver->answered_count > REMEMBERED_MAX;
	     oldest = next) {
		next = TAILQ_NEXT(oldest, link);
		if (oldest->answered)
			forget(oldest);
	}
}

static void
on_answered(struct sh_job *job)
{
	struct query *query = SH_CONTAINER(job, struct query, job);
	struct asker *asker;

	query->answered = true;
	query->resolver->answered_count++;
	TAILQ_FOREACH(asker, &query->askers, link)
		sh_co_wake(asker->co, 0);
	if (is_worth_remembering(query))
		remember(query);
	else
		forget(query);
}

static void
drop(struct sh_job *job)
{
	free_query(SH_CONTAINER(job, struct query, job));
}

static bool
is_about(const struct query *query, const char *host, const char *service)
{
	if (strcmp(query->host, host) != 0)
		return false;
	if (query->service == NULL || service == NULL)
		return query->service == service;
	return strcmp(query->service, service) == 0;
}

/* Also one that is not answered yet. */
static struct query *
find(struct sh_resolver *resolver, const char *host, const char *service)
{
	struct query *query;

	TAILQ_FOREACH(query, &resolver->queries, link)
		if (is_about(query, host, service))
			break;
	if (query == NULL || !query->answered ||
	    sh_clock_us() < query->until_us)
		return query;
	forget(query);
	return NULL;
}

static struct query *
make_query(const char *host, const char *service)
{
	size_t host_size = strlen(host) + 1;
	size_t service_size = service == NULL ? 0 : strlen(service) + 1;
	struct query *query =
	    sh_try_calloc(1, sizeof(*query) + host_size + service_size);

	if (query == NULL)
		return NULL;
	query->job.run = ask;
	query->job.done = on_answered;
	query->job.drop = drop;
	TAILQ_INIT(&query->askers);
	memcpy(query->host, host, host_size);
	if (service != NULL)
		query->service =
		    memcpy(query->host + host_size, service, service_size);
	return query;
}

static struct query *
start_query(struct sh_loop *loop, const char *host, const char *service)
{
	struct query *query = make_query(host, service);

	if (query == NULL)
		return NULL;
	if (sh_job_start(loop, &query->job) < 0) {
		free_query(query);
		return NULL;
	}
	query->resolver = loop->resolver;
	TAILQ_INSERT_TAIL(&loop->resolver->queries, query, link);
	return query;
}

static int
make_resolver(struct sh_loop *loop)
{
	if (loop->resolver != NULL)
		return 0;
	loop->resolver = sh_try_calloc(1, sizeof(*loop->resolver));
	if (loop->resolver == NULL)
		return -SHOAL_ENOMEM;
	TAILQ_INIT(&loop->resolver->queries);
	return 0;
}

/* A query that nobody waits for goes on only if it has begun. */
static void
leave(struct query *query)
{
	if (query->readers > 0)
		return;
	if (query->answered) {
		if (query->resolver == NULL)
			free_query(query);
	} else if (sh_job_withdraw(&query->job)) {
		forget(query);
		free_query(query);
	}
}

static int
await_answer(struct query *query, int64_t deadline_us)
{
	struct asker asker = { .co = sh_co_running() };
	int r = 0;

	if (query->answered)
		return 0;
	TAILQ_INSERT_TAIL(&query->askers, &asker, link);
	r = sh_await(place, deadline_us);
	TAILQ_REMOVE(&query->askers, &asker, link);
	return r;
}

static int
read_answer(const struct query *query, struct sh_addr *addrs_out, size_t max)
{
	size_t count;

	if (query->result < 0)
		return query->result;
	count = (size_t)query->result < max ? (size_t)query->result : max;
	memcpy(addrs_out, query->addrs, count * sizeof(*addrs_out));
	return (int)count;
}

static int
query_name(const char *host, const char *service, struct sh_addr *addrs_out,
    size_t max, int64_t deadline_us)
{
	struct sh_loop *loop = sh_loop_current();
	struct query *query;
	int r = make_resolver(loop);

	if (r < 0)
		return r;
	query = find(loop->resolver, host, service);
	if (query == NULL || !query->answered) {
		/* whether this coroutine may wait at all */
		r = sh_await(place, 0);
		if (r != -SHOAL_ETIMEDOUT || deadline_us == 0)
			return r;
	}
	if (query == NULL)
		query = start_query(loop, host, service);
	if (query == NULL)
		return -SHOAL_ENOMEM;
	query->readers++;
	r = await_answer(query, deadline_us);
	if (r == 0)
		r = read_answer(query, addrs_out, max);
	query->readers--;
	leave(query);
	return r;
}

int
sh_resolve(const char *host, const char *service, struct sh_addr *addrs_out,
    size_t max, int64_t deadline_us)
{
	size_t host_len = strlen(host);

	if (host_len == 0 || host_len > HOST_MAX || max == 0 ||
	    (service != NULL && strlen(service) > SERVICE_MAX))
		return -SHOAL_EINVAL;
	if (is_too_large(service))
		return -SHOAL_ENOTFOUND;
	if (read_number(host, service, addrs_out))
		return 1;
	return query_name(host, service, addrs_out, max, deadline_us);
}

void
sh_resolver_free(struct sh_resolver **resolver)
{
	struct query *query;

	if (resolver == NULL || *resolver == NULL)
		return;
	while ((query = TAILQ_FIRST(&(*resolver)->queries)) != NULL)
		forget(query);
	free(*resolver);
	*resolver = NULL;
}
