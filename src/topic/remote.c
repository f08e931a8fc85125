/* This file finds the worker that has a connection, and asks it. */
#include "config.h"

#include "topic/remote.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/ws.h>

#include "base/mem.h"
#include "io/conn.h"
#include "io/loop.h"
#include "proto/utf8.h"
#include "proto/ws_frame.h"
#include "session/tcp.h"
#include "session/ws.h"
#include "topic/bus_link.h"

struct sh_remote {
	struct sh_bus_link *link;
	struct sh_bus_follower follower;
};

/* What a record begins with; the message or the reason is behind it. */
struct errand {
	uint64_t id;
	uint32_t value; /* type of the message, or code */
	uint32_t pad;
};

/* --- a connection of this worker -------------------------------------------- */

static int
send_here(uint64_t id, int type, const void *data, size_t len)
{
	struct shoal_ws *ws = sh_ws_find(id);
	struct sh_conn *conn = sh_conn_find(sh_loop_current(), id);

	if (ws != NULL)
		return sh_ws_send(ws, (enum shoal_ws_type)type, data, len);
	if (conn == NULL || !sh_tcp_is(conn))
		return -SHOAL_ENOTCONN;
	return sh_conn_send(conn, data, len);
}

static int
close_here(uint64_t id, int code, const char *reason, size_t len)
{
	struct shoal_ws *ws = sh_ws_find(id);
	struct sh_conn *conn = sh_conn_find(sh_loop_current(), id);

	if (ws != NULL)
		return sh_ws_close(ws, code, reason, len);
	if (conn == NULL || !sh_tcp_is(conn))
		return -SHOAL_ENOTCONN;
	return sh_conn_close(conn);
}

/* --- those of others ----------------------------------------------------------- */

/* Who asks is not told how it went; what is not sent for want of room is counted
 * where all such are. */
static void
on_errand(const struct sh_record *record, void *arg)
{
	const char *data = (const char *)record->data + sizeof(struct errand);
	struct errand errand;
	size_t len;

	if (record->len < sizeof(errand))
		return;
	memcpy(&errand, record->data, sizeof(errand));
	len = record->len - sizeof(errand);
	if (record->kind == SH_BUS_KIND_SEND)
		send_here(errand.id, (int)errand.value, data, len);
	else
		close_here(errand.id, (int)errand.value, data, len);
}

static int
ask_other(struct sh_bus_link *link, uint64_t id, enum sh_bus_kind kind,
    uint32_t value, const void *data, size_t len)
{
	struct errand errand = { .id = id, .value = value };
	struct iovec parts[2] = { { &errand, sizeof(errand) },
		{ (void *)(uintptr_t)data, len } };
	struct sh_bus_peer peer;
	int r;

	if (!sh_bus_find_connection(sh_bus_link_bus(link), id, &peer) ||
	    peer.process == sh_bus_me(sh_bus_link_bus(link)).process)
		return -SHOAL_ENOTCONN;
	r = sh_bus_link_tell(link, &peer, kind, parts, 2);
	return r == -SHOAL_ENOENT ? -SHOAL_ENOTCONN : r;
}

static bool
is_here(uint64_t id)
{
	return sh_conn_find(sh_loop_current(), id) != NULL;
}

/* The same is refused wherever the connection is. */
static int
judge_message(int type, const void *data, size_t len)
{
	if (sh_loop_current() == NULL)
		return -SHOAL_ESTATE;
	if ((type != SHOAL_WS_TEXT && type != SHOAL_WS_BINARY) ||
	    (data == NULL && len != 0))
		return -SHOAL_EINVAL;
	if (type == SHOAL_WS_TEXT && !sh_utf8_is_valid(data, len))
		return -EILSEQ;
	return 0;
}

int
sh_remote_send(uint64_t id, int type, const void *data, size_t len)
{
	struct sh_bus_link *link = sh_bus_link_current();
	int r = judge_message(type, data, len);

	if (r < 0)
		return r;
	if (link != NULL &&
	    len + sizeof(struct errand) >
		sh_bus_record_max(sh_bus_link_bus(link)))
		return -SHOAL_EMSGSIZE;
	if (link == NULL || is_here(id))
		return send_here(id, type, data, len);
	return ask_other(link, id, SH_BUS_KIND_SEND, (uint32_t)type, data, len);
}

int
sh_remote_close_conn(uint64_t id, int code, const char *reason)
{
	struct sh_bus_link *link = sh_bus_link_current();
	size_t len = reason != NULL ? strlen(reason) : 0;
	uint8_t payload[SH_WS_CONTROL_MAX];

	if (sh_loop_current() == NULL)
		return -SHOAL_ESTATE;
	if (code < 0 ||
	    sh_ws_close_write(payload, (unsigned)code, reason, len) < 0)
		return -SHOAL_EINVAL;
	if (link == NULL || is_here(id)) {
		int r = close_here(id, code, reason, len);

		return r == -EALREADY ? -SHOAL_ENOTCONN : r;
	}
	return ask_other(
	    link, id, SH_BUS_KIND_CLOSE, (uint32_t)code, reason, len);
}

int
sh_remote_open(struct sh_bus_link *link, struct sh_remote **out)
{
	struct sh_remote *remote = sh_try_calloc(1, sizeof(*remote));

	if (remote == NULL)
		return -SHOAL_ENOMEM;
	remote->link = link;
	remote->follower =
	    (struct sh_bus_follower){ .from_kind = SH_BUS_KIND_SEND,
		    .to_kind = SH_BUS_KIND_CLOSE,
		    .received = on_errand,
		    .arg = remote };
	sh_bus_link_follow(link, &remote->follower);
	*out = remote;
	return 0;
}

void
sh_remote_close(struct sh_remote **remote)
{
	if (remote == NULL || *remote == NULL)
		return;
	sh_bus_link_unfollow((*remote)->link, &(*remote)->follower);
	free(*remote);
	*remote = NULL;
}
