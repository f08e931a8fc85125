/*
 * This file moves what a home has to the next one: serials of publishers, so that
 * none of their messages counts twice, and the logs. The new home says TAKE to all
 * that have its slot, holds back what comes, and begins when each has said HANDED, or
 * has gone and all that it has written is read, or after a time. Who is not the home
 * any more begins to hand over without being asked.
 *
 * Two rings bring messages of one topic then. Who hands over begins an era of the bus
 * before, so everybody reads the old home's first, however far behind it is.
 *
 * A log that does not come begins a new epoch; so whatever is lost on the way is a gap,
 * and never a number that means two messages.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "topic/home_private.h"
#include "topic/log.h"

enum { SERIALS_MAX = 256 /* of publishers, in a record */ };

/* --- partners ---------------------------------------------------------------- */

static bool
add_partner(struct sh_partners *partners, const struct sh_bus_peer *peer)
{
	struct sh_partner *list;
	size_t i;

	for (i = 0; i < partners->count; i++)
		if (partners->list[i].peer.incarnation == peer->incarnation)
			return true;
	if (partners->count == partners->cap) {
		list = sh_try_grow(
		    partners->list, partners->cap + 4, sizeof(*list));
		if (list == NULL)
			return false;
		partners->list = list;
		partners->cap += 4;
	}
	partners->list[partners->count++] =
	    (struct sh_partner){ .peer = *peer };
	return true;
}

static void
remove_partner(struct sh_partners *partners, size_t i)
{
	partners->list[i] = partners->list[--partners->count];
}

/* --- taking over ------------------------------------------------------------- */

static void
begin_taking(struct sh_home *home)
{
	size_t count, i;
	struct sh_bus_peer *peers = sh_home_peers(home, &count);

	home->giving = false;
	home->state = SH_HOME_TAKING;
	home->take_by_ms = sh_home_now(home) + SH_HOME_TAKE_MS;
	home->begun = home->all_read = false;
	home->olds.count = 0;
	for (i = 0; peers != NULL && i < count; i++)
		if (peers[i].slot == home->link.me.slot &&
		    !sh_home_is_me(home, &peers[i]))
			(void)add_partner(&home->olds, &peers[i]);
	free(peers);
	home->link.soon(home->link.arg);
}

/* What lay ready may be gone. */
static void
give_anew(struct sh_home *home)
{
	struct sh_writer *writer;

	home->giving = true;
	home->gave_serials = false;
	home->give_log = NULL;
	LIST_FOREACH(writer, &home->writers, next)
		writer->given = false;
}

/* The first home behind this one. It stays the heir when another one is the home by
 * now, to whom it hands over in its turn: it may have given the next numbers already,
 * which only it knows. */
static bool
find_heir(struct sh_home *home)
{
	return home->heir.incarnation != 0 ||
	    sh_home_find(home, home->link.me.slot, &home->heir);
}

/* All that this home has published is written; what is handed over, and so whatever the
 * next one publishes, is of a later era. */
static void
begin_giving(struct sh_home *home)
{
	home->link.begin_era(home->link.arg);
	home->state = SH_HOME_ELSEWHERE;
	home->heir = (struct sh_bus_peer){ 0 };
	give_anew(home);
	(void)find_heir(home);
}

static bool
is_home(struct sh_home *home)
{
	struct sh_bus_peer peer;

	return sh_home_find(home, home->link.me.slot, &peer) &&
	    sh_home_is_me(home, &peer);
}

void
sh_move_look(struct sh_home *home)
{
	bool mine = is_home(home);

	if (mine && home->state == SH_HOME_ELSEWHERE)
		begin_taking(home);
	else if (!mine && home->state == SH_HOME_SERVING)
		begin_giving(home);
}

static void
tell_olds(struct sh_home *home)
{
	size_t i;

	for (i = 0; i < home->olds.count; i++) {
		struct sh_partner *old = &home->olds.list[i];

		if (!old->told)
			old->told = sh_home_write(home, &old->peer,
					SH_HOME_TAKE, NULL, 0, NULL, 0) == 0;
	}
}

/* Who was gone before all was read has nothing more to say. */
static void
forget_dead(struct sh_home *home, bool read)
{
	size_t count, i;
	struct sh_bus_peer *peers = sh_home_peers(home, &count);

	for (i = home->olds.count; peers != NULL && i-- > 0;) {
		struct sh_partner *old = &home->olds.list[i];

		if (sh_home_has_peer(peers, count, old->peer.incarnation))
			continue;
		if (old->absent && read)
			remove_partner(&home->olds, i);
		else
			home->link.soon(home->link.arg);
		old->absent = true;
	}
	free(peers);
}

