/*
 * This file is what comes to a home and its publishers, and what is due; what is
 * done about it is in the other files home_*.c.
 */
#include "config.h"

#include "topic/home.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "topic/home_private.h"
#include "topic/keep.h"
#include "topic/log.h"

enum { PEERS_FIRST = 64, NUMBERS_MAX = SH_HOME_PREFIX_MAX / 8, SWEPT = 1000 };

struct sh_home *
sh_home_new(const struct sh_home_link *link)
{
	struct sh_home *home = sh_try_calloc(1, sizeof(*home));
	uint32_t i;

	if (home == NULL)
		return NULL;
	home->link = *link;
	home->lines = sh_try_calloc(link->slot_count, sizeof(struct sh_line));
	home->logs = sh_logs_new(SH_LOGS_BYTES_MAX);
	if (home->lines == NULL || home->logs == NULL) {
		sh_logs_free(&home->logs);
		free(home->lines);
		free(home);
		return NULL;
	}
	for (i = 0; i < link->slot_count; i++)
		TAILQ_INIT(&home->lines[i].letters);
	LIST_INIT(&home->writers);
	STAILQ_INIT(&home->held);
	STAILQ_INIT(&home->local);
	TAILQ_INIT(&home->asks);
	TAILQ_INIT(&home->tales);
	return home;
}

void
sh_home_free(struct sh_home **home)
{
	struct sh_home *gone = *home;

	if (gone == NULL)
		return;
	sh_ask_free(gone);
	sh_tale_free(gone);
	sh_outbox_free(gone);
	sh_order_free(gone);
	sh_move_free(gone);
	sh_logs_free(&gone->logs);
	free(gone->lines);
	free(gone);
	*home = NULL;
}

/* --- others ------------------------------------------------------------------ */

bool
sh_home_find(struct sh_home *home, uint32_t slot, struct sh_bus_peer *peer_out)
{
	return home->link.find_slot(slot, peer_out, home->link.arg);
}

bool
sh_home_is_me(const struct sh_home *home, const struct sh_bus_peer *peer)
{
	return peer->incarnation == home->link.me.incarnation;
}

struct sh_bus_peer *
sh_home_peers(struct sh_home *home, size_t *count_out)
{
	struct sh_bus_peer *peers = NULL, *more;
	size_t max = PEERS_FIRST, count;

	for (;; max *= 2) {
		more = sh_try_grow(peers, max, sizeof(*peers));
		if (more == NULL) {
			free(peers);
			return NULL;
		}
		peers = more;
		count = home->link.peers(peers, max, home->link.arg);
		if (count < max)
			break;
	}
	*count_out = count;
	return peers;
}

bool
sh_home_has_peer(
    const struct sh_bus_peer *peers, size_t count, uint64_t incarnation)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (peers[i].incarnation == incarnation)
			return true;
	return false;
}

int
sh_home_write(struct sh_home *home, const struct sh_bus_peer *to,
    enum sh_home_kind kind, const uint64_t *numbers, int count,
    const void *bytes, size_t len)
{
	const struct sh_record record = { .to = to->process,
		.to_incarnation = to->incarnation,
		.kind = kind };
	const struct iovec parts[] = {
		{ (void *)numbers, (size_t)count * sizeof(*numbers) },
		{ (void *)bytes, len },
	};

	return home->link.write(&record, parts, 2, home->link.arg);
}

int
sh_home_write_publication(struct sh_home *home, const struct sh_record *record,
    const uint64_t *numbers, int count,
    const struct sh_publication *publication)
{
	uint8_t head[SH_PUBLICATION_HEADER_MAX];
	size_t head_len = sh_publication_encode(publication, head);
	const struct iovec parts[] = {
		{ (void *)numbers, (size_t)count * sizeof(*numbers) },
		{ head, head_len },
		{ (void *)publication->data, publication->len },
	};

	return home->link.write(record, parts, 3, home->link.arg);
}

bool
sh_home_numbers(const struct sh_record *record, uint64_t *numbers, int count,
    struct sh_record *rest_out)
{
	size_t size = (size_t)count * sizeof(*numbers);

	if (record->len < size)
		return false;
	memcpy(numbers, record->data, size);
	*rest_out = *record;
	rest_out->data = (const char *)record->data + size;
	rest_out->len = record->len - size;
	return true;
}

/* --- what comes -------------------------------------------------------------- */

/* Numbers: incarnation and serial of who published it. */
static void
receive_kept(struct sh_home *home, const struct sh_record *record)
{
	struct sh_publication publication;
	struct sh_record rest;
	uint64_t numbers[2];

	if (!sh_home_numbers(record, numbers, 2, &rest) ||
	    sh_publication_decode(&publication, rest.data, rest.len) < 0)
		return;
	if (numbers[0] == home->link.me.incarnation)
		sh_outbox_ack(
		    home, sh_home_slot(home, publication.hash), numbers[1]);
	home->link.arrived(&publication, home->link.arg);
}

