/*
 * This program is the client of the topics' black-box tests: many WebSockets to a
 * hub (see topic_clients.h), which subscribe and publish as the lines on stdin say.
 * Each line is answered by one of JSON on stdout: whether it could be done before
 * the deadline, and all that was counted so far. What was lost, came twice, out of
 * order or unasked for is told on stderr.
 */
#include "config.h"

#include "topic_clients.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { LIFETIME_S = 900, LINE_ROOM = 512, WORDS_MAX = 4 };

struct crowd crowd;

/* The command that is not answered yet. */
static struct {
	char line[LINE_ROOM];
	char *words[WORDS_MAX + 1]; /* "" where there are no more */
	bool (*is_done)(void);
	uint64_t deadline_ms, goal;
} command;

static uint64_t timeout_ms = 30000;

static uint64_t
now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* --- when a command is done ----------------------------------------------- */

static bool
is_at_once(void)
{
	return true;
}

/* Who is lost stays so, if it is not to come again. */
static bool
are_open(void)
{
	int i;

	for (i = 0; i < crowd.client_count; i++) {
		const struct client *client = &crowd.clients[i];

		if (client->state != LINK_OPEN && !client->excused &&
		    (client->state != LINK_CLOSED || crowd.reconnect))
			return false;
	}
	return true;
}

static bool
is_churning(const struct client *client)
{
	int i;

	for (i = 0; i < client->filter_count; i++)
		if (client->filters[i].churn)
			return true;
	return false;
}

/* Every request has its answer, but where it is never the last one. */
static bool
are_confirmed(void)
{
	int i, j;

	for (i = 0; i < crowd.client_count; i++) {
		const struct client *client = &crowd.clients[i];

		if (client->excused || is_churning(client))
			continue;
		for (j = 0; j < client->filter_count; j++)
			if (client->filters[j].pending)
				return false;
	}
	return are_open();
}

/* All that was to be published is, and all that has to come has come. */
static bool
is_settled(void)
{
	int i;

	for (i = 0; i < crowd.feed_count; i++) {
		const struct feed *feed = &crowd.feeds[i];

		if (!feed->dead && !feed->client->excused &&
		    (feed->quota > 0 || feed->acked < feed->sent))
			return false;
	}
	return crowd.counts.outstanding == 0 && are_confirmed();
}

static bool
has_progressed(void)
{
	return crowd.counts.received >= command.goal;
}

/* All that was to be published so far has been acknowledged. */
static bool
is_acked(void)
{
	int i;

	for (i = 0; i < crowd.feed_count; i++)
		if (!crowd.feeds[i].dead &&
		    (crowd.feeds[i].quota > 0 ||
			crowd.feeds[i].acked < crowd.feeds[i].sent))
			return false;
	return true;
}

static bool
has_been_told(void)
{
	return crowd.counts.gaps >= command.goal;
}

static bool
has_lost(void)
{
	return crowd.counts.lost >= command.goal;
}

static bool
has_finished(void)
{
	int i;

	for (i = 0; i < crowd.client_count; i++)
		if (crowd.clients[i].state != LINK_CLOSED)
			return false;
	return true;
}

/* --- commands ------------------------------------------------------------- */

/* Whether a client is meant: by its group, or its worker's pid. */
static bool
is_meant(const struct client *client, const char *whom)
{
	return strcmp(whom, "all") == 0 || strcmp(client->group, whom) == 0 ||
	    (client->pid > 0 && client->pid == (pid_t)atoi(whom));
}

static void
open_clients(const char *group, int count)
{
	int i;

	for (i = 0; i < count && crowd.client_count < crowd.client_cap; i++) {
		struct client *client = &crowd.clients[crowd.client_count];

		client->index = crowd.client_count++;
		client->feed = -1;
		client->narrow = strcmp(command.words[3], "narrow") == 0;
		snprintf(client->group, sizeof(client->group), "%s", group);
		client->views = calloc(FEEDS_MAX, sizeof(*client->views));
		if (client->views == NULL)
			abort();
		link_open(client);
	}
}

