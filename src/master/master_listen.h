/*
 * This file owns the listening sockets: one for each slot and TCP address, one
 * for all slots for a unix socket. It does not accept, and does not tell those
 * who do.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proc/plan.h"

enum sh_bound_state {
	SH_BOUND_LISTENING,
	SH_BOUND_STOPPED, /* nobody accepts; who connects waits */
	SH_BOUND_CLOSED   /* there are no sockets; who connects is refused */
};

/* An address that is being listened on; generations share it. */
struct sh_bound {
	struct sh_bound *next;
	char text[SH_ADDR_TEXT_MAX]; /* as configured */
	struct sh_addr addr;         /* with the port that port 0 became */
	bool shared;                 /* one socket for all slots */
	uint32_t refs;               /* generations that use it */
	uint32_t fd_count;
	int *fds;    /* by slot; -1 when closed */
	int lock_fd; /* abstract socket: ours alone, also when closed */
	enum sh_bound_state state;
	int64_t end_at_ms; /* its connections are ended then, 0: never */
};

/* All addresses of a master. */
struct sh_bound_list {
	struct sh_bound *first;
	uint32_t slot_count;
};

/** Get the sockets of an address, made if there are none yet, with the plan's
 *  options set. The caller holds a reference. 0, or -errno with the reason
 *  and what to do in why. */
int sh_bound_acquire(struct sh_bound_list *list,
    const struct sh_plan_address *wanted, struct sh_bound **bound_out,
    char *why, size_t cap);
/** Give a reference back; the last one closes the sockets. */
void sh_bound_release(struct sh_bound_list *list, struct sh_bound **bound);
/** Whether an address of a plan is this one. */
bool sh_bound_is_of(
    const struct sh_bound *bound, const struct sh_plan_address *address);
/** Close the sockets but keep the address's lock; remove a socket file. */
void sh_bound_close(struct sh_bound *bound);
/** Make the sockets again, with the same port. Others of ours that are on their
 *  way to be closed are in nobody's way if left is set. 0, or -errno with the
 *  reason in why, and then it is as before. */
int sh_bound_reopen(const struct sh_bound_list *list, struct sh_bound *bound,
    const struct sh_plan_address *wanted, bool left, char *why, size_t cap);
/** Name of a state. */
const char *sh_bound_state_str(enum sh_bound_state state);
/** The socket of a slot, -1 when it is closed; lent. */
int sh_bound_fd(const struct sh_bound *bound, uint32_t slot);
/** Connections waiting to be accepted on a slot's socket, 0 for unix. */
uint32_t sh_bound_queued(const struct sh_bound *bound, uint32_t slot);