static void
receive_ask(struct sh_home *home, const struct sh_record *record)
{
	const struct sh_bus_peer from = { .process = record->from,
		.incarnation = record->from_incarnation };
	struct sh_record rest;
	uint64_t numbers[4];

	if (sh_home_numbers(record, numbers, 4, &rest))
		/* without memory it asks again */
		(void)sh_tale_add(home, &from, numbers[0], numbers[1],
		    numbers[2], numbers[3], rest.data, rest.len);
}

static void
receive_answer(struct sh_home *home, const struct sh_record *record)
{
	struct sh_publication publication;
	struct sh_record rest;
	uint64_t numbers[4];

	if (record->kind == SH_HOME_TOLD) {
		if (sh_home_numbers(record, numbers, 4, &rest))
			sh_ask_told(home, numbers[0], numbers[1], numbers[2],
			    numbers[3] != 0);
	} else if (sh_home_numbers(record, numbers, 1, &rest) &&
	    sh_publication_decode(&publication, rest.data, rest.len) == 0) {
		sh_ask_tell(home, numbers[0], &publication);
	}
}

static void
receive_ack(struct sh_home *home, const struct sh_record *record)
{
	struct sh_record rest;
	uint64_t numbers[2];

	if (sh_home_numbers(record, numbers, 2, &rest) &&
	    numbers[0] < home->link.slot_count)
		sh_outbox_ack(home, (uint32_t)numbers[0], numbers[1]);
}

void
sh_home_receive(struct sh_home *home, const struct sh_record *record)
{
	switch ((enum sh_home_kind)record->kind) {
	case SH_HOME_SUBMIT: sh_order_receive(home, record); break;
	case SH_HOME_KEPT: receive_kept(home, record); break;
	case SH_HOME_ACK: receive_ack(home, record); break;
	case SH_HOME_AGAIN:
		sh_outbox_again(home, record->from_incarnation);
		break;
	case SH_HOME_TAKE:
	case SH_HOME_SERIALS:
	case SH_HOME_LOG:
	case SH_HOME_ENTRY:
	case SH_HOME_HANDED: sh_move_receive(home, record); break;
	case SH_HOME_ASK: receive_ask(home, record); break;
	case SH_HOME_TELL:
	case SH_HOME_TOLD: receive_answer(home, record); break;
	case SH_HOME_KIND_END: break;
	}
}

/* Only who has lost something knows; the others wait for nothing. */
void
sh_home_missed(struct sh_home *home, uint32_t process)
{
	struct sh_bus_peer *peers;
	size_t count, i;

	sh_move_missed(home, process);
	peers = sh_home_peers(home, &count);
	for (i = 0; peers != NULL && i < count; i++)
		if (peers[i].process == process) {
			sh_order_missed(home, peers[i].incarnation);
			sh_ask_missed(home, peers[i].incarnation);
		}
	free(peers);
}

/* --- what is due ------------------------------------------------------------- */

static void
sweep(struct sh_home *home)
{
	int64_t now_ms = sh_home_now(home);

	if (now_ms < home->sweep_ms)
		return;
	home->sweep_ms = now_ms + SH_HOME_SWEEP_MS;
	/* what is on its way to another one stays as it is */
	if (!home->giving && home->state != SH_HOME_TAKING)
		sh_logs_sweep(home->logs, SWEPT, now_ms, sh_keep_find);
}

bool
sh_home_is_quiet(const struct sh_home *home)
{
	return home->letters == 0 && STAILQ_EMPTY(&home->held) &&
	    STAILQ_EMPTY(&home->local) && home->state != SH_HOME_TAKING &&
	    !home->giving && home->takers.count == 0;
}

static int
time_left(const struct sh_home *home)
{
	if (!sh_home_is_quiet(home) || home->dropped ||
	    !TAILQ_EMPTY(&home->asks) || !TAILQ_EMPTY(&home->tales))
		return SH_HOME_LOOK_MS;
	return sh_logs_count(home->logs) > 0 ? SH_HOME_SWEEP_MS : -1;
}

int
sh_home_run(struct sh_home *home, bool read)
{
	sh_assert(!home->busy);
	home->busy = true;
	home->blocked = false;
	sh_move_look(home);
	sh_move_run(home, read);
	sh_order_run(home);
	sh_outbox_run(home, read);
	sh_tale_run(home);
	sh_ask_run(home, read);
	sweep(home);
	home->busy = false;
	return time_left(home);
}
