/*
 * This file reads what the parent sends to a worker, and keeps messages of the
 * program until they are wanted. What must be seen at once - to end, answers -
 * is noted here; it sends nothing.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crew/crew_body.h"

struct sh_inbox_entry {
	struct sh_inbox_entry *next;
	int from;
	struct sh_body body;
};

struct sh_inbox {
	int channel_fd; /* lent */
	int notice_fd;  /* eventfd, readable while there are entries */
	int watch_fd;   /* epoll of these and of the end's */
	struct sh_inbox_entry *first, **last;
	bool go;          /* the parent has said so */
	bool has_result;  /* the latest POST has been answered */
	int result;       /* with this */
	bool has_room;    /* the latest AWAIT has been */
	bool lost;        /* the parent is gone */
	uint32_t dropped; /* messages that could not be kept */
};

/** Make it for a channel; end_fd is readable when the worker is to end. 0 or
 *  -errno. */
int sh_inbox_open(struct sh_inbox *inbox, int channel_fd, int end_fd);
/** Drop everything. */
void sh_inbox_close(struct sh_inbox *inbox);
/** Read all that has come, without waiting. */
void sh_inbox_read(struct sh_inbox *inbox);
/** Take the first entry, or NULL. The caller frees it by
 *  sh_inbox_entry_free(). */
struct sh_inbox_entry *sh_inbox_take(struct sh_inbox *inbox);
/** Free an entry and clear the pointer; NULL is fine. */
void sh_inbox_entry_free(struct sh_inbox_entry **entry);
/** Wait until the channel has one of the events. Goes on after signals. 0,
 *  -SHOAL_ETIMEDOUT or -errno. deadline_ms is of the monotonic clock, -1:
 *  none. */
int sh_inbox_wait_channel(
    const struct sh_inbox *inbox, short events, int64_t deadline_ms);
/** In the same way, wait until there is something in the inbox or its channel,
 *  the worker is to end, or fd is readable, -1: none. */
int sh_inbox_wait(const struct sh_inbox *inbox, int fd, int64_t deadline_ms);
/** The deadline of a timeout from now on, -1 for -1. */
int64_t sh_inbox_deadline_ms(int timeout_ms);
