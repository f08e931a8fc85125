/*
 * This file is the figures that a worker keeps; it does not place or sum them.
 * One process writes a block, any process may read it, so every field is a
 * relaxed atomic and nothing is locked.
 */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

struct sh_counters {
	_Atomic uint64_t accepted;      /* connections, since the start */
	_Atomic uint64_t closed;        /* of them, ended */
	_Atomic uint64_t accept_errors; /* accept(2) failed: EMFILE and such */
	_Atomic uint64_t bytes_received;
	_Atomic uint64_t bytes_sent;
	_Atomic uint64_t messages_received; /* on_receive calls */
	_Atomic uint64_t sends_refused; /* -SHOAL_EAGAIN given to a handler */
	_Atomic uint64_t requests;      /* of HTTP, given to a handler */
	_Atomic uint64_t http_errors;  /* malformed ones and such, answered with
					 4xx or 5xx by shoal itself */
	_Atomic uint64_t timeouts;     /* idle connections closed */
	_Atomic uint64_t queued_bytes; /* gauge: waiting for peers to read */
	_Atomic uint64_t queues_full;  /* gauge: connections whose queue was
					  above its high-water mark, and is
					  not at the low one yet */
	_Atomic uint64_t messages_dropped; /* for many: not sent to one that
					      was full */
	_Atomic uint64_t slow_closed;      /* connections closed for that ... */
	_Atomic uint64_t stalled; /* ... or cut, as they took nothing */
	_Atomic uint64_t published;       /* messages, by this process ... */
	_Atomic uint64_t delivered;       /* ... and of all, to subscribers */
	_Atomic uint64_t subscriptions;   /* gauge */
	_Atomic uint64_t gaps;            /* that subscribers were left with */
	_Atomic uint64_t coroutines_refused; /* there was no stack to have */
	_Atomic uint64_t coroutines;         /* gauge: begun and not ended */
	_Atomic uint64_t stack_used;         /* gauge: bytes, the most seen */
	_Atomic uint64_t stack_guard;        /* enum sh_stack_guard */
	_Atomic uint64_t bus_written;        /* records for other workers */
	_Atomic uint64_t bus_read;           /* records of other workers */
	_Atomic uint64_t bus_refused; /* writes: another one was far behind */
	_Atomic uint64_t bus_lapped;  /* it was too slow, and lost records */
	_Atomic uint64_t broker_up; /* gauge: subscribed to all that is wanted */
	_Atomic uint64_t broker_reconnects;
	_Atomic uint64_t broker_published; /* messages, confirmed */
	_Atomic uint64_t broker_received;  /* messages */
	_Atomic uint64_t broker_dropped;   /* published: refused, too late, or
					      nobody knows */
	_Atomic uint64_t broker_strange;   /* what came was not ours */
};

/* One writer: a load and a store, no locked instruction. */
#define SH_COUNT(field, n)                                         \
	atomic_store_explicit(&(field),                            \
	    atomic_load_explicit(&(field), memory_order_relaxed) + \
		(uint64_t)(n),                                     \
	    memory_order_relaxed)
#define SH_SET(field, n) \
	atomic_store_explicit(&(field), (uint64_t)(n), memory_order_relaxed)
#define SH_COUNTER(field) atomic_load_explicit(&(field), memory_order_relaxed)

enum { SH_USER_COUNTER_NAME_MAX = 48, SH_USER_COUNTERS = 64 };

/* A counter or gauge that a handler made. */
struct shoal_counter {
	char name[SH_USER_COUNTER_NAME_MAX]; /* written before used is set */
	_Atomic uint32_t used;               /* enum sh_counter_kind */
	uint32_t pad;
	_Atomic int64_t value;
};

enum sh_counter_kind { SH_COUNTER_NONE, SH_COUNTER_COUNTER, SH_COUNTER_GAUGE };
