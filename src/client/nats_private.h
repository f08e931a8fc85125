/* This file is what the parts of the NATS client know of each other. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <nats/nats.h>

#include "client/nats.h"
#include "io/mailbox.h"

/* A connection of libnats; who uses it in a thread holds it. */
struct sh_nats_link {
	atomic_uint users;
	natsConnection *connection;
};

/* What has come for the loop. */
struct sh_nats_entry {
	natsMsg *message; /* NULL: news */
	enum sh_nats_news news;
	char *text; /* or NULL */
};

struct sh_nats_entries {
	struct sh_nats_entry *list;
	size_t count, cap;
};

struct sh_nats_sub {
	TAILQ_ENTRY(sh_nats_sub) link; /* of the sender */
	natsSubscription *subscription;
	char subject[];
};

enum sh_nats_verb { SH_NATS_SUBSCRIBE, SH_NATS_UNSUBSCRIBE, SH_NATS_PUBLISH };

/* What the sender is to do. */
struct sh_nats_command {
	STAILQ_ENTRY(sh_nats_command) next;
	enum sh_nats_verb verb;
	int64_t since_ms; /* when it was given */
	struct sh_nats_sub *sub;
	const char *subject, *reply; /* in text */
	size_t len;                  /* of the data, which is last in text */
	char *data;
	char text[];
};

STAILQ_HEAD(sh_nats_commands, sh_nats_command);

enum sh_nats_phase {
	SH_NATS_CONNECTING, /* for the first time: what is sent waits */
	SH_NATS_CONNECTED,
	SH_NATS_BROKEN,  /* libnats tries to connect */
	SH_NATS_GIVEN_UP /* libnats has given up: the sender begins anew */
};

/*
 * Held by the loop, the sender, the letter on its way, and whatever of libnats may
 * still call us: each connection until it is closed, each subscription until it is
 * complete.
 */
struct sh_nats {
	atomic_uint users;

	/* what does not change */
	char **urls;
	size_t url_count;
	char *user, *password, *name;
	int64_t timeout_ms, backoff_first_ms, backoff_max_ms;
	size_t queue_max;
	struct sh_nats_events events;
	int64_t mailbox;
	pthread_t thread; /* the sender */

	pthread_mutex_t lock; /* of what follows */
	pthread_cond_t work;  /* there are commands, or the phase is another */
	pthread_cond_t gone;  /* the sender has done all */
	enum sh_nats_phase phase;
	bool closing, sender_gone;
	struct sh_nats_link *link; /* NULL: there was none yet */
	int64_t payload_max;       /* bytes, 0: not known */
	int64_t away_since_ms;     /* without a connection; 0: it is there */
	struct sh_nats_commands orders; /* to subscribe and unsubscribe */
	struct sh_nats_commands mail; /* to publish, which needs a connection */
	size_t mail_size;             /* bytes */
	bool wants_room;
	struct sh_nats_entries inbox;
	size_t inbox_size; /* bytes, with those that the loop is at */
	bool posted;       /* the letter is on its way, or the loop is at it */
	bool gap_due;      /* the connection was lost, and that is not told */

	/* of the loop */
	struct sh_letter letter;
	struct sh_nats_entries batch;
	size_t batch_at;

	/* of the sender */
	TAILQ_HEAD(, sh_nats_sub) subs;
};

struct sh_nats *sh_nats_hold(struct sh_nats *nats);
void sh_nats_drop(struct sh_nats *nats);
/** The connection, held, or NULL. For any thread. */
struct sh_nats_link *sh_nats_hold_link(struct sh_nats *nats);
void sh_nats_drop_link(struct sh_nats_link **link);

/** Make a connection; blocks. 0: it is there, or libnats goes on trying;
 *  -EIO. For the sender. */
int sh_nats_connect(struct sh_nats *nats);
/** The pause before an attempt, counted from 0. */
int64_t sh_nats_pause_ms(const struct sh_nats *nats, int attempt);

/** The sender's whole life. */
void *sh_nats_send_all(void *nats);
/** Bytes that a command counts. */
size_t sh_nats_command_size(const struct sh_nats_command *command);

/** Hand a message to the loop (takes it). For any thread. */
void sh_nats_put_message(struct sh_nats *nats, natsMsg *message);
/** Hand news to the loop; the text is copied, or NULL. The lock is held. */
void sh_nats_put_news(
    struct sh_nats *nats, enum sh_nats_news news, const char *text);
void sh_nats_entries_fini(struct sh_nats_entries *entries, size_t from);
