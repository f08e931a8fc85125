/*
 * This file keeps messages of this process until they are out: for each slot a line
 * of letters with serials that go up by 1. They are written to the home of the slot
 * as soon as may be, and go when the home has published them.
 *
 * When the home is another process, they are written again, but not before all that
 * the old one has published was read: what it has published is out.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "base/panic.h"
#include "topic/home_private.h"

static size_t
cost_of(const struct sh_letter *letter)
{
	return sizeof(*letter) + letter->len;
}

/* --- one line ---------------------------------------------------------------- */

static void
remove_first(struct sh_home *home, struct sh_line *line)
{
	struct sh_letter *letter = TAILQ_FIRST(&line->letters);

	if (line->unsent == letter)
		line->unsent = TAILQ_NEXT(letter, next);
	TAILQ_REMOVE(&line->letters, letter, next);
	home->link.want(letter->hash, false, home->link.arg);
	home->letters--;
	home->waiting -= cost_of(letter);
	free(letter);
}

/* Before that one all are out. */
static uint64_t
first_of(const struct sh_line *line)
{
	return TAILQ_FIRST(&line->letters)->serial;
}

/* To another process. False: not now. */
static bool
send_letter(struct sh_home *home, struct sh_line *line,
    const struct sh_bus_peer *to, const struct sh_letter *letter)
{
	const uint64_t numbers[] = { letter->serial, first_of(line) };

	return sh_home_write(home, to, SH_HOME_SUBMIT, numbers, 2,
		   letter->bytes, letter->len) == 0;
}

static void
send_line(
    struct sh_home *home, struct sh_line *line, const struct sh_bus_peer *to)
{
	while (
	    line->unsent != NULL && send_letter(home, line, to, line->unsent)) {
		line->unsent = TAILQ_NEXT(line->unsent, next);
		line->sent_ms = sh_home_now(home);
	}
}

/* To ourselves, in a run only: messages arrive by it. */
static void
submit_line(struct sh_home *home, struct sh_line *line)
{
	int steps = SH_HOME_STEPS;

	while (line->unsent != NULL) {
		struct sh_letter *letter = line->unsent;
		int r;

		if (steps-- == 0) {
			home->link.soon(home->link.arg);
			break;
		}
		r = sh_order_submit(home, &home->link.me, letter->serial,
		    first_of(line), letter->bytes, letter->len);
		if (r == 0)
			break;
		sh_assert(r == 1 && letter == TAILQ_FIRST(&line->letters));
		remove_first(home, line);
	}
}

/* Whether the line may go to this home. */
static bool
turn_to(struct sh_home *home, struct sh_line *line,
    const struct sh_bus_peer *peer, bool read)
{
	if (peer->incarnation == line->to)
		return true;
	if (line->unsent != TAILQ_FIRST(&line->letters) &&
	    !(read && line->next == peer->incarnation)) {
		line->next = peer->incarnation;
		home->link.soon(home->link.arg);
		return false;
	}
	line->to = peer->incarnation;
	line->next = 0;
	line->unsent = TAILQ_FIRST(&line->letters);
	return true;
}

/* From within a call of the user it is published at once, if nothing is before it:
 * this process may not live long. */
static void
submit_first(struct sh_home *home, struct sh_line *line)
{
	const struct sh_letter *letter = TAILQ_FIRST(&line->letters);

	if (line->unsent == letter && TAILQ_NEXT(letter, next) == NULL &&
	    sh_order_submit_own(
		home, letter->serial, letter->bytes, letter->len) == 1)
		remove_first(home, line);
	else
		home->link.soon(home->link.arg);
}

