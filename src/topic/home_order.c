/*
 * This file gives messages their order: a home numbers what publishers submit, keeps
 * it, and publishes it to all. What cannot be published just now, because it is not
 * known yet where the numbers go on or because there is no room, is held back; what
 * there is no place for is asked for again.
 *
 * Serials of a publisher go up by 1: one that was had is acknowledged and dropped, one
 * after a missing one is dropped and asked for again.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "topic/home_private.h"
#include "topic/keep.h"
#include "topic/log.h"

/* --- publishers -------------------------------------------------------------- */

static struct sh_writer *
find_writer(struct sh_home *home, uint64_t incarnation)
{
	struct sh_writer *writer;

	LIST_FOREACH(writer, &home->writers, next)
		if (writer->incarnation == incarnation)
			break;
	return writer;
}

/* When one is added, those that have gone for a while are forgotten: what they have
 * written is read. */
static void
forget_writers(struct sh_home *home)
{
	struct sh_bus_peer *peers;
	struct sh_writer *writer, *next;
	size_t count;
	int64_t now_ms = sh_home_now(home);

	peers = sh_home_peers(home, &count);
	if (peers == NULL)
		return;
	for (writer = LIST_FIRST(&home->writers); writer != NULL;
	     writer = next) {
		next = LIST_NEXT(writer, next);
		if (sh_home_has_peer(peers, count, writer->incarnation)) {
			writer->absent_ms = 0;
		} else if (writer->absent_ms == 0) {
			writer->absent_ms = now_ms;
		} else if (now_ms - writer->absent_ms >= SH_HOME_FORGET_MS) {
			LIST_REMOVE(writer, next);
			free(writer);
		}
	}
	free(peers);
}

struct sh_writer *
sh_order_writer(struct sh_home *home, uint64_t incarnation)
{
	struct sh_writer *writer = find_writer(home, incarnation);

	if (writer != NULL)
		return writer;
	forget_writers(home);
	writer = sh_try_calloc(1, sizeof(*writer));
	if (writer == NULL)
		return NULL;
	writer->incarnation = incarnation;
	LIST_INSERT_HEAD(&home->writers, writer, next);
	return writer;
}

void
sh_order_missed(struct sh_home *home, uint64_t incarnation)
{
	const struct sh_writer *writer = find_writer(home, incarnation);

	/* it sends again in a while; sooner is better */
	if (writer != NULL)
		home->dropped = true;
}

/* --- publishing -------------------------------------------------------------- */

/* Later than all before, of this process and, by the clock, of others. */
static uint64_t
make_epoch(struct sh_home *home)
{
	uint64_t now_us = home->link.wall_us(home->link.arg);

	home->epoch = now_us > home->epoch ? now_us : home->epoch + 1;
	return home->epoch;
}

static struct sh_log *
reach_log(struct sh_home *home, const struct sh_publication *publication)
{
	struct sh_log *log = sh_logs_find(home->logs, publication->topic,
	    publication->topic_len, publication->hash);

	if (log != NULL)
		return log;
	return sh_logs_add(home->logs, publication->topic,
	    publication->topic_len, publication->hash, make_epoch(home), 0,
	    sh_home_now(home));
}

/* The numbers count only when it is out: a dead home has not used them. */
static int
publish(struct sh_home *home, const struct sh_publication *publication,
    uint64_t incarnation, uint64_t serial)
{
	const uint64_t numbers[] = { incarnation, serial };
	const struct sh_record record = { .to = SH_BUS_ALL,
		.kind = SH_HOME_KEPT,
		.hash = publication->hash };

	return sh_home_write_publication(
	    home, &record, numbers, 2, publication);
}

