/*
 * This file is raw TCP in callback style: it brings the events of a connection
 * to the handler, on a coroutine. It does not frame.
 */
#pragma once

#include <shoal/conn.h>
#include "io/conn.h"

struct sh_co_pool;

/* What a TCP session needs to know; the owner of its group points to it. */
struct sh_tcp {
	struct shoal_tcp_callbacks callbacks;
	void *arg;
	const char *listener, *handler; /* lent */
	struct sh_co_pool *coroutines;  /* lent */
};

/** The session, for a group of connections. */
const struct sh_conn_ops *sh_tcp_ops(void);
/** Of the connection that a handler was given. */
const struct sh_tcp *sh_tcp_of(const struct sh_conn *conn);

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
