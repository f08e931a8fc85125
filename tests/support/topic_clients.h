/*
 * This file is what the parts of the topics' test client agree on: thousands of
 * WebSockets in one process that subscribe and publish, and the ledger of who has
 * to get what. It uses nothing of shoal, so that both cannot be wrong together.
 *
 * The server at the other end is a hub (topic_hub.c), which speaks by texts, the
 * first letter says what they are. To it: "S<flags> filter" subscribe, "U filter"
 * unsubscribe, "P<flags> topic\ncontent" publish. From it: "w pid" the worker that
 * serves, "s result filter", "u result filter", "p result" in the order of the
 * requests, "g filter" a gap, and what was published, which begins with "m".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	FEEDS_MAX = 512, /* publishers that ever were */
	FILTERS_MAX = 4, /* of one client */
	NAME_ROOM = 64,  /* a topic, a filter, a group, with its NUL */
	CONTENT_MAX = 4096,
	CODES_MAX = 32 /* close codes that are told apart */
};

enum link_state {
	LINK_CLOSED,
	LINK_CONNECTING,
	LINK_SHAKING, /* the handshake has been sent */
	LINK_WAITING, /* for the worker's "w" */
	LINK_OPEN,
	LINK_CLOSING /* our close frame has been sent */
};

struct filter {
	char text[NAME_ROOM], flags[8];
	bool wanted;    /* asked for */
	bool confirmed; /* ... and answered: what comes then has to come */
	bool churn;     /* subscribed and unsubscribed over and over */
	bool pending;   /* a request that is not answered */
};

/* What one client has of one feed. */
struct view {
	bool due;          /* it has to get what is published from now on */
	bool open;         /* it may get any number from next on, once */
	uint32_t next;     /* the number behind the last it has got */
	uint32_t from;     /* the first that it has to get */
	uint32_t not_from; /* the first that it must not get */
};

struct client {
	int index, fd;
	char group[NAME_ROOM];
	enum link_state state;
	pid_t pid;    /* the worker that serves it */
	bool stalled; /* does not read */
	bool narrow;  /* has a small receive buffer */
	bool excused; /* nothing has to come */
	bool watched; /* EPOLLOUT is asked for */
	unsigned char *rest, *out;
	size_t rest_len, out_len, out_cap;
	struct filter filters[FILTERS_MAX];
	int filter_count;
	int feed;           /* what it publishes, -1: nothing */
	struct view *views; /* FEEDS_MAX */
};

/* What one connection publishes: messages with numbers from 0. */
struct feed {
	struct client *client;
	char topic[NAME_ROOM], flags[8];
	uint32_t sent, acked;
	uint32_t due;   /* numbers below it have to come */
	uint64_t quota; /* so many more are to be sent */
	bool dead;
	unsigned followers; /* clients whose view is due */
};

/* Everything that is counted. */
struct counts {
	uint64_t received, acked, refused, reconnected, gaps, lost, finished;
	uint64_t missed;      /* passed over, though due */
	uint64_t doubled;     /* came again, or behind a later one */
	uint64_t unwanted;    /* nobody had subscribed, or had no more */
	uint64_t strange;     /* what is no message of this run */
	uint64_t outstanding; /* due, and not there yet */
};

struct crowd {
	struct client *clients;
	int client_count, client_cap;
	struct feed feeds[FEEDS_MAX];
	int feed_count;
	struct counts counts;
	int epoll_fd, port;
	const char *path;
	size_t size;     /* bytes of a message */
	unsigned window; /* messages of a feed that are not acknowledged */
	unsigned
	    ahead; /* messages that clients may be behind, on the average */
	bool streaming; /* publish without end */
	bool reconnect; /* who is cut off comes again */
	bool finishing;
	struct {
		unsigned code, count;
	} codes[CODES_MAX]; /* close codes, and how often each came */
};

extern struct crowd crowd;

/** Say on stderr what was wrong; the first few times only. */
void complain(const struct client *client, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- topic_ledger.c: who has to get what --- */

/** Whether a filter matches a topic, as MQTT 5.0, 4.7 says. */
bool ledger_matches(const char *filter, const char *topic);
/** A client publishes from now on; the number of its feed. */
int
ledger_open_feed(struct client *client, const char *topic, const char *flags);
/** It has sent the next message, has an answer, or will not have more. */
void ledger_sent(struct feed *feed);
void ledger_acked(struct feed *feed);
void ledger_end_feed(struct feed *feed);
/** A request to subscribe goes out; it was confirmed. */
void ledger_subscribing(struct client *client);
void ledger_subscribed(struct client *client);
/** A request to unsubscribe goes out; it was confirmed. */
void ledger_unsubscribing(struct client *client);
void ledger_unsubscribed(struct client *client);
/** A message has come, a gap, the end of the connection. */
void ledger_got(struct client *client, uint32_t feed, uint32_t number);
void ledger_gap(struct client *client, const char *filter);
void ledger_lost(struct client *client);
/** Nothing has to come to this client for now, or again; what it publishes
 *  neither, if it was not acknowledged. */
void ledger_excuse(struct client *client, bool excused);
/** Say on stderr what has to come and has not. */
void ledger_explain(void);

/* --- topic_link.c: connections --- */

/** Begin to connect. */
void link_open(struct client *client);
/** Go on after an event. */
void link_step(struct client *client, uint32_t events);
/** Send a text. */
void link_send(struct client *client, const char *text, size_t len);
/** Send a close frame; the server's ends it. */
void link_finish(struct client *client);
/** Read no more, or again. */
void link_stall(struct client *client, bool stalled);

/* --- topic_crowd.c: what is said and heard --- */

/** The connection may be used, a text has come, the connection has ended with a
 *  close code or 0. */
void crowd_opened(struct client *client);
void crowd_heard(struct client *client, const char *text, size_t len);
void crowd_lost(struct client *client, unsigned code);
/** Ask for a subscription, or for its end. */
void crowd_request(struct client *client, struct filter *filter, bool wanted);
/** A client publishes from now on, when it is told to. */
void
crowd_open_feed(struct client *client, const char *topic, const char *flags);
/** Publish what may be on its way. */
void crowd_publish(void);
/** Connect again who was cut off: not at once, lest an event of the old socket is
 *  taken for one of the new. */
void crowd_reconnect(void);

/* --- topic_report.c --- */

/** Write all that was counted, and whether a command could be done. */
void crowd_report(bool done);
