/* This file is <shoal/channel.h>. */
#include "config.h"

#include <shoal/channel.h>

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "co/co.h"
#include "sync/sync_waiters.h"

#define MAGIC 0x6c6e6863

/*
 * While somebody waits to put, the channel is full and nobody waits to get;
 * while somebody waits to get, it is empty and nobody waits to put. So whoever
 * finds room or an item may have it.
 */
struct shoal_channel {
	unsigned magic;
	bool closed;
	size_t capacity, item_size;
	size_t first, count;
	char *items; /* a ring; NULL when it holds no bytes */
	struct sh_waiters putters, getters;
};

struct shoal_channel *
shoal_channel_new(size_t capacity, size_t item_size)
{
	struct shoal_channel *ch = sh_try_calloc(1, sizeof(*ch));

	if (ch == NULL)
		return NULL;
	if (capacity != 0 && item_size != 0) {
		ch->items = sh_try_calloc(capacity, item_size);
		if (ch->items == NULL) {
			free(ch);
			return NULL;
		}
	}
	ch->magic = MAGIC;
	ch->capacity = capacity;
	ch->item_size = item_size;
	sh_waiters_init(&ch->putters);
	sh_waiters_init(&ch->getters);
	return ch;
}

void
shoal_channel_free(struct shoal_channel **channel)
{
	struct shoal_channel *ch;

	if (channel == NULL || *channel == NULL)
		return;
	ch = *channel;
	shoal_channel_close(ch);
	ch->magic = 0;
	free(ch->items);
	free(ch);
	*channel = NULL;
}

static void
copy(const struct shoal_channel *ch, void *to, const void *from)
{
	if (to != NULL && ch->item_size != 0)
		memcpy(to, from, ch->item_size);
}

static char *
place(const struct shoal_channel *ch, size_t n)
{
	size_t left = ch->capacity - ch->first;

	if (ch->items == NULL)
		return NULL;
	/* without a sum that could be too large */
	return ch->items +
	    (n < left ? ch->first + n : n - left) * ch->item_size;
}

static void
append(struct shoal_channel *ch, const void *item)
{
	copy(ch, place(ch, ch->count), item);
	ch->count++;
}

static void
remove_first(struct shoal_channel *ch, void *item_out)
{
	copy(ch, item_out, place(ch, 0));
	ch->first = ch->first + 1 < ch->capacity ? ch->first + 1 : 0;
	ch->count--;
}

int
shoal_channel_try_put(struct shoal_channel *ch, const void *item)
{
	struct sh_waiter *getter;

	SH_CHECK(ch, MAGIC);
	sh_assert(item != NULL || ch->item_size == 0);
	if (ch->closed)
		return -SHOAL_ECLOSED;
	getter = sh_waiters_take(&ch->getters);
	if (getter != NULL) {
		copy(ch, getter->item, item);
		sh_co_wake(getter->co, 0);
		return 0;
	}
	if (ch->count == ch->capacity)
		return -SHOAL_EAGAIN;
	append(ch, item);
	return 0;
}

int
shoal_channel_try_get(struct shoal_channel *ch, void *item_out)
{
	struct sh_waiter *putter;
	bool had = ch != NULL && ch->count != 0;

	SH_CHECK(ch, MAGIC);
	if (had)
		remove_first(ch, item_out);
	putter = sh_waiters_take(&ch->putters);
	if (putter != NULL) {
		if (had)
			append(ch, putter->item);
		else
			copy(ch, item_out, putter->item);
		sh_co_wake(putter->co, 0);
	}
	if (had || putter != NULL)
		return 0;
	return ch->closed ? -SHOAL_ECLOSED : -SHOAL_EAGAIN;
}

int
shoal_co_channel_put(struct shoal_channel *ch, const void *item, int timeout_ms)
{
	int r;

	sh_waiters_check(__func__);
	r = shoal_channel_try_put(ch, item);
	if (r != -SHOAL_EAGAIN)
		return r;
	/* it is read only */
	return sh_waiters_wait(&ch->putters, (void *)(uintptr_t)item,
	    "shoal_co_channel_put", timeout_ms);
}

int
shoal_co_channel_get(struct shoal_channel *ch, void *item_out, int timeout_ms)
{
	int r;

	sh_waiters_check(__func__);
	r = shoal_channel_try_get(ch, item_out);
	if (r != -SHOAL_EAGAIN)
		return r;
	return sh_waiters_wait(
	    &ch->getters, item_out, "shoal_co_channel_get", timeout_ms);
}

void
shoal_channel_close(struct shoal_channel *ch)
{
	SH_CHECK(ch, MAGIC);
	ch->closed = true;
	sh_waiters_wake_all(&ch->putters, -SHOAL_ECLOSED);
	sh_waiters_wake_all(&ch->getters, -SHOAL_ECLOSED);
}

size_t
shoal_channel_count(const struct shoal_channel *ch)
{
	SH_CHECK(ch, MAGIC);
	return ch->count;
}

bool
shoal_channel_is_closed(const struct shoal_channel *ch)
{
	SH_CHECK(ch, MAGIC);
	return ch->closed;
}
