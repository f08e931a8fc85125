/* This file is a world of processes for tests of homes. */
#include "config.h"

#include "unit/topic/home_world.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>

#include <shoal/error.h>
#include <shoal/topic.h>

#include "topic/publication.h"

enum { RECORD_MAX = 65536, ROUNDS = 400 };

struct world_record {
	struct sh_record record;
	uint64_t era;
	char *bytes;
};

static struct {
	struct world_record *list;
	uint64_t count, cap;
} rings[WORLD_PROCS];

struct world world;

static const char *const topics[WORLD_TOPICS] = { "a", "b", "c", "d" };

const char *
world_topic(int topic)
{
	return topics[topic];
}

static uint64_t
hash_of(int topic)
{
	return sh_topic_hash(topics[topic], 1);
}

uint32_t
world_slot_of(int topic)
{
	return (uint32_t)(hash_of(topic) % world.slots);
}

static int
topic_of(uint64_t hash)
{
	int i;

	for (i = 0; i < WORLD_TOPICS; i++)
		if (hash_of(i) == hash)
			return i;
	ck_abort_msg("no such topic");
	return -1;
}

/* --- the link ---------------------------------------------------------------- */

static bool
find_slot(uint32_t slot, struct sh_bus_peer *peer_out, void *arg)
{
	bool found = false;
	int i;

	(void)arg;
	for (i = 0; i < world.count; i++) {
		const struct world_proc *proc = &world.procs[i];

		if (proc->home != NULL && proc->peer.slot == slot &&
		    proc->peer.generation == world.generation) {
			*peer_out = proc->peer;
			found = true;
		}
	}
	return found;
}

static size_t
peers(struct sh_bus_peer *peers_out, size_t max, void *arg)
{
	size_t count = 0;
	int i;

	(void)arg;
	for (i = 0; i < world.count && count < max; i++)
		if (world.procs[i].home != NULL)
			peers_out[count++] = world.procs[i].peer;
	return count;
}

static bool
is_for(const struct world_proc *proc, const struct sh_record *record)
{
	if (record->to != SH_BUS_ALL)
		return record->to == proc->peer.process &&
		    (record->to_incarnation == 0 ||
			record->to_incarnation == proc->peer.incarnation);
	return record->hash == 0 || proc->wants ||
	    proc->wanted[topic_of(record->hash)] > 0;
}

static bool
is_full(const struct world_proc *self)
{
	int i;

	for (i = 0; i < world.count; i++) {
		const struct world_proc *proc = &world.procs[i];

		if (world.cap != 0 && proc->home != NULL && proc != self &&
		    rings[self->peer.process].count -
			    proc->cursors[self->peer.process] >=
			(uint64_t)world.cap)
			return true;
	}
	return false;
}

static void
append(uint32_t process, const struct sh_record *record,
    const struct iovec *parts, int count)
{
	struct world_record *to;
	size_t at = 0;
	int i;

	if (rings[process].count == rings[process].cap) {
		rings[process].cap = rings[process].cap * 2 + 64;
		rings[process].list = realloc(
		    rings[process].list, rings[process].cap * sizeof(*to));
	}
	to = &rings[process].list[rings[process].count++];
	to->era = world.era;
	to->record = *record;
	to->record.from = process;
	to->record.from_incarnation = world.procs[process].peer.incarnation;
	to->record.len = 0;
	for (i = 0; i < count; i++)
		to->record.len += parts[i].iov_len;
	to->bytes = malloc(to->record.len + 1);
	for (i = 0; i < count; i++) {
		if (parts[i].iov_len > 0)
			memcpy(to->bytes + at, parts[i].iov_base,
			    parts[i].iov_len);
		at += parts[i].iov_len;
	}
	to->record.data = to->bytes;
}

static int
write_record(const struct sh_record *record, const struct iovec *parts,
    int count, void *arg)
{
	struct world_proc *self = arg;
	bool wanted = record->to == SH_BUS_ALL;
	size_t len = 0;
	int i;

	for (i = 0; i < count; i++)
		len += parts[i].iov_len;
	if (len > RECORD_MAX)
		return -SHOAL_EMSGSIZE;
	if (!wanted)
		wanted = record->to < (uint32_t)world.count &&
		    world.procs[record->to].home != NULL &&
		    is_for(&world.procs[record->to], record);
	if (!wanted)
		return -SHOAL_ENOENT;
	if (is_full(self) || self->full > 0) {
		self->full -= self->full > 0;
		return -SHOAL_EAGAIN;
	}
	append(self->peer.process, record, parts, count);
	return 0;
}

static void
begin_era(void *arg)
{
	(void)arg;
	world.era++;
}

static void
want(uint64_t hash, bool yes, void *arg)
{
	struct world_proc *self = arg;

	self->wanted[topic_of(hash)] += yes ? 1 : -1;
	ck_assert_int_ge(self->wanted[topic_of(hash)], 0);
}

static int64_t
now_ms(void *arg)
{
	(void)arg;
	return world.now_ms;
}

static uint64_t
wall_us(void *arg)
{
	(void)arg;
	return ++world.wall_us;
}

static void
soon(void *arg)
{
	((struct world_proc *)arg)->soon = true;
}

static void
note(struct world_seen *seen, int *count,
    const struct sh_publication *publication)
{
	struct world_seen *at = &seen[(*count)++];

	ck_assert_int_le(*count, WORLD_SEEN);
	at->topic = topic_of(publication->hash);
	at->epoch = publication->epoch;
	at->offset = publication->offset;
	ck_assert_uint_eq(publication->len, 2 * sizeof(int));
	memcpy(&at->publisher, publication->data, sizeof(int));
	memcpy(&at->number, (const char *)publication->data + sizeof(int),
	    sizeof(int));
}