static void
subscribe(struct client *client)
{
	struct filter *filter = &client->filters[client->filter_count];

	if (client->filter_count == FILTERS_MAX)
		return;
	client->filter_count++;
	snprintf(filter->text, sizeof(filter->text), "%s", command.words[2]);
	snprintf(filter->flags, sizeof(filter->flags), "%s", command.words[3]);
	crowd_request(client, filter, true);
}

/* End a subscription, or have it begin and end again and again, or no more. */
static void
change_filter(struct client *client)
{
	int i;

	for (i = 0; i < client->filter_count; i++) {
		struct filter *filter = &client->filters[i];

		if (strcmp(filter->text, command.words[2]) != 0)
			continue;
		filter->churn = strcmp(command.words[3], "on") == 0;
		if (!filter->pending &&
		    (filter->churn ||
			strcmp(command.words[0], "unsubscribe") == 0))
			crowd_request(client, filter, !filter->wanted);
	}
}

/* "topic/%" is one topic for each: '%' stands for a number. */
static void
expand(const char *pattern, int number, char topic[NAME_ROOM])
{
	const char *mark = strchr(pattern, '%');

	if (mark == NULL)
		snprintf(topic, NAME_ROOM, "%s", pattern);
	else
		snprintf(topic, NAME_ROOM, "%.*s%d%s", (int)(mark - pattern),
		    pattern, number, mark + 1);
}

/* What a command does to one client that is meant. */
static void
do_to(struct client *client)
{
	const char *name = command.words[0];
	char topic[NAME_ROOM];

	if (strcmp(name, "subscribe") == 0) {
		subscribe(client);
	} else if (strcmp(name, "unsubscribe") == 0 ||
	    strcmp(name, "churn") == 0) {
		change_filter(client);
	} else if (strcmp(name, "feed") == 0) {
		expand(command.words[2], client->index, topic);
		crowd_open_feed(client, topic, command.words[3]);
	} else if (strcmp(name, "stall") == 0) {
		link_stall(client, true);
		ledger_excuse(client, true);
	} else if (strcmp(name, "excuse") == 0) {
		ledger_excuse(client, true);
	} else if (strcmp(name, "expect") == 0) {
		ledger_excuse(client, false);
		link_stall(client, false);
	} else if (strcmp(name, "finish") == 0 && client->fd >= 0) {
		link_stall(client, false);
		link_finish(client);
	}
}

static const struct {
	const char *name;
	bool (*is_done)(void);
} commands[] = {
	{ "open", are_open },
	{ "subscribe", are_confirmed },
	{ "unsubscribe", are_confirmed },
	{ "churn", are_confirmed },
	{ "confirmed", are_confirmed },
	{ "feed", is_at_once },
	{ "stall", is_at_once },
	{ "excuse", is_at_once },
	{ "expect", is_at_once },
	{ "report", is_at_once },
	{ "publish", is_at_once },
	{ "stream", is_at_once },
	{ "reconnect", is_at_once },
	{ "settle", is_settled },
	{ "progress", has_progressed },
	{ "acked", is_acked },
	{ "gaps", has_been_told },
	{ "lost", has_lost },
	{ "finish", has_finished },
};

static void
do_to_all(void)
{
	bool on = strcmp(command.words[1], "on") == 0;
	uint64_t number = strtoull(command.words[1], NULL, 10);
	const char *name = command.words[0];
	int i;

	if (strcmp(name, "open") == 0)
		open_clients(command.words[1], atoi(command.words[2]));
	else if (strcmp(name, "stream") == 0)
		crowd.streaming = on;
	else if (strcmp(name, "reconnect") == 0)
		crowd.reconnect = on;
	else if (strcmp(name, "finish") == 0)
		crowd.finishing = true;
	command.goal = number +
	    (strcmp(name, "progress") == 0 ? crowd.counts.received : 0);
	for (i = 0; i < crowd.feed_count; i++)
		if (strcmp(name, "publish") == 0 && !crowd.feeds[i].dead)
			crowd.feeds[i].quota += number;
	for (i = 0; i < crowd.client_count; i++)
		if (strcmp(name, "finish") == 0 ||
		    is_meant(&crowd.clients[i], command.words[1]))
			do_to(&crowd.clients[i]);
}