/* One that has handed over everything may be gone, and all of it be unread. */
static void
run_taking(struct sh_home *home, bool read)
{
	tell_olds(home);
	forget_dead(home, read);
	if (read && home->begun)
		home->all_read = true;
	else
		home->link.soon(home->link.arg);
	home->begun = true;
	if ((home->olds.count > 0 || !home->all_read) &&
	    sh_home_now(home) < home->take_by_ms)
		return;
	home->olds.count = 0;
	home->state = SH_HOME_SERVING;
}

/* --- what is handed over ------------------------------------------------------ */

/* Pairs of incarnation and serial. */
static void
receive_serials(struct sh_home *home, const struct sh_record *record)
{
	struct sh_record rest = *record;
	uint64_t numbers[2];

	while (sh_home_numbers(&rest, numbers, 2, &rest)) {
		struct sh_writer *writer = sh_order_writer(home, numbers[0]);

		if (writer != NULL && writer->serial < numbers[1])
			writer->serial = numbers[1];
	}
}

/* Numbers: epoch, latest offset; the topic. */
static void
receive_log(struct sh_home *home, const struct sh_record *record)
{
	struct sh_record rest;
	struct sh_log *log;
	uint64_t numbers[2], hash;

	if (!sh_home_numbers(record, numbers, 2, &rest))
		return;
	hash = sh_topic_hash(rest.data, rest.len);
	log = sh_logs_find(home->logs, rest.data, rest.len, hash);
	/* one that was begun here meanwhile is the newer one */
	if (log != NULL && home->state == SH_HOME_SERVING)
		return;
	if (log != NULL &&
	    (log->epoch > numbers[0] ||
		(log->epoch == numbers[0] && log->offset >= numbers[1])))
		return;
	if (log != NULL)
		sh_logs_remove(home->logs, &log);
	/* without memory it is a gap */
	(void)sh_logs_add(home->logs, rest.data, rest.len, hash, numbers[0],
	    numbers[1], sh_home_now(home));
	if (home->epoch < numbers[0])
		home->epoch = numbers[0];
}

/* Number: when it was kept. */
static void
receive_entry(struct sh_home *home, const struct sh_record *record)
{
	struct sh_publication publication;
	struct sh_record rest;
	struct sh_log *log;
	uint64_t kept_ms;

	if (!sh_home_numbers(record, &kept_ms, 1, &rest) ||
	    sh_publication_decode(&publication, rest.data, rest.len) < 0)
		return;
	log = sh_logs_find(home->logs, publication.topic, publication.topic_len,
	    publication.hash);
	if (log != NULL && log->epoch == publication.epoch)
		(void)sh_log_restore(
		    home->logs, log, &publication, (int64_t)kept_ms);
}

static void
receive_take(struct sh_home *home, const struct sh_record *record)
{
	const struct sh_bus_peer from = { .process = record->from,
		.incarnation = record->from_incarnation };

	(void)add_partner(&home->takers, &from);
}

static void
receive_handed(struct sh_home *home, const struct sh_record *record)
{
	size_t i;

	for (i = home->olds.count; i-- > 0;)
		if (home->olds.list[i].peer.incarnation ==
		    record->from_incarnation)
			remove_partner(&home->olds, i);
}

void
sh_move_receive(struct sh_home *home, const struct sh_record *record)
{
	sh_move_look(home);
	switch (record->kind) {
	case SH_HOME_TAKE: receive_take(home, record); return;
	case SH_HOME_HANDED: receive_handed(home, record); return;
	case SH_HOME_SERIALS:
		if (home->state != SH_HOME_SERVING)
			receive_serials(home, record);
		break;
	case SH_HOME_LOG: receive_log(home, record); break;
	case SH_HOME_ENTRY: receive_entry(home, record); break;
	}
	/* the home has moved on meanwhile */
	if (home->state == SH_HOME_ELSEWHERE)
		give_anew(home);
}

void
sh_move_missed(struct sh_home *home, uint32_t process)
{
	size_t i;

	/* perhaps it had said that it was all; it says it once more */
	for (i = 0; i < home->olds.count; i++)
		if (home->olds.list[i].peer.process == process)
			home->olds.list[i].told = false;
}

