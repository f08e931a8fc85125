/*
 * This file is an accepted stream socket and what was sent to it; it does not
 * know a protocol. See <shoal/conn.h> for the promises.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <shoal/conn.h>

struct iovec;
struct sh_addr;
struct sh_conn;
struct sh_group;
struct sh_loop;

/* What a session does with a connection. None is called while another one of
 * the same connection runs. */
struct sh_conn_ops {
	/* Accepted. */
	void (*connected)(struct sh_conn *conn);
	/* Bytes have come; borrowed until the return. */
	void (*received)(struct sh_conn *conn, const void *data, size_t len);
	/* Room again after a refused send. */
	void (*writable)(struct sh_conn *conn);
	/* The last call. */
	void (*closed)(
	    struct sh_conn *conn, enum shoal_close_cause cause, int error);
};

/** Serve an accepted socket as a member of group. Takes fd, also when it
 *  fails. peer is borrowed. 0 or -SHOAL_ENOMEM; ops->connected has been
 *  called when it is 0, and the connection may be gone again. */
int sh_conn_open(struct sh_group *group, int fd, const struct sh_addr *peer);
/** An object of a public pointer is one of ours: assert it. */
void sh_conn_check(const struct sh_conn *conn);

/** See shoal_conn_send(). */
int sh_conn_send(struct sh_conn *conn, const void *data, size_t len);
/** See shoal_conn_sendv(). */
int sh_conn_sendv(struct sh_conn *conn, const struct iovec *parts, int count);
/** See shoal_conn_is_full(). */
bool sh_conn_is_full(struct sh_conn *conn);
/** See shoal_conn_flush(). */
int sh_conn_flush(struct sh_conn *conn);
/** See shoal_conn_close(). */
int sh_conn_close(struct sh_conn *conn);
/** See shoal_conn_abort(). */
int sh_conn_abort(struct sh_conn *conn);
/** See shoal_conn_pause(). */
void sh_conn_pause(struct sh_conn *conn);
/** See shoal_conn_resume(). */
void sh_conn_resume(struct sh_conn *conn);
/** See shoal_conn_is_paused(). */
bool sh_conn_is_paused(const struct sh_conn *conn);
/** See shoal_conn_queued(). */
size_t sh_conn_queued(const struct sh_conn *conn);

/** End it in good order with cause SHUTDOWN: input that has arrived by now is
 *  still handed to the session, what is queued is sent, the peer has linger_ms
 *  to end its side. */
void sh_conn_drain(struct sh_conn *conn, int64_t linger_ms);
/** End it now with cause SHUTDOWN; the kernel gets what it takes. */
void sh_conn_shutdown(struct sh_conn *conn);

/** Its number, never 0. */
uint64_t sh_conn_id(const struct sh_conn *conn);
/** The connection of a number that has not ended, or NULL. */
struct sh_conn *sh_conn_find(struct sh_loop *loop, uint64_t id);
/** Its descriptor. */
int sh_conn_fd(const struct sh_conn *conn);
/** The group that it was opened in. */
struct sh_group *sh_conn_group(const struct sh_conn *conn);
/** Address of the peer, as it was at accept(2). */
void sh_conn_peer(const struct sh_conn *conn, struct sh_addr *addr_out);
/** A pointer of the handler. */
void sh_conn_set_data(struct sh_conn *conn, void *data);
/** That pointer, NULL before. */
void *sh_conn_data(const struct sh_conn *conn);
