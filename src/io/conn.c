/* This file makes connections of accepted sockets, and knows their facts. */
#include "config.h"

#include "io/conn.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/panic.h"
#include "base/sock.h"
#include "io/conn_private.h"

enum { INCARNATION_SHIFT = 40 };

/* See ARCHITECTURE.md, "Memory": 8 bytes more take 16 of malloc(3). */
_Static_assert(sizeof(struct sh_conn) <= 312, "an idle connection is small");

/* A sockaddr_storage would be 128 bytes, and a reset socket has no peer. */
static void
keep_peer(struct sh_conn *conn, const struct sh_addr *peer)
{
	const struct sockaddr_in *v4 = (const void *)&peer->storage;
	const struct sockaddr_in6 *v6 = (const void *)&peer->storage;

	conn->peer_family = (uint8_t)peer->sa.sa_family;
	if (peer->sa.sa_family == AF_INET) {
		conn->peer_port = v4->sin_port;
		memcpy(conn->peer_ip, &v4->sin_addr, sizeof(v4->sin_addr));
	} else if (peer->sa.sa_family == AF_INET6) {
		conn->peer_port = v6->sin6_port;
		memcpy(conn->peer_ip, &v6->sin6_addr, sizeof(v6->sin6_addr));
	}
}

void
sh_conn_peer(const struct sh_conn *conn, struct sh_addr *addr_out)
{
	struct sockaddr_in *v4 = (void *)&addr_out->storage;
	struct sockaddr_in6 *v6 = (void *)&addr_out->storage;

	memset(addr_out, 0, sizeof(*addr_out));
	addr_out->sa.sa_family = conn->peer_family;
	addr_out->len = sizeof(sa_family_t);
	if (conn->peer_family == AF_INET) {
		v4->sin_port = conn->peer_port;
		memcpy(&v4->sin_addr, conn->peer_ip, sizeof(v4->sin_addr));
		addr_out->len = sizeof(*v4);
	} else if (conn->peer_family == AF_INET6) {
		v6->sin6_port = conn->peer_port;
		memcpy(&v6->sin6_addr, conn->peer_ip, sizeof(v6->sin6_addr));
		addr_out->len = sizeof(*v6);
	}
}

/* Tell libevent about it, and give it its number. */
static int
enter(struct sh_conn *conn, int fd)
{
	struct sh_loop *loop = conn->loop;

	if (event_assign(&conn->event, loop->base, fd,
		EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST,
		sh_conn_on_event, conn) < 0 ||
	    event_add(&conn->event, NULL) < 0)
		return -SHOAL_ENOMEM;
	conn->node.id = (loop->options.incarnation << INCARNATION_SHIFT) |
	    (loop->last_conn + 1);
	if (sh_id_table_add(&loop->conns, &conn->node) < 0) {
		event_del(&conn->event);
		return -SHOAL_ENOMEM;
	}
	loop->last_conn++;
	loop->conn_count++;
	return 0;
}

int
sh_conn_open(struct sh_group *group, int fd, const struct sh_addr *peer)
{
	struct sh_conn *conn = sh_try_calloc(1, sizeof(*conn)), *before;

	if (conn == NULL) {
		close(fd);
		return -SHOAL_ENOMEM;
	}
	conn->magic = SH_CONN_MAGIC;
	conn->loop = group->loop;
	conn->group = group;
	conn->limits = group->limits;
	conn->active_ms = sh_loop_now_ms(group->loop);
	keep_peer(conn, peer);
	if (enter(conn, fd) < 0) {
		free(conn);
		close(fd);
		return -SHOAL_ENOMEM;
	}
	sh_group_add(group, conn);
	SH_COUNT(group->loop->counters->accepted, 1);
	before = sh_conn_serve_begin(conn);
	group->options.ops->connected(conn);
	sh_conn_serve_end(conn, before);
	return 0;
}

void
sh_conn_check(const struct sh_conn *conn)
{
	SH_CHECK(conn, SH_CONN_MAGIC);
}

