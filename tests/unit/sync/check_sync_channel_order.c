/* This file tests <shoal/channel.h>: who is served when, and that every item
 * comes once. */
#include "config.h"

#include <stdbool.h>
#include <stdlib.h>

#include <shoal/channel.h>

#include "support/suite.h"
#include "unit/sync/notes.h"

enum { ITEMS = 10000, PRODUCERS = 7, CONSUMERS = 5 };

struct item {
	int producer, number;
	char more[24];
};

static struct shoal_channel *ch;
static unsigned seed;
static int next_of[PRODUCERS]; /* what each one puts next */
static unsigned char came[ITEMS];
static int consumed, cancelled, timed_out, wrong;
static int64_t consumers[CONSUMERS];

static void
put(void *arg)
{
	int n = number_of(arg);

	note("put%d=%s", n, named(shoal_co_channel_put(ch, &n, SHOAL_FOREVER)));
}

static void
get(void *arg)
{
	int item = -1;
	int r = shoal_co_channel_get(ch, &item, SHOAL_FOREVER);

	note("get%d=%s:%d", number_of(arg), named(r), item);
}

static void
run(shoal_co_fn *fn, size_t capacity, size_t item_size)
{
	notes[0] = '\0';
	ch = shoal_channel_new(capacity, item_size);
	ck_assert_int_eq(shoal_run(fn, NULL), 0);
	shoal_channel_free(&ch);
}

static void
line_up_getters(void *arg)
{
	int i;

	for (i = 1; i <= 3; i++)
		start(get, i);
	for (i = 10; i <= 12; i++)
		shoal_channel_try_put(ch, &i);
	note("%zu", shoal_channel_count(ch));
	settle();
}

static void
line_up_putters(void *arg)
{
	int i, item;

	for (i = 1; i <= 4; i++)
		start(put, i);
	for (i = 0; i < 4; i++) {
		note("%zu", shoal_channel_count(ch));
		item = 0;
		shoal_channel_try_get(ch, &item);
		note("%d", item);
	}
	settle();
}

START_TEST(served_in_the_order_of_coming)
{
	run(line_up_getters, 3, sizeof(int));
	ck_assert_str_eq(notes, "0 get1=ok:10 get2=ok:11 get3=ok:12");
	run(line_up_getters, 0, sizeof(int));
	ck_assert_str_eq(notes, "0 get1=ok:10 get2=ok:11 get3=ok:12");
	run(line_up_putters, 2, sizeof(int));
	ck_assert_str_eq(
	    notes, "put1=ok put2=ok 2 1 2 2 2 3 1 4 put3=ok put4=ok");
	run(line_up_putters, 0, sizeof(int));
	ck_assert_str_eq(
	    notes, "0 1 0 2 0 3 0 4 put1=ok put2=ok put3=ok put4=ok");
}
END_TEST

/* The item that a getter was woken for is not there for one that comes before
 * it runs, and the room of a putter neither. */
static void
overtake(void *arg)
{
	int item = 10;

	start(get, 1);
	shoal_channel_try_put(ch, &item);
	note("%s", named(shoal_channel_try_get(ch, &item)));
	settle();
	item = 11;
	shoal_channel_try_put(ch, &item);
	start(put, 2);
	shoal_channel_try_get(ch, &item);
	note("%s", named(shoal_channel_try_put(ch, &item)));
	settle();
	shoal_channel_try_get(ch, &item);
	note("%d", item);
}

START_TEST(nobody_overtakes_who_was_woken)
{
	run(overtake, 1, sizeof(int));
	ck_assert_str_eq(notes, "again get1=ok:10 again put2=ok 2");
}
END_TEST

static void
meet(void *arg)
{
	int item = 1;

	note("%s", named(shoal_channel_try_put(ch, &item)));
	note("%s", named(shoal_co_channel_put(ch, &item, 1)));
	start(put, 1);
	note("waits");
	note("%s", named(shoal_co_channel_get(ch, &item, SHOAL_FOREVER)));
	settle();
	start(get, 2);
	note("%s", named(shoal_co_channel_put(ch, &item, SHOAL_FOREVER)));
	settle();
}