/* False: not now. */
static bool
emit(struct sh_home *home, struct sh_publication *publication,
    uint64_t incarnation, uint64_t serial)
{
	const struct sh_keep *keep =
	    sh_keep_find(publication->topic, publication->topic_len);
	struct sh_log *log = NULL;
	int64_t now_ms = sh_home_now(home);

	/* the publisher may be of another generation, with other rules */
	if (keep != NULL) {
		log = reach_log(home, publication);
		if (log == NULL)
			return false;
		publication->epoch = log->epoch;
		publication->offset = log->offset + 1;
	}
	if (publish(home, publication, incarnation, serial) == -SHOAL_EAGAIN) {
		home->blocked = true;
		return false;
	}
	/* without memory only who comes later misses it, and is told */
	if (log != NULL)
		(void)sh_log_append(
		    home->logs, log, publication, keep, now_ms, now_ms);
	return true;
}

static void
acknowledge(struct sh_home *home, const struct sh_bus_peer *to, uint64_t serial)
{
	const uint64_t numbers[] = { home->link.me.slot, serial };

	if (!sh_home_is_me(home, to))
		(void)sh_home_write(home, to, SH_HOME_ACK, numbers, 2, NULL, 0);
}

/* Without room it sends again by itself. */
static void
ask_again(struct sh_home *home, const struct sh_bus_peer *to)
{
	(void)sh_home_write(home, to, SH_HOME_AGAIN, NULL, 0, NULL, 0);
}

/* --- what arrives here -------------------------------------------------------- */

static bool
keep_local(struct sh_home *home, const struct sh_publication *publication)
{
	uint8_t head[SH_PUBLICATION_HEADER_MAX];
	size_t head_len = sh_publication_encode(publication, head);
	struct sh_local *local =
	    sh_try_calloc(1, sizeof(*local) + head_len + publication->len);

	if (local == NULL)
		return false;
	local->len = head_len + publication->len;
	memcpy(local->bytes, head, head_len);
	if (publication->len > 0)
		memcpy(local->bytes + head_len, publication->data,
		    publication->len);
	home->local_bytes += sizeof(*local) + local->len;
	STAILQ_INSERT_TAIL(&home->local, local, next);
	home->link.soon(home->link.arg);
	return true;
}

/* All that is kept arrives; what is added meanwhile, too. */
static void
flush_local(struct sh_home *home)
{
	struct sh_publication publication;
	struct sh_local *local;

	while ((local = STAILQ_FIRST(&home->local)) != NULL) {
		STAILQ_REMOVE_HEAD(&home->local, next);
		home->local_bytes -= sizeof(*local) + local->len;
		sh_assert(sh_publication_decode(
			      &publication, local->bytes, local->len) == 0);
		home->link.arrived(&publication, home->link.arg);
		free(local);
	}
}

/* --- what is submitted --------------------------------------------------------- */

/* Number and publish, and set the numbers if that was done. As sh_order_submit(). */
static int
accept(struct sh_home *home, const struct sh_bus_peer *from, uint64_t serial,
    uint64_t first, const void *bytes, size_t len,
    struct sh_publication *publication_out, bool *done_out)
{
	struct sh_publication publication;
	struct sh_writer *writer;

	if (home->state != SH_HOME_SERVING || home->blocked)
		return 0;
	writer = sh_order_writer(home, from->incarnation);
	if (writer == NULL)
		return 0;
	if (writer->serial + 1 < first)
		writer->serial = first - 1;
	if (serial <= writer->serial) {
		acknowledge(home, from, writer->serial);
		return 1;
	}
	if (serial != writer->serial + 1) {
		if (!writer->asked)
			ask_again(home, from);
		writer->asked = true;
		return -SHOAL_EPROTO;
	}
	/* who wrote that is one of us */
	sh_assert(sh_publication_decode(&publication, bytes, len) == 0);
	if (!emit(home, &publication, from->incarnation, serial))
		return 0;
	writer->serial = serial;
	writer->asked = false;
	*publication_out = publication;
	*done_out = true;
	return 1;
}

int
sh_order_submit(struct sh_home *home, const struct sh_bus_peer *from,
    uint64_t serial, uint64_t first, const void *bytes, size_t len)
{
	struct sh_publication publication;
	bool done = false;
	int r =
	    accept(home, from, serial, first, bytes, len, &publication, &done);

	if (!done)
		return r;
	flush_local(home);
	home->link.arrived(&publication, home->link.arg);
	return r;
}

