/* This file is a WebSocket and its peer in one process, for tests. */
#include "config.h"

#include "ws_rig.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/sock.h"
#include "co/co.h"
#include "io/timer.h"
#include "session/ws_private.h"

enum { BEAT_MS = 5, BUF_MAX = 64 << 20, SHOWN_MAX = 40 };

void
rig_note(struct rig *rig, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	sh_buf_vprintf(&rig->notes, format, args);
	va_end(args);
	sh_buf_puts(&rig->notes, ";");
}

/* --- the session, as HTTP would be ------------------------------------------ */

#define PASS_ON(name, params, args)                                            \
	static void name params                                                \
	{                                                                      \
		const struct sh_http_session *session = sh_conn_session(conn); \
                                                                               \
		if (session != NULL && session->ops->name != NULL)             \
			session->ops->name args;                               \
	}

PASS_ON(received, (struct sh_conn * conn, const void *data, size_t len),
    (conn, data, len))
PASS_ON(writable, (struct sh_conn * conn), (conn))
PASS_ON(resumed, (struct sh_conn * conn), (conn))
PASS_ON(changed, (struct sh_conn * conn), (conn))

static void
closed(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
	const struct sh_http_session *session = sh_conn_session(conn);
	struct rig *rig = sh_group_owner(sh_conn_group(conn));

	if (session != NULL)
		session->ops->closed(conn, cause, error);
	rig->ws = NULL;
}

/* The handler of a request that becomes a WebSocket. */
static void
handle(void *arg)
{
	struct sh_conn *conn = arg;
	struct rig *rig = sh_group_owner(sh_conn_group(conn));
	struct shoal_ws *ws = sh_ws_new(conn, &rig->options, &rig->extension,
	    "test", NULL, rig->callbacks, rig);

	if (ws == NULL)
		abort();
	rig->ws = ws;
	rig->id = sh_conn_id(conn);
	sh_ws_begin(ws);
	if (rig->on_open != NULL)
		rig->on_open(ws, rig);
	if (rig->handler != NULL)
		rig->handler(ws, rig);
	sh_co_end_local();
	sh_ws_returned(ws);
}

static void
connected(struct sh_conn *conn)
{
	struct rig *rig = sh_group_owner(sh_conn_group(conn));

	sh_conn_hold(conn);
	sh_conn_stall(conn);
	if (sh_co_start(sh_loop_coroutines(rig->loop), handle, conn, "test") <
	    0)
		abort();
}

static const struct sh_conn_ops ops = {
	.connected = connected,
	.received = received,
	.writable = writable,
	.resumed = resumed,
	.changed = changed,
	.closed = closed,
};

/* --- callbacks --------------------------------------------------------------- */

void
rig_note_message(struct rig *rig, const struct shoal_message *message)
{
	static const char *const names[] = { [0] = "more",
		[1] = "text",
		[2] = "binary",
		[9] = "ping",
		[10] = "pong" };

	if (message->data[message->len] != '\0')
		rig_note(rig, "no NUL");
	if (message->len <= SHOWN_MAX)
		rig_note(rig, "%s%s %zu %s", names[message->type],
		    message->final ? "" : "...", message->len, message->data);
	else
		rig_note(rig, "%s%s %zu", names[message->type],
		    message->final ? "" : "...", message->len);
}

void
rig_note_end(struct rig *rig, const struct shoal_ws_end *end)
{
	rig_note(rig, "end %d %s%s%s%d", end->code, end->reason,
	    end->by_peer ? " by peer " : " ", end->clean ? "clean " : "",
	    end->error);
	if (end->reason_len != strlen(end->reason))
		rig_note(rig, "bad reason");
}

static void
on_message(struct shoal_ws *ws, const struct shoal_message *message, void *arg)
{
	struct rig *rig = arg;

	rig_note_message(rig, message);
	if (rig->on_message != NULL)
		rig->on_message(ws, message, rig);
}

static void
on_writable(struct shoal_ws *ws, void *arg)
{
	rig_note(arg, "writable");
}

static void
on_close(struct shoal_ws *ws, const struct shoal_ws_end *end, void *arg)
{
	rig_note_end(arg, end);
}

const struct shoal_ws_callbacks rig_callbacks = {
	.size = sizeof(struct shoal_ws_callbacks),
	.on_message = on_message,
	.on_writable = on_writable,
	.on_close = on_close,
};

void
rig_note_messages(struct shoal_ws *ws, struct rig *rig)
{
	const struct shoal_message *message;
	int r;

	while ((r = shoal_co_ws_recv(ws, &message,
		    rig->timeout_ms != 0 ? rig->timeout_ms : -1)) > 0) {
		rig_note_message(rig, message);
		if (rig->on_message != NULL)
			rig->on_message(ws, message, rig);
	}
	rig_note(rig, "recv %d", r);
	if (shoal_ws_end(ws) != NULL)
		rig_note_end(rig, shoal_ws_end(ws));
}

