/*
 * This file is what the parts of the load generator agree on; it stands alone
 * and uses nothing of shoal, so that both cannot be wrong together.
 */
#pragma once

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/types.h>

#define LOAD_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))

enum {
	LOAD_OK = 0,    /* exit status: everything was answered, and right */
	LOAD_WRONG = 1, /* the server, or the way to it, failed */
	LOAD_USAGE = 2  /* nothing was measured */
};

/* --- load.c: what to do --- */

struct load_target {
	struct sockaddr_storage addr;
	socklen_t len;
};

struct load_protocol;

struct load_options {
	const char *mode; /* its name */
	const struct load_protocol *protocol;
	struct load_target target;
	const char *address; /* of the target, as it was given */
	int connections;     /* open at the same time */
	int depth;           /* messages in flight per connection */
	int sources;         /* source addresses taken in turn */
	size_t size;         /* bytes of a message, or of a body */
	size_t message_size; /* bytes of a message as it is sent */
	const char *path;    /* of requests and handshakes */
	const char *publish; /* path of the publisher's handshake */
	const char *body;    /* what HTTP answers have to have */
	bool binary;         /* WebSocket messages are not text */
	double seconds;      /* how long to measure, to run or to hold */
	double warmup_s;     /* before a measurement */
	uint64_t count;      /* connections in all; 0: as time allows */
	double rate;         /* connections a second; 0: no limit */
	int timeout_ms;      /* for an answer */
	pid_t server_pid;    /* its tree's CPU time is taken; 0: nobody's */
};

/* Set by SIGTERM and SIGINT: the run ends as if its time were over. */
extern volatile sig_atomic_t load_stopped;

/** Nanoseconds of the monotonic clock. */
uint64_t load_now(void);
/** Say on stderr what went wrong and leave with LOAD_USAGE. */
void
load_die(const char *format, ...) LOAD_PRINTF(1, 2) __attribute__((noreturn));

/* --- the modes, each in its file; they return the exit status --- */

int load_flow(const struct load_options *options);
int load_broadcast(const struct load_options *options);
int load_connect(const struct load_options *options);
int load_idle(const struct load_options *options);

/* --- load_net.c, load_open.c: sockets --- */

/** Read "127.0.0.1:PORT" or "[::1]:PORT"; false with the reason in *why_out
 *  when it is malformed or not a loopback address. */
bool load_target_parse(
    struct load_target *target, const char *text, const char **why_out);
/** Begin to connect from the source address of a number; IPv6 has but one.
 *  A non-blocking socket or -errno. */
int load_net_connect(const struct load_target *target, int source);
/** Connect and wait for it at most timeout_ms. A non-blocking socket or
 *  -errno. */
int load_net_connect_wait(
    const struct load_target *target, int source, int timeout_ms);
/** Take a head, up to its empty line, off a socket when all of it is there, and
 *  nothing behind it. Its length, with a NUL behind it in buf; 0 when the rest
 *  is still to come; -errno, -ENOTCONN for an end, -EMSGSIZE. */
ssize_t load_net_take_head(int fd, char *buf, size_t cap);
/** Connect, say the greeting of what is spoken, and wait for its answer. The
 *  number says which source address is taken. A non-blocking socket or -errno;
 *  -EPROTO for an answer that is not as it should be. */
int load_open(const struct load_options *options, int number);
/** Allow as many descriptors as the system lets us have, at least n. */
void load_net_want_descriptors(unsigned n);

/* --- what is spoken: load_echo.c, load_http.c, load_ws.c --- */

/* Where a connection is in what it says and hears. */
struct load_talk {
	uint64_t number;     /* of the connection */
	uint64_t received;   /* bytes of answers */
	size_t partial;      /* bytes of an answer that is not complete */
	unsigned char *rest; /* these bytes, if the protocol keeps them */
};

struct load_protocol {
	/* Make what is sent, before anything else. Bytes of one message. */
	size_t (*prepare)(struct load_options *options);
	/* Sent first, NULL for nothing; and whether its answer, a head, is as it
	 * should be. */
	const char *(*greeting)(void);
	bool (*is_welcome)(const char *head);
	/* What is sent at a place of a connection's endless stream of messages,
	 * LOAD_CHUNK bytes of it. */
	const unsigned char *(*bytes_at)(
	    const struct load_talk *talk, uint64_t place);
	/* Take what has come. How many answers are complete by it, or -1 when it
	 * is not what should have come. */
	int64_t (*take)(struct load_talk *talk, const void *data, size_t len);
};

extern const struct load_protocol load_echo, load_http, load_ws;

/** Have handshakes ask for another path from now on. */
void load_ws_set_path(const struct load_options *options, const char *path);
/** Write a frame with a text of less than 126 bytes: masked as a client sends it,
 *  or as a server has to. Returns its length, at most len + 6. */