static void
begin_command(void)
{
	char *place = command.line, *word;
	size_t i;

	for (i = 0; i <= WORDS_MAX; i++) {
		word = strsep(&place, " ");
		command.words[i] = word != NULL ? word : (char *)"";
	}
	for (i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(commands[i].name, command.words[0]) == 0)
			command.is_done = commands[i].is_done;
	if (command.is_done == NULL) {
		fprintf(
		    stderr, "topic_clients: no command %s\n", command.words[0]);
		exit(2);
	}
	command.deadline_ms = now_ms() + timeout_ms;
	do_to_all();
}

static void
judge_command(void)
{
	bool done = command.is_done();

	if (!done && now_ms() < command.deadline_ms)
		return;
	command.is_done = NULL;
	if (!done)
		ledger_explain();
	crowd_report(done);
}

/* --- the loop ------------------------------------------------------------- */

/* A line is there as a whole: who writes it waits for the answer. */
static void
read_command(void)
{
	ssize_t n = read(STDIN_FILENO, command.line, LINE_ROOM - 1);

	if (n <= 0)
		exit(0);
	command.line[n] = '\0';
	command.line[strcspn(command.line, "\n")] = '\0';
	begin_command();
}

static void
turn(void)
{
	struct epoll_event events[512];
	int i, n = epoll_wait(crowd.epoll_fd, events, 512, 10);
	bool is_told = false;

	for (i = 0; i < n; i++)
		if (events[i].data.ptr == NULL)
			is_told = true;
		else
			link_step(events[i].data.ptr, events[i].events);
	if (is_told)
		read_command();
	if (crowd.reconnect && !crowd.finishing)
		crowd_reconnect();
	crowd_publish();
	if (command.is_done != NULL)
		judge_command();
}

static void
read_options(int argc, char **argv)
{
	static const char usage[] =
	    "usage: topic_clients PORT PATH [-c CLIENTS] [-s SIZE]"
	    " [-w WINDOW] [-a AHEAD] [-t TIMEOUT_MS]\n";
	int letter;

	crowd = (struct crowd){
		.client_cap = 4096, .size = 32, .window = 4, .ahead = 16
	};
	while ((letter = getopt(argc, argv, "c:s:w:a:t:")) != -1)
		switch (letter) {
		case 'c': crowd.client_cap = atoi(optarg); break;
		case 's': crowd.size = (size_t)atoi(optarg); break;
		case 'w': crowd.window = (unsigned)atoi(optarg); break;
		case 'a': crowd.ahead = (unsigned)atoi(optarg); break;
		case 't': timeout_ms = (uint64_t)atoi(optarg); break;
		default: fputs(usage, stderr); exit(2);
		}
	if (argc - optind != 2 || crowd.size < 32 || crowd.size > CONTENT_MAX) {
		fputs(usage, stderr);
		exit(2);
	}
	crowd.port = atoi(argv[optind]);
	crowd.path = argv[optind + 1];
}

int
main(int argc, char **argv)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct rlimit limit;

	read_options(argc, argv);
	alarm(LIFETIME_S);
	signal(SIGPIPE, SIG_IGN);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	crowd.clients =
	    calloc((size_t)crowd.client_cap, sizeof(*crowd.clients));
	crowd.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (crowd.clients == NULL || crowd.epoll_fd < 0) {
		perror("topic_clients");
		return 2;
	}
	epoll_ctl(crowd.epoll_fd, EPOLL_CTL_ADD, STDIN_FILENO, &event);
	for (;;)
		turn();
}
