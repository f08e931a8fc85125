/*
 * This file counts the processes that take part: each says so when it connects,
 * every five seconds and when it ends; one that has been silent for three times
 * that is gone. So the count may be wrong for 15 seconds after a process was killed.
 * It also drops messages that came twice.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <endian.h>
#include <stdio.h>

#include "base/mem.h"
#include "io/loop.h"
#include "broker/nats_private.h"

enum {
	GREET_MS = 5000,
	SILENT_MS = 3 * GREET_MS,
	PROCESSES_MAX = 1 << 16 /* more are not known */
};

enum { HELLO, HELLO_ALL, BYE };

struct greeting {
	uint64_t process; /* little-endian */
	uint8_t kind;
} __attribute__((packed));

static struct sh_nats_process *
find_process(struct sh_carrier_nats *carrier, uint64_t number)
{
	return (struct sh_nats_process *)sh_id_table_find(
	    &carrier->processes, number);
}

static struct sh_nats_process *
add_process(struct sh_carrier_nats *carrier, uint64_t number)
{
	struct sh_nats_process *process;

	if (carrier->process_count == PROCESSES_MAX)
		return NULL;
	process = sh_try_calloc(1, sizeof(*process));
	if (process == NULL)
		return NULL;
	process->node.id = number;
	if (sh_id_table_add(&carrier->processes, &process->node) < 0) {
		free(process);
		return NULL;
	}
	TAILQ_INSERT_TAIL(&carrier->process_list, process, link);
	carrier->process_count++;
	return process;
}

static void
remove_process(struct sh_carrier_nats *carrier, struct sh_nats_process *process)
{
	sh_id_table_remove(&carrier->processes, &process->node);
	TAILQ_REMOVE(&carrier->process_list, process, link);
	carrier->process_count--;
	carrier->greeted_count -= process->greeted;
	free(process);
}

static struct sh_nats_process *
hear(struct sh_carrier_nats *carrier, uint64_t number)
{
	struct sh_nats_process *process = find_process(carrier, number);

	if (process == NULL)
		process = add_process(carrier, number);
	if (process != NULL)
		process->heard_ms = sh_loop_now_ms(carrier->loop);
	return process;
}

static void
greet(struct sh_carrier_nats *carrier, const char *subject, uint8_t kind)
{
	struct greeting greeting = { .process = htole64(carrier->self),
		.kind = kind };

	sh_nats_say(carrier, subject, &greeting, sizeof(greeting));
}

/* A new one gets the answers to itself, not by way of all. */
static void
answer(struct sh_carrier_nats *carrier, uint64_t to)
{
	char subject[32];

	if (to == carrier->self)
		return;
	snprintf(
	    subject, sizeof(subject), "i.%016llx.h", (unsigned long long)to);
	greet(carrier, subject, HELLO);
}

void
sh_nats_peers_heard(
    struct sh_carrier_nats *carrier, const void *data, size_t len)
{
	struct greeting greeting;
	struct sh_nats_process *process;

	if (len != sizeof(greeting))
		return;
	memcpy(&greeting, data, len);
	process = hear(carrier, le64toh(greeting.process));
	if (process == NULL)
		return;
	if (greeting.kind == BYE) {
		remove_process(carrier, process);
		return;
	}
	carrier->greeted_count += !process->greeted;
	process->greeted = true;
	if (greeting.kind == HELLO_ALL)
		answer(carrier, process->node.id);
}

bool
sh_nats_is_new(
    struct sh_carrier_nats *carrier, uint64_t process, uint64_t serial)
{
	struct sh_nats_process *from = hear(carrier, process);

	if (from == NULL)
		return true;
	if (serial <= from->serial)
		return false;
	from->serial = serial;
	return true;
}

static void
on_time(struct sh_wheel_timer *timer)
{
	struct sh_carrier_nats *carrier = (void *)((char *)timer -
	    offsetof(struct sh_carrier_nats, greeting));
	int64_t now = sh_loop_now_ms(carrier->loop);
	struct sh_nats_process *process, *next;

	for (process = TAILQ_FIRST(&carrier->process_list); process != NULL;
	     process = next) {
		next = TAILQ_NEXT(process, link);
		if (carrier->up && now - process->heard_ms > SILENT_MS)
			remove_process(carrier, process);
	}
	if (carrier->up)
		greet(carrier, "h", HELLO);
	sh_wheel_set(carrier->loop, timer, now + GREET_MS);
}

void
sh_nats_peers_up(struct sh_carrier_nats *carrier)
{
	struct sh_nats_process *process;

	/* they are silent because they could not be heard */
	TAILQ_FOREACH(process, &carrier->process_list, link)
		process->heard_ms = sh_loop_now_ms(carrier->loop);
	greet(carrier, "h", HELLO_ALL);
}

void
sh_nats_peers_open(struct sh_carrier_nats *carrier)
{
	TAILQ_INIT(&carrier->process_list);
	sh_wheel_timer_init(&carrier->greeting, on_time);
	sh_wheel_set(carrier->loop, &carrier->greeting,
	    sh_loop_now_ms(carrier->loop) + GREET_MS);
}

void
sh_nats_peers_close(struct sh_carrier_nats *carrier)
{
	struct sh_nats_process *process;

	if (carrier->up)
		greet(carrier, "h", BYE);
	sh_wheel_clear(carrier->loop, &carrier->greeting);
	while ((process = TAILQ_FIRST(&carrier->process_list)) != NULL)
		remove_process(carrier, process);
	sh_id_table_fini(&carrier->processes);
}
