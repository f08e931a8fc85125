/* This file is a request to JetStream in a thread, as its kinds share it. */
#pragma once

#include <nats/nats.h>

#include "client/nats_stream.h"
#include "io/thread_pool.h"

struct sh_nats_link;

struct sh_nats_request {
	struct sh_job job;
	struct sh_nats_link *link; /* held; NULL: there is no connection */
	int64_t timeout_ms;
	bool forgotten;
	jsCtx *js; /* in ask() */
	int result;
	const char *why; /* in ask() lent by libnats, then our own; or NULL */
	char *texts;     /* what it owns, one block */

	/* in the thread: sets result; js is there */
	void (*ask)(struct sh_nats_request *request);
	/* in the loop, unless it was forgotten */
	void (*tell)(struct sh_nats_request *request);
	/* frees it */
	void (*free)(struct sh_nats_request *request);
};

/** Start it: takes it, also when it fails. 0 or -SHOAL_ENOMEM. */
int sh_nats_request_start(struct sh_loop *loop, struct sh_nats *nats,
    struct sh_nats_request *request);
/** What a status of libnats means; sets why. */
int sh_nats_request_result(
    struct sh_nats_request *request, natsStatus status, jsErrCode code);