int
sh_order_submit_own(
    struct sh_home *home, uint64_t serial, const void *bytes, size_t len)
{
	struct sh_publication publication;
	bool done = false;
	int r;

	/* a run does not expect that logs change, nor those that are held that
	 * another one comes before them */
	if (home->busy || !STAILQ_EMPTY(&home->held))
		return 0;
	sh_move_look(home);
	r = accept(home, &home->link.me, serial, serial, bytes, len,
	    &publication, &done);
	/* without memory it is missing here, which is noticed */
	if (done)
		(void)keep_local(home, &publication);
	return r;
}

/* --- what is held back ------------------------------------------------------- */

static void
hold(struct sh_home *home, const struct sh_record *record)
{
	struct sh_held *held;

	if (home->held_bytes + record->len > SH_HOME_HELD_MAX)
		held = NULL;
	else
		held = sh_try_calloc(1, sizeof(*held) + record->len);
	if (held == NULL) {
		home->dropped = true;
		return;
	}
	held->from = record->from;
	held->incarnation = record->from_incarnation;
	held->len = record->len;
	memcpy(held->bytes, record->data, record->len);
	home->held_bytes += sizeof(*held) + held->len;
	STAILQ_INSERT_TAIL(&home->held, held, next);
}

static void
remove_held(struct sh_home *home)
{
	struct sh_held *held = STAILQ_FIRST(&home->held);

	STAILQ_REMOVE_HEAD(&home->held, next);
	home->held_bytes -= sizeof(*held) + held->len;
	free(held);
}

/* Numbers: serial, the first one that is not acknowledged. 0: not now. */
static int
submit_record(struct sh_home *home, const struct sh_record *record)
{
	const struct sh_bus_peer from = { .process = record->from,
		.incarnation = record->from_incarnation };
	struct sh_record rest;
	uint64_t numbers[2];

	if (!sh_home_numbers(record, numbers, 2, &rest))
		return -SHOAL_EPROTO;
	return sh_order_submit(
	    home, &from, numbers[0], numbers[1], rest.data, rest.len);
}

void
sh_order_receive(struct sh_home *home, const struct sh_record *record)
{
	sh_move_look(home);
	/* who sent it finds out that the home is elsewhere */
	if (home->state == SH_HOME_ELSEWHERE)
		return;
	if (!STAILQ_EMPTY(&home->held) || submit_record(home, record) == 0)
		hold(home, record);
}

static void
tell_all_again(struct sh_home *home)
{
	const struct sh_bus_peer all = { .process = SH_BUS_ALL };

	if (sh_home_write(home, &all, SH_HOME_AGAIN, NULL, 0, NULL, 0) !=
	    -SHOAL_EAGAIN)
		home->dropped = false;
}

void
sh_order_run(struct sh_home *home)
{
	struct sh_held *held;

	flush_local(home);
	while ((held = STAILQ_FIRST(&home->held)) != NULL) {
		const struct sh_record record = { .from = held->from,
			.from_incarnation = held->incarnation,
			.data = held->bytes,
			.len = held->len };

		if (home->state != SH_HOME_ELSEWHERE &&
		    submit_record(home, &record) == 0)
			return;
		remove_held(home);
	}
	if (home->dropped && home->state != SH_HOME_TAKING)
		tell_all_again(home);
}

void
sh_order_free(struct sh_home *home)
{
	struct sh_writer *writer;
	struct sh_local *local;

	while (!STAILQ_EMPTY(&home->held))
		remove_held(home);
	while ((local = STAILQ_FIRST(&home->local)) != NULL) {
		STAILQ_REMOVE_HEAD(&home->local, next);
		free(local);
	}
	while ((writer = LIST_FIRST(&home->writers)) != NULL) {
		LIST_REMOVE(writer, next);
		free(writer);
	}
}