size_t
load_ws_write(unsigned char *frame, const char *text, size_t len, bool masked);

/* --- load_pattern.c: the content of messages --- */

enum { LOAD_CHUNK = 256 * 1024 };

/* A piece of content over and over, so long that LOAD_CHUNK bytes of it lie
 * behind any place in it. */
struct load_loop {
	size_t period;
	unsigned char *data;
};

/** Make room for it; the first period is to be written, then
 *  load_loop_close(). */
void load_loop_open(struct load_loop *loop, size_t period);
void load_loop_close(struct load_loop *loop);
/** The bytes at a place, LOAD_CHUNK of them. */
const unsigned char *load_loop_at(const struct load_loop *loop, uint64_t place);
/** Whether the bytes are those at a place; any length. */
bool load_loop_is(
    const struct load_loop *loop, uint64_t place, const void *data, size_t len);

/** Make the content; before anything else of this file. */
void load_pattern_init(void);
/** The endless stream of bytes. */
const struct load_loop *load_pattern(void);

/* --- load_histogram.c: latencies, within 2 % --- */

enum { LOAD_BUCKETS = 60 * 64 };

struct load_histogram {
	uint64_t total, max;
	uint64_t count[LOAD_BUCKETS];
};

/** Count one value, in nanoseconds. */
void load_histogram_add(struct load_histogram *histogram, uint64_t ns);
/** The value that a part (0.99) of all does not exceed, in microseconds. */
double load_histogram_us(const struct load_histogram *histogram, double part);

/* --- load_cpu.c: processor time of processes --- */

struct load_cpu {
	uint64_t run_ns;   /* on a processor, from schedstat */
	uint64_t wait_ns;  /* ready, but somebody else had the processor */
	uint64_t ticks_ns; /* the same as run_ns, from ticks, with the
				   children that have ended */
	uint64_t members;  /* fingerprint of the tree: which processes */
};

/** Take the times of a process and all below it. False: there is none. */
bool load_cpu_read(pid_t pid, struct load_cpu *cpu_out);
/** Processor time between two readings, exact when no process came or went. */
uint64_t load_cpu_between(const struct load_cpu *a, const struct load_cpu *b);

/* --- load_meter.c: a stretch of time that is measured --- */

struct load_meter {
	uint64_t begun_ns, ended_ns;
	pid_t server_pid;                  /* 0: nobody's */
	struct load_cpu server[2], own[2]; /* at begin and end */
};

/** It begins now; the time of this process tree is taken, 0: of none. */
void load_meter_begin(struct load_meter *meter, pid_t server_pid);
/** It has ended. */
void load_meter_end(struct load_meter *meter);
/** Report the time, and how much of something came in a second. */
void load_meter_report_rate(const struct load_meter *meter, uint64_t count);
/** Report the server's processor time for each, under this key, and how busy and
 *  how disturbed server and generator were. */
void load_meter_report_cpu(
    const struct load_meter *meter, const char *key, uint64_t count);

/* --- load_report.c: the line of JSON --- */

/** Begin the object with the mode, the target and whether all was well. */
void load_report_begin(const char *mode, const char *address, bool ok);
void load_report_count(const char *key, uint64_t value);
void load_report_number(const char *key, double value);
/** p50, p99 and the worst of a histogram. */
void load_report_latency(const struct load_histogram *histogram);
/** End the line. */
void load_report_end(void);

/* --- load_exchange.c: one connection with one message and its answer --- */

enum load_outcome {
	LOAD_RUNNING,    /* no outcome yet */
	LOAD_ANSWERED,   /* the right bytes came back */
	LOAD_REFUSED,    /* connect: nobody listens there */
	LOAD_RESET,      /* the peer cut the connection */
	LOAD_UNANSWERED, /* closed, or silent for too long */
	LOAD_MISMATCHED, /* other bytes than were sent, or too many */
	LOAD_FAILED,     /* our own trouble: no descriptor, no port */
	LOAD_OUTCOMES
};

struct load_exchange {
	int fd; /* -1: not in use */
	enum load_outcome outcome;
	const struct load_options *options;
	bool connected, greeted, welcome;
	struct load_talk talk;
	uint64_t started_ns;
	size_t sent; /* bytes of the message */
};

/** Begin: connect and have the socket watched by epoll, with the exchange as
 *  data. The outcome may be known at once. */
void load_exchange_start(struct load_exchange *ex,
    const struct load_options *options, int epoll_fd, uint64_t number);
/** Go on after an event; sets the outcome when it is known. */
void load_exchange_step(struct load_exchange *ex);
/** Close the socket, keep the outcome. */
void load_exchange_close(struct load_exchange *ex);
/** Report how many had which outcome. */
void load_outcomes_report(const uint64_t counts[LOAD_OUTCOMES]);
/** Whether all that were counted were answered. */
bool load_outcomes_good(const uint64_t counts[LOAD_OUTCOMES]);