static void
arrived(const struct sh_publication *publication, void *arg)
{
	struct world_proc *self = arg;

	if (!world.mute)
		note(self->seen, &self->seen_count, publication);
}

static void
room(void *arg)
{
	((struct world_proc *)arg)->room = true;
}

/* --- what happens ------------------------------------------------------------- */

void
world_reset(uint32_t slots)
{
	memset(&world, 0, sizeof(world));
	world.slots = slots;
	world.generation = 1;
	world.now_ms = 1000000;
	world.wall_us = 1000;
}

void
world_clear(void)
{
	int i;

	for (i = 0; i < world.count; i++)
		sh_home_free(&world.procs[i].home);
	for (i = 0; i < WORLD_PROCS; i++) {
		while (rings[i].count > 0)
			free(rings[i].list[--rings[i].count].bytes);
		free(rings[i].list);
		rings[i].list = NULL;
		rings[i].cap = 0;
	}
}

int
world_add(uint64_t generation, uint32_t slot)
{
	struct world_proc *proc = &world.procs[world.count];
	struct sh_home_link link = { .slot_count = world.slots,
		.record_max = RECORD_MAX,
		.find_slot = find_slot,
		.peers = peers,
		.write = write_record,
		.begin_era = begin_era,
		.want = want,
		.now_ms = now_ms,
		.wall_us = wall_us,
		.soon = soon,
		.arrived = arrived,
		.room = room,
		.arg = proc };
	int i;

	ck_assert_int_lt(world.count, WORLD_PROCS);
	proc->peer = (struct sh_bus_peer){ .process = (uint32_t)world.count,
		.incarnation = (uint64_t)world.count + 100,
		.generation = generation,
		.slot = slot };
	link.me = proc->peer;
	proc->wants = true;
	for (i = 0; i < world.count; i++)
		proc->cursors[i] = rings[i].count;
	proc->home = sh_home_new(&link);
	return world.count++;
}

void
world_kill(int proc)
{
	world.era++;
	sh_home_free(&world.procs[proc].home);
}

int
world_publish(int proc, int topic)
{
	struct world_proc *self = &world.procs[proc];
	int data[2] = { proc, self->published[topic] };
	struct sh_publication publication = { .topic = topics[topic],
		.topic_len = 1,
		.hash = hash_of(topic),
		.type = SHOAL_WS_BINARY,
		.data = data,
		.len = sizeof(data) };
	int r = sh_home_publish(self->home, &publication);

	self->published[topic] += r == 0;
	return r;
}

/* The next one of a ring for a process. NULL: there is none. */
static const struct world_record *
next_record(struct world_proc *self, int from)
{
	const struct world_record *next;

	if (self == &world.procs[from])
		return NULL;
	for (; self->cursors[from] < rings[from].count; self->cursors[from]++) {
		next = &rings[from].list[self->cursors[from]];
		if (is_for(self, &next->record))
			return next;
	}
	return NULL;
}

/* Within an era any ring is as good as another. */
bool
world_read(int proc, int from)
{
	struct world_proc *self = &world.procs[proc];
	const struct world_record *next = next_record(self, from), *other;
	int i;

	for (i = 0; next != NULL && i < world.count; i++) {
		other = next_record(self, i);
		if (other != NULL && other->era < next->era) {
			next = other;
			from = i;
		}
	}
	if (next == NULL)
		return false;
	self->cursors[from]++;
	sh_home_receive(self->home, &next->record);
	return true;
}

void
world_lap(int proc, int from)
{
	struct world_proc *self = &world.procs[proc];

	if (from == proc || self->cursors[from] == rings[from].count)
		return;
	self->cursors[from] = rings[from].count;
	sh_home_missed(self->home, (uint32_t)from);
}

void
world_turn(int proc)
{
	bool any = true;
	int from;

	while (any)
		for (any = false, from = 0; from < world.count; from++)
			any |= world_read(proc, from);
	world.procs[proc].soon = false;
	sh_home_run(world.procs[proc].home, true);
}

static bool
is_quiet(void)
{
	int i, from;

	for (i = 0; i < world.count; i++) {
		const struct world_proc *proc = &world.procs[i];

		if (proc->home == NULL)
			continue;
		if (proc->soon || !sh_home_is_quiet(proc->home))
			return false;
		for (from = 0; from < world.count; from++)
			if (from != i &&
			    proc->cursors[from] < rings[from].count)
				return false;
	}
	return true;
}

void
world_settle(void)
{
	int round, i;

	for (round = 0; round < ROUNDS && (round < 3 || !is_quiet()); round++) {
		for (i = 0; i < world.count; i++)
			if (world.procs[i].home != NULL)
				world_turn(i);
		world.now_ms += 20;
	}
	ck_assert_msg(is_quiet(), "something goes on for ever");
}

/* --- replays ------------------------------------------------------------------ */

static void
on_message(const struct sh_publication *publication, void *arg)
{
	struct world_proc *self = arg;

	note(self->replayed, &self->replayed_count, publication);
}

static void
on_done(int result, uint64_t epoch, uint64_t offset, bool gap, void *arg)
{
	struct world_proc *self = arg;

	self->done_count++;
	self->result = result;
	self->epoch = epoch;
	self->offset = offset;
	self->gap = gap;
}

void
world_replay(int proc, int topic, uint64_t epoch, uint64_t offset, size_t max)
{
	struct world_proc *self = &world.procs[proc];
	struct sh_replay replay = { .topic = topics[topic],
		.topic_len = 1,
		.epoch = epoch,
		.offset = offset,
		.max = max,
		.message = on_message,
		.done = on_done,
		.arg = self };

	self->replayed_count = self->done_count = 0;
	ck_assert_int_eq(sh_home_replay(self->home, &replay), 0);
}
