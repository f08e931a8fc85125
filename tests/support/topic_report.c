/*
 * This file writes what the topics' test client has counted as a line of JSON.
 */
#include "config.h"

#include "topic_clients.h"

#include <stdio.h>

enum { PIDS_MAX = 256 };

static void
report_workers(void)
{
	struct {
		pid_t pid;
		unsigned count;
	} workers[PIDS_MAX] = { { 0, 0 } };
	int i, j, n = 0;

	for (i = 0; i < crowd.client_count; i++) {
		const struct client *client = &crowd.clients[i];

		if (client->state != LINK_OPEN)
			continue;
		for (j = 0; j < n && workers[j].pid != client->pid; j++)
			;
		if (j == PIDS_MAX)
			continue;
		workers[j].pid = client->pid;
		workers[j].count++;
		n += j == n;
	}
	printf(",\"workers\":{");
	for (j = 0; j < n; j++)
		printf("%s\"%d\":%u", j > 0 ? "," : "", (int)workers[j].pid,
		    workers[j].count);
	printf("}");
}

static void
report_codes(void)
{
	int i;

	printf(",\"codes\":{");
	for (i = 0; i < CODES_MAX && crowd.codes[i].code != 0; i++)
		printf("%s\"%u\":%u", i > 0 ? "," : "", crowd.codes[i].code,
		    crowd.codes[i].count);
	printf("}");
}

void
crowd_report(bool done)
{
	const struct counts *counts = &crowd.counts;
	const struct {
		const char *name;
		uint64_t value;
	} values[] = {
		{ "clients", (uint64_t)crowd.client_count },
		{ "feeds", (uint64_t)crowd.feed_count },
		{ "received", counts->received },
		{ "acked", counts->acked },
		{ "refused", counts->refused },
		{ "reconnected", counts->reconnected },
		{ "gaps", counts->gaps },
		{ "lost", counts->lost },
		{ "finished", counts->finished },
		{ "missed", counts->missed },
		{ "doubled", counts->doubled },
		{ "unwanted", counts->unwanted },
		{ "strange", counts->strange },
		{ "outstanding", counts->outstanding },
	};
	size_t i;

	printf("{\"done\":%s", done ? "true" : "false");
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		printf(",\"%s\":%llu", values[i].name,
		    (unsigned long long)values[i].value);
	report_workers();
	report_codes();
	printf("}\n");
	fflush(stdout);
}