void
sh_conn_pause(struct sh_conn *conn)
{
	conn->paused = true;
}

/* No edge comes for what is there already. */
static void
go_on(struct sh_conn *conn)
{
	if (conn->state == SH_CONN_OPEN && (conn->missed || conn->kept))
		sh_conn_make_ready(conn);
}

void
sh_conn_resume(struct sh_conn *conn)
{
	if (!conn->paused)
		return;
	conn->paused = false;
	go_on(conn);
}

void
sh_conn_stall(struct sh_conn *conn)
{
	conn->stalled = true;
}

void
sh_conn_unstall(struct sh_conn *conn)
{
	if (!conn->stalled)
		return;
	conn->stalled = false;
	go_on(conn);
}

void
sh_conn_keep(struct sh_conn *conn, bool kept)
{
	conn->kept = kept;
}

void
sh_conn_hold(struct sh_conn *conn)
{
	conn->held = true;
}

void
sh_conn_release_hold(struct sh_conn *conn)
{
	conn->held = false;
	/* its end may have come meanwhile; nobody may meet it half done */
	if (conn->loop->serving != conn)
		sh_conn_make_unsettled(conn);
}

bool
sh_conn_is_held(const struct sh_conn *conn)
{
	return conn->held;
}

bool
sh_conn_is_receiving(const struct sh_conn *conn)
{
	return conn->state == SH_CONN_OPEN && !conn->paused && !conn->stalled;
}

void
sh_conn_probe(struct sh_conn *conn)
{
	if (conn->state == SH_CONN_OPEN)
		sh_conn_check_reset(conn);
}

bool
sh_conn_is_eof(const struct sh_conn *conn)
{
	return conn->eof;
}

bool
sh_conn_is_cut(const struct sh_conn *conn)
{
	return conn->state >= SH_CONN_FAILED;
}

bool
sh_conn_is_draining(const struct sh_conn *conn)
{
	return conn->draining;
}

int64_t
sh_conn_active_ms(const struct sh_conn *conn)
{
	return conn->active_ms;
}

bool
sh_conn_is_drained(const struct sh_conn *conn)
{
	return conn->draining && conn->drain_left == 0;
}

int
sh_conn_why(const struct sh_conn *conn)
{
	if (conn->state == SH_CONN_OPEN)
		return 0;
	switch (conn->cause) {
	case SHOAL_CLOSE_LOCAL:
	case SHOAL_CLOSE_SHUTDOWN: return -SHOAL_ECANCELED;
	case SHOAL_CLOSE_ERROR: return conn->error;
	case SHOAL_CLOSE_OVERFLOW: return -SHOAL_ENOMEM;
	default: return -SHOAL_ENOTCONN;
	}
}

void
sh_conn_fail_with(struct sh_conn *conn, int error)
{
	sh_conn_fail(conn, SHOAL_CLOSE_ERROR, error);
}

void
sh_conn_set_session(struct sh_conn *conn, void *session)
{
	conn->session = session;
}

void *
sh_conn_session(const struct sh_conn *conn)
{
	return conn->session;
}

const struct sh_conn_ops *
sh_conn_ops(const struct sh_conn *conn)
{
	return conn->group->options.ops;
}

bool
sh_conn_is_paused(const struct sh_conn *conn)
{
	return conn->paused;
}

uint64_t
sh_conn_id(const struct sh_conn *conn)
{
	return conn->node.id;
}

struct sh_conn *
sh_conn_find(struct sh_loop *loop, uint64_t id)
{
	struct sh_id_node *node = sh_id_table_find(&loop->conns, id);

	return node != NULL ? SH_CONTAINER(node, struct sh_conn, node) : NULL;
}

int
sh_conn_fd(const struct sh_conn *conn)
{
	return conn->event.ev_fd;
}

struct sh_group *
sh_conn_group(const struct sh_conn *conn)
{
	return conn->group;
}

void
sh_conn_set_data(struct sh_conn *conn, void *data)
{
	conn->data = data;
}

void *
sh_conn_data(const struct sh_conn *conn)
{
	return conn->data;
}
