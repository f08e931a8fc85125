/*
 * This file connects the loop of a worker with the bus: it reads what other workers
 * have written and hands it to whom it is for. It does not know what records mean.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/uio.h>

#include "proc/bus.h"

struct sh_bus_link;
struct sh_loop;

/* Kinds of records; those from SH_BUS_KIND_HOME on are histories'. */
enum sh_bus_kind {
	SH_BUS_KIND_PUBLICATION = 1,
	SH_BUS_KIND_SEND,
	SH_BUS_KIND_CLOSE,
	SH_BUS_KIND_HOME = 0x100
};

/* Who is told; lies in the object that it is for. Functions are called on the
 * loop's own stack, never from within a call of the link; they may write, follow and
 * unfollow. */
struct sh_bus_follower {
	uint32_t from_kind,
	    to_kind; /* records of these kinds, the last one too */
	void (*received)(const struct sh_record *record, void *arg);
	/* Records of a process were lost; may be NULL. */
	void (*lost)(uint32_t process, void *arg);
	/* Behind the records of a turn: everything has been read, or not. Something
	 * may have changed: there is room, somebody has come or gone, another
	 * generation serves. May be NULL. */
	void (*turned)(bool read_all, void *arg);
	void *arg;
	TAILQ_ENTRY(sh_bus_follower) link;
};

/** Join the bus, as the one link of this process. 0 or -SHOAL_ENOMEM. */
int sh_bus_link_open(struct sh_loop *loop, const struct sh_bus_options *options,
    struct sh_bus_link **out);
/** Leave it. Nobody follows any more. NULL is fine. */
void sh_bus_link_close(struct sh_bus_link **link);
/** That of this process, or NULL. */
struct sh_bus_link *sh_bus_link_current(void);
/** To write, want and look; lent. Reading is the link's. */
struct sh_bus_self *sh_bus_link_bus(struct sh_bus_link *link);

void
sh_bus_link_follow(struct sh_bus_link *link, struct sh_bus_follower *follower);
/** Idempotent. */
void sh_bus_link_unfollow(
    struct sh_bus_link *link, struct sh_bus_follower *follower);
/** Have turned() called soon, as when a record had come. */
void sh_bus_link_soon(struct sh_bus_link *link);
/** As sh_bus_write(), and counts it. */
int sh_bus_link_write(struct sh_bus_link *link, const struct sh_record *record,
    const struct iovec *parts, int count);
/** Write a record to one process, if it is still there. As sh_bus_write(). */
int sh_bus_link_tell(struct sh_bus_link *link, const struct sh_bus_peer *to,
    uint32_t kind, const struct iovec *parts, int count);