/* --- handing over ------------------------------------------------------------- */

/* Some of those that have not been. 1: there was none; 0; negative: not now. */
static int
give_serials(struct sh_home *home, const struct sh_bus_peer *to)
{
	struct sh_writer *some[SERIALS_MAX], *writer;
	uint64_t numbers[2 * SERIALS_MAX];
	int count = 0, i, r;

	LIST_FOREACH(writer, &home->writers, next) {
		if (writer->given || count == SERIALS_MAX)
			continue;
		numbers[2 * count] = writer->incarnation;
		numbers[2 * count + 1] = writer->serial;
		some[count++] = writer;
	}
	if (count == 0)
		return 1;
	r = sh_home_write(
	    home, to, SH_HOME_SERIALS, numbers, 2 * count, NULL, 0);
	for (i = 0; i < count && r == 0; i++)
		some[i]->given = true;
	return r;
}

static int
give_head(struct sh_home *home, const struct sh_bus_peer *to,
    const struct sh_log *log)
{
	const uint64_t numbers[] = { log->epoch, log->offset };

	return sh_home_write(
	    home, to, SH_HOME_LOG, numbers, 2, log->topic, log->topic_len);
}

static int
give_entry(struct sh_home *home, const struct sh_bus_peer *to,
    const struct sh_log_entry *entry)
{
	const struct sh_record record = { .to = to->process,
		.to_incarnation = to->incarnation,
		.kind = SH_HOME_ENTRY };
	const uint64_t number = (uint64_t)entry->kept_ms;

	return sh_home_write_publication(
	    home, &record, &number, 1, &entry->publication);
}

/* One record. 0; negative: not now. */
static int
give_some(struct sh_home *home, const struct sh_bus_peer *to)
{
	struct sh_log *log = sh_logs_oldest(home->logs);
	int r;

	if (!home->gave_serials) {
		r = give_serials(home, to);
		home->gave_serials = r > 0;
	} else if (home->give_log == NULL) {
		r = give_head(home, to, log);
		if (r == 0) {
			home->give_log = log;
			home->give_entry = sh_log_behind(log, 0);
		}
	} else if (home->give_entry != NULL) {
		r = give_entry(home, to, home->give_entry);
		if (r == 0)
			home->give_entry = TAILQ_NEXT(home->give_entry, next);
	} else {
		home->give_log = NULL;
		sh_logs_remove(home->logs, &log);
		r = 0;
	}
	return r;
}

static bool
has_to_give(const struct sh_home *home)
{
	return !home->gave_serials || sh_logs_count(home->logs) > 0;
}

/* The heir has died, and with it how far the numbers went: who comes next begins
 * epochs. */
static void
drop_logs(struct sh_home *home)
{
	struct sh_log *log;

	home->give_log = NULL;
	while (sh_logs_count(home->logs) > 0) {
		log = sh_logs_oldest(home->logs);
		sh_logs_remove(home->logs, &log);
	}
}

static void
run_giving(struct sh_home *home)
{
	int steps = SH_HOME_STEPS, r = 0;

	if (!find_heir(home))
		return;
	while (r >= 0 && has_to_give(home)) {
		if (steps-- == 0) {
			home->link.soon(home->link.arg);
			return;
		}
		r = give_some(home, &home->heir);
	}
	if (r == -SHOAL_ENOENT)
		drop_logs(home);
	else if (r < 0)
		return;
	home->giving = false;
}

static void
tell_takers(struct sh_home *home)
{
	size_t i;

	for (i = home->takers.count; i-- > 0;)
		if (sh_home_write(home, &home->takers.list[i].peer,
			SH_HOME_HANDED, NULL, 0, NULL, 0) != -SHOAL_EAGAIN)
			remove_partner(&home->takers, i);
}

void
sh_move_run(struct sh_home *home, bool read)
{
	if (home->state == SH_HOME_TAKING) {
		run_taking(home, read);
		sh_move_look(home);
	}
	if (home->giving)
		run_giving(home);
	/* two that wait for each other: the home has nothing for the other */
	if (!home->giving && (home->state != SH_HOME_TAKING || is_home(home)))
		tell_takers(home);
}

void
sh_move_free(struct sh_home *home)
{
	free(home->olds.list);
	free(home->takers.list);
}