/* What is called by a submission may publish: that is not submitted by itself. */
static void
run_line(struct sh_home *home, uint32_t slot, bool read, bool submit)
{
	struct sh_line *line = &home->lines[slot];
	struct sh_bus_peer peer;

	if (TAILQ_EMPTY(&line->letters) || !sh_home_find(home, slot, &peer) ||
	    !turn_to(home, line, &peer, read))
		return;
	/* a record of ours, or the answer, may have been lost on the way */
	if (line->unsent == NULL &&
	    sh_home_now(home) - line->sent_ms >= SH_HOME_RESEND_MS)
		line->unsent = TAILQ_FIRST(&line->letters);
	if (!sh_home_is_me(home, &peer))
		send_line(home, line, &peer);
	else if (submit)
		submit_line(home, line);
	else
		submit_first(home, line);
}

/* --- publishing -------------------------------------------------------------- */

static struct sh_letter *
make_letter(const struct sh_publication *publication)
{
	uint8_t head[SH_PUBLICATION_HEADER_MAX];
	size_t head_len = sh_publication_encode(publication, head);
	struct sh_letter *letter =
	    sh_try_calloc(1, sizeof(*letter) + head_len + publication->len);

	if (letter == NULL)
		return NULL;
	letter->hash = publication->hash;
	letter->len = head_len + publication->len;
	memcpy(letter->bytes, head, head_len);
	if (publication->len > 0)
		memcpy(letter->bytes + head_len, publication->data,
		    publication->len);
	return letter;
}

static void
add_letter(struct sh_home *home, struct sh_line *line, struct sh_letter *letter)
{
	letter->serial = ++line->serial;
	TAILQ_INSERT_TAIL(&line->letters, letter, next);
	if (line->unsent == NULL)
		line->unsent = letter;
	/* to see it come back */
	home->link.want(letter->hash, true, home->link.arg);
	home->letters++;
	home->waiting += cost_of(letter);
}

/* Bytes of this process that are on their way, out or back. */
static size_t
held_up(const struct sh_home *home)
{
	return home->waiting + home->local_bytes;
}

int
sh_home_publish(struct sh_home *home, const struct sh_publication *publication)
{
	uint32_t slot = sh_home_slot(home, publication->hash);
	struct sh_line *line = &home->lines[slot];
	struct sh_letter *letter;

	if (publication->len + SH_PUBLICATION_HEADER_MAX + SH_HOME_PREFIX_MAX >
	    home->link.record_max)
		return -SHOAL_EMSGSIZE;
	if (held_up(home) > 0 &&
	    held_up(home) + publication->len > SH_HOME_OUTBOX_MAX) {
		home->refused = true;
		return -SHOAL_EAGAIN;
	}
	letter = make_letter(publication);
	if (letter == NULL)
		return -SHOAL_ENOMEM;
	add_letter(home, line, letter);
	run_line(home, slot, false, false);
	/* it is to be looked after */
	if (home->letters == 1)
		home->link.soon(home->link.arg);
	return 0;
}

/* --- what comes back --------------------------------------------------------- */

void
sh_outbox_ack(struct sh_home *home, uint32_t slot, uint64_t serial)
{
	struct sh_line *line = &home->lines[slot];

	while (!TAILQ_EMPTY(&line->letters) && first_of(line) <= serial)
		remove_first(home, line);
}

void
sh_outbox_again(struct sh_home *home, uint64_t incarnation)
{
	uint32_t i;

	for (i = 0; i < home->link.slot_count; i++)
		if (home->lines[i].to == incarnation)
			home->lines[i].unsent =
			    TAILQ_FIRST(&home->lines[i].letters);
}

void
sh_outbox_run(struct sh_home *home, bool read)
{
	uint32_t i;

	for (i = 0; i < home->link.slot_count && home->letters > 0; i++)
		run_line(home, i, read, true);
	if (home->refused && held_up(home) <= SH_HOME_OUTBOX_MAX / 2) {
		home->refused = false;
		home->link.room(home->link.arg);
	}
}

void
sh_outbox_free(struct sh_home *home)
{
	uint32_t i;

	for (i = 0; i < home->link.slot_count; i++)
		sh_outbox_ack(home, i, UINT64_MAX);
}