/* --- the rig ------------------------------------------------------------------ */

/* Keeps turns short, so that the test looks at its own sockets often. */
static void
beat(void *arg)
{
}

static void
fill_defaults(struct rig *rig)
{
	const struct shoal_ws_options off = { .message_size = -1,
		.fragments = -1,
		.control_rate = -1,
		.ping_ms = -1,
		.pong_timeout_ms = -1,
		.close_timeout_ms = -1 };

	sh_ws_options_resolve(&rig->options, &off);
	if (rig->handler == NULL && rig->callbacks == NULL)
		rig->callbacks = &rig_callbacks;
	if (rig->queue_high == 0) {
		rig->queue_high = 1024 * 1024;
		rig->queue_low = 256 * 1024;
	}
	sh_buf_init(&rig->notes, BUF_MAX);
	sh_buf_init(&rig->come, BUF_MAX);
	sh_buf_init(&rig->frames, BUF_MAX);
}

/* Two ends of a TCP connection. */
static int
connect_pair(int *peer_out, struct sh_addr *addr)
{
	const char *why;
	int listener, fd;

	ck_assert_int_eq(sh_addr_parse(addr, "127.0.0.1:0", &why), 0);
	listener = sh_sock_bind(addr, false);
	ck_assert_int_ge(listener, 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(sh_sock_local(listener, addr), 0);
	*peer_out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(connect(*peer_out, &addr->sa, addr->len), 0);
	ck_assert_int_eq(fcntl(*peer_out, F_SETFL, O_NONBLOCK), 0);
	fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ge(fd, 0);
	close(listener);
	return fd;
}

void
rig_open(struct rig *rig)
{
	struct sh_group_options group_options = { .ops = &ops, .owner = rig };
	const struct sh_loop_options loop_options = {
		.incarnation = 3,
		.counters = &rig->counters,
		.queue_max = rig->queue_max,
	};
	struct sh_addr addr;
	int fd;

	fill_defaults(rig);
	group_options.queue_high = rig->queue_high;
	group_options.queue_low = rig->queue_low;
	group_options.when_full = rig->when_full;
	group_options.stall_ms = rig->stall_ms;
	ck_assert_int_eq(sh_loop_new(&loop_options, &rig->loop), 0);
	ck_assert_int_gt(
	    sh_timer_start(rig->loop, BEAT_MS, BEAT_MS, beat, NULL), 0);
	rig->group = sh_group_new(rig->loop, &group_options);
	ck_assert_ptr_nonnull(rig->group);
	fd = connect_pair(&rig->fd, &addr);
	ck_assert_int_eq(sh_conn_open(rig->group, fd, &addr), 0);
}

void
rig_close(struct rig *rig)
{
	if (rig->fd >= 0)
		close(rig->fd);
	RIG_UNTIL(rig, sh_loop_connections(rig->loop) == 0);
	ck_assert_ptr_null(rig->ws);
	ck_assert_uint_eq(sh_co_pool_alive(sh_loop_coroutines(rig->loop)), 0);
	ck_assert_uint_eq(rig->counters.queued_bytes, 0);
	sh_group_free(&rig->group);
	sh_loop_free(&rig->loop);
	sh_buf_fini(&rig->notes);
	sh_buf_fini(&rig->come);
	sh_buf_fini(&rig->frames);
	sh_ws_inflater_free(rig->inflater);
	rig->inflater = NULL;
}

/* --- the peer ----------------------------------------------------------------- */

void
rig_write(struct rig *rig, const void *data, size_t len)
{
	const char *bytes = data;
	int64_t end_ms = sh_clock_ms() + RIG_DEADLINE_MS;
	ssize_t n;

	while (len != 0) {
		n = send(rig->fd, bytes, len, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN && sh_clock_ms() < end_ms) {
			ck_assert_int_eq(sh_loop_turn(rig->loop), 0);
			continue;
		}
		ck_assert_int_gt(n, 0);
		bytes += n;
		len -= (size_t)n;
	}
}

void
rig_send(struct rig *rig, int first, const void *data, size_t len)
{
	static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	uint8_t header[SH_WS_HEADER_MAX];
	size_t n = sh_ws_header_write(header, SH_WS_BINARY, true, len);
	char *frame = malloc(n + 4 + len);

	/* its first byte may be one that none has */
	header[0] = (uint8_t)first;
	header[1] |= 0x80;
	memcpy(frame, header, n);
	memcpy(frame + n, mask, 4);
	sh_ws_unmask((uint8_t *)frame + n + 4, data, len, mask, 0);
	rig_write(rig, frame, n + 4 + len);
	free(frame);
}

void
rig_send_text(struct rig *rig, const char *text)
{
	rig_send(rig, 0x81, text, strlen(text));
}

/* Inflate a message of the server, as it was agreed. */
static struct sh_buf
inflate_message(struct rig *rig, const uint8_t *data, size_t len)
{
	struct sh_buf message;
	uint8_t out[1000];
	bool ended = false;
	int n;

	if (!rig->extension.server_takeover) {
		sh_ws_inflater_free(rig->inflater);
		rig->inflater = NULL;
	}
	if (rig->inflater == NULL)
		rig->inflater = sh_ws_inflater_new(rig->extension.server_bits);
	sh_buf_init(&message, BUF_MAX);
	sh_ws_inflater_feed(rig->inflater, data, len);
	do {
		while ((n = sh_ws_inflater_next(
			    rig->inflater, out, sizeof(out))) > 0)
			sh_buf_add(&message, out, (size_t)n);
		ck_assert_int_eq(n, 0);
		if (ended)
			break;
		sh_ws_inflater_feed_end(rig->inflater);
		ended = true;
	} while (true);
	ck_assert(sh_ws_inflater_is_whole(rig->inflater));
	rig->packed += len;
	return message;
}

static void
write_packed(struct rig *rig, const uint8_t *data, size_t len)
{
	struct sh_buf message = inflate_message(rig, data, len);

	sh_buf_printf(&rig->frames, " packed %zu", message.len);
	if (message.len <= SHOWN_MAX)
		sh_buf_printf(&rig->frames, " %.*s", (int)message.len,
		    message.len != 0 ? message.data : "");
	sh_buf_fini(&message);
}

/* Take a frame of a server off the front, and write it down. */
static bool
take_frame(struct rig *rig)
{
	static const char *const names[16] = { "more", "text",
		"binary", [8] = "close", [9] = "ping", [10] = "pong" };
	const uint8_t *data = (const uint8_t *)rig->come.data;
	size_t len = rig->come.len, header = 2, size, i;

	if (len < 2)
		return false;
	ck_assert((data[1] & 0x80) == 0);
	size = data[1] & 0x7f;
	if (size >= 126) {
		header = size == 126 ? 4 : 10;
		if (len < header)
			return false;
		for (size = 0, i = 2; i < header; i++)
			size = size << 8 | data[i];
	}
	if (len < header + size)
		return false;
	ck_assert_ptr_nonnull(names[data[0] & 15]);
	sh_buf_printf(&rig->frames, "%s%s", names[data[0] & 15],
	    (data[0] & 0x80) != 0 ? "" : "...");
	data += header;
	if ((rig->come.data[0] & SH_WS_COMPRESSED) != 0)
		write_packed(rig, data, size);
	else if ((rig->come.data[0] & 15) == 8 && size >= 2)
		sh_buf_printf(&rig->frames, " %d %.*s", data[0] << 8 | data[1],
		    (int)size - 2, data + 2);
	else if (size <= SHOWN_MAX)
		sh_buf_printf(&rig->frames, " %zu %.*s", size, (int)size, data);
	else
		sh_buf_printf(&rig->frames, " %zu", size);
	sh_buf_puts(&rig->frames, ";");
	sh_buf_consume(&rig->come, header + size);
	return true;
}

void
rig_read(struct rig *rig)
{
	static char buf[65536];
	ssize_t n;

	while ((n = recv(rig->fd, buf, sizeof(buf), 0)) > 0)
		sh_buf_add(&rig->come, buf, (size_t)n);
	if (n == 0)
		rig->eof = true;
	else if (errno != EAGAIN)
		rig->reset = true;
	while (take_frame(rig))
		continue;
}

void
rig_hang_up(struct rig *rig, bool reset)
{
	static const struct linger linger = { .l_onoff = 1 };

	if (reset)
		setsockopt(
		    rig->fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(rig->fd);
	rig->fd = -1;
}

/* Whether a text begins with another one; it is shown when time is over. */
static bool
is_text(const struct sh_buf *buf, const char *expected)
{
	return buf->len == strlen(expected) &&
	    (buf->len == 0 || memcmp(buf->data, expected, buf->len) == 0);
}

static void
expect(struct rig *rig, struct sh_buf *buf, const char *expected, bool reads)
{
	int64_t end_ms = sh_clock_ms() + RIG_DEADLINE_MS;

	while (!is_text(buf, expected) && buf->len < strlen(expected) &&
	    sh_clock_ms() < end_ms) {
		ck_assert_int_eq(sh_loop_turn(rig->loop), 0);
		if (reads)
			rig_read(rig);
	}
	ck_assert_msg(is_text(buf, expected), "'%.*s' instead of '%s'",
	    (int)buf->len, buf->len != 0 ? buf->data : "", expected);
	sh_buf_fini(buf);
}

void
rig_expect_frames(struct rig *rig, const char *frames)
{
	expect(rig, &rig->frames, frames, true);
}

void
rig_expect_notes(struct rig *rig, const char *notes)
{
	expect(rig, &rig->notes, notes, false);
}