START_TEST(without_capacity_they_meet)
{
	run(meet, 0, sizeof(int));
	ck_assert_str_eq(notes, "again timeout waits ok put1=ok ok get2=ok:1");
}
END_TEST

static int
draw(int n)
{
	return (int)(rand_r(&seed) % (unsigned)n);
}

static void
dawdle(void)
{
	while (draw(3) == 0)
		shoal_co_sleep(0);
}

static void
produce(void *arg)
{
	int me = number_of(arg), r;

	for (; next_of[me] < ITEMS; next_of[me] += PRODUCERS) {
		struct item item = { .producer = me, .number = next_of[me] };

		memset(item.more, next_of[me] & 0x7f, sizeof(item.more));
		do {
			r = shoal_co_channel_put(ch, &item, draw(2) - 1);
			timed_out += r == -SHOAL_ETIMEDOUT;
			dawdle();
		} while (r == -SHOAL_ETIMEDOUT);
		wrong += r != 0;
	}
}

static void
check_item(const struct item *item, int *last)
{
	size_t i;

	wrong += came[item->number] != 0;
	came[item->number] = 1;
	/* of one producer, in its order */
	wrong += item->number <= last[item->producer];
	last[item->producer] = item->number;
	for (i = 0; i < sizeof(item->more); i++)
		wrong += item->more[i] != (item->number & 0x7f);
	consumed++;
}

/* Ends when it was cancelled; another one comes in its place. */
static void
consume(void *arg)
{
	int last[PRODUCERS];
	struct item item;
	int i, r;

	for (i = 0; i < PRODUCERS; i++)
		last[i] = -1;
	for (;;) {
		r = shoal_co_channel_get(ch, &item, draw(2) - 1);
		if (r == 0)
			check_item(&item, last);
		else if (r != -SHOAL_ETIMEDOUT)
			break;
		if (shoal_co_is_cancelled())
			break;
		timed_out += r != 0;
		shoal_co_sleep(0);
		dawdle();
	}
	wrong += r != 0 && r != -SHOAL_ECLOSED && r != -SHOAL_ECANCELED &&
	    r != -SHOAL_ETIMEDOUT;
}

/* Cancel one in some turn, just when it may have been given something. */
static void
disturb(void *arg)
{
	int i;

	while (consumed < ITEMS) {
		for (i = draw(20); i >= 0; i--)
			shoal_co_sleep(0);
		i = draw(CONSUMERS);
		cancelled += shoal_co_cancel(consumers[i]) == 0;
		consumers[i] = start(consume, i);
	}
	shoal_channel_close(ch);
}

static void
exchange(void *arg)
{
	int i;

	consumed = wrong = 0;
	memset(came, 0, sizeof(came));
	for (i = 0; i < PRODUCERS; i++)
		next_of[i] = i;
	for (i = 0; i < CONSUMERS; i++)
		consumers[i] = start(consume, i);
	for (i = 0; i < PRODUCERS; i++)
		start(produce, i);
	start(disturb, 0);
}

START_TEST(every_item_comes_once)
{
	static const size_t capacities[] = { 0, 1, 3, 100 };
	size_t i;

	for (i = 0; i < sizeof(capacities) / sizeof(capacities[0]); i++) {
		seed = 4711 + (unsigned)i;
		run(exchange, capacities[i], sizeof(struct item));
		ck_assert_int_eq(consumed, ITEMS);
		ck_assert_int_eq(wrong, 0);
		ck_assert_int_gt(cancelled, 0);
		ck_assert_int_gt(timed_out, 0);
	}
}
END_TEST

SH_SUITE("sync/channel_order", served_in_the_order_of_coming,
    nobody_overtakes_who_was_woken, without_capacity_they_meet,
    every_item_comes_once)
