/*
 * This file is TCP, raw or in packets: it brings the events of a connection to
 * the handler, on coroutines, in callback style or as one coroutine for each
 * connection. It does not read or write itself.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>
#include <shoal/conn.h>
#include "io/conn.h"
#include "proto/framing.h"

struct sh_co_pool;

/* What a TCP session needs to know; the owner of its group points to it. */
struct sh_tcp {
	struct shoal_tcp_callbacks callbacks;
	shoal_serve_fn *serve; /* not NULL: coroutine style */
	void *arg;
	const char *listener, *handler; /* lent */
	struct sh_co_pool *coroutines;  /* lent */
	struct sh_framing framing;
};

/** The session, for a group of connections, in either style. */
const struct sh_conn_ops *sh_tcp_callback_ops(void);
const struct sh_conn_ops *sh_tcp_coroutine_ops(void);
/** Whether a connection is one of those, and not HTTP. */
bool sh_tcp_is(const struct sh_conn *conn);
/** Of the connection that a handler was given. */
const struct sh_tcp *sh_tcp_of(const struct sh_conn *conn);

/** See shoal_co_recv(), shoal_co_recv_packet(), shoal_co_recv_exact(). */
ssize_t
sh_tcp_recv(struct sh_conn *conn, const void **data_out, int64_t deadline_us);
ssize_t sh_tcp_recv_packet(
    struct sh_conn *conn, const void **data_out, int64_t deadline_us);
ssize_t sh_tcp_recv_exact(struct sh_conn *conn, const void **data_out,
    size_t len, int64_t deadline_us);
/** See shoal_co_send(), shoal_co_sendv(). */
int sh_tcp_send(struct sh_conn *conn, const struct iovec *parts, int count,
    int64_t deadline_us);
/** See shoal_co_flush(). */
int sh_tcp_flush(struct sh_conn *conn, int64_t deadline_us);

/** The pointer that handlers see. */
static inline struct shoal_conn *
sh_conn_to_public(struct sh_conn *conn)
{
	return (struct shoal_conn *)(void *)conn;
}

/** What is behind that pointer; asserts that it is one. */
static inline struct sh_conn *
sh_conn_of_public(const struct shoal_conn *conn)
{
	struct sh_conn *c = (struct sh_conn *)(uintptr_t)conn;

	sh_conn_check(c);
	return c;
}
