/*
 * This file is how a carrier is opened that goes through a server of its own, to
 * other machines.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sh_carrier;
struct sh_loop;

/* The group `broker' of shoal.conf(5), checked. Everything is copied. */
struct sh_broker_options {
	const char *const *urls; /* as base/server_url.h reads them */
	size_t url_count;        /* 1 for Redis, 1 or more for NATS */
	const char *user;        /* "": the URL's, or none */
	const char *password;    /* "" for none */
	const char *prefix;      /* of channels and keys, or of subjects */
	int64_t timeout_ms;      /* to connect, to be answered, unsent */
	int64_t backoff_first_ms, backoff_max_ms;
	size_t queue_max; /* bytes that wait to be published */
};

/** Make a carrier that goes through Redis; it connects later and tells the log. 0
 *  with the carrier, the caller's, or -SHOAL_ENOMEM. */
int sh_carrier_redis_open(struct sh_loop *loop,
    const struct sh_broker_options *options, struct sh_carrier **out);
#ifdef HAVE_NATS
/** Likewise through NATS, see broker/nats.c. A shoal that was built without
 *  libnats has none. */
int sh_carrier_nats_open(struct sh_loop *loop,
    const struct sh_broker_options *options, struct sh_carrier **out);
#endif
