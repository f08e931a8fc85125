/*
 * This file asks NATS for what streams keep (JetStream). It waits in threads of the
 * loop's; the results come in turns of the loop.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sh_loop;
struct sh_nats;
struct sh_nats_request;

/* A stream that keeps what is published to subjects and publishes it again. */
struct sh_nats_stream {
	const char *name, *description;
	const char *source;  /* "a.>" ... */
	const char *target;  /* ... goes on as "b.>" */
	int64_t per_subject; /* messages, 0: as many as there are */
	int64_t age_ms;      /* 0: for ever */
};

/**
 * Told once. 0; -ENOSYS: the server has no JetStream; -SHOAL_ENOTCONN;
 * -SHOAL_ETIMEDOUT; -EIO.
 *
 * @param made_ns  when the stream was made, since 1970: tells it from one of the same
 *                 name before it
 * @param why      for people, lent; NULL with 0
 */
typedef void
sh_nats_made_fn(int result, uint64_t made_ns, const char *why, void *arg);

/** Make a stream unless it is there, and give one that is these bounds; what else
 *  it is set to stays. Copies. out is cleared by nobody: it is good until the result
 *  has come. 0 or -SHOAL_ENOMEM. */
int sh_nats_make_stream(struct sh_loop *loop, struct sh_nats *nats,
    const struct sh_nats_stream *stream, sh_nats_made_fn *fn, void *arg,
    struct sh_nats_request **out);

/* What to read. */
struct sh_nats_read {
	const char *stream, *subject;
	uint64_t made_ns,
	    behind; /* of which stream, and the number behind which;
				     0, 0: all */
	size_t max; /* so many of the latest */
};

/* What was read. */
struct sh_nats_reading {
	uint64_t made_ns, last; /* number of the latest, with that subject if
				   there is one */
	bool gap;               /* some behind the one asked for are, or may be,
				   not kept any more */
	size_t count;
	struct sh_nats_kept {
		uint64_t sequence;
		const char *data;
		size_t len;
	} * list; /* oldest first */
};

/** Told once. Results as above, and -SHOAL_ENOENT: there is no such stream. The
 *  reading is lent, NULL but with 0. */
typedef void
sh_nats_read_fn(int result, const struct sh_nats_reading *reading, void *arg);

/** Read messages of one subject. Copies. As sh_nats_make_stream(). */
int sh_nats_read_stream(struct sh_loop *loop, struct sh_nats *nats,
    const struct sh_nats_read *read, sh_nats_read_fn *fn, void *arg,
    struct sh_nats_request **out);

/** Let a result not come and clear the pointer; NULL is fine. */
void sh_nats_forget(struct sh_nats_request **request);
