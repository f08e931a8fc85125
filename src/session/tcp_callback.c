/*
 * This file is TCP in callback style. A callback that waits keeps its
 * coroutine, and what comes meanwhile waits for it.
 */
#include "config.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "co/co.h"
#include "io/await.h"
#include "io/group.h"
#include "session/tcp_private.h"

/* One call of a handler, on its way to a coroutine. */
struct call {
	const struct sh_tcp *tcp;
	struct sh_conn *conn;
	const void *data;
	size_t len;
	enum shoal_close_cause cause;
	int error;
};

static struct call
make_call(struct sh_conn *conn)
{
	return (struct call){ .tcp = sh_tcp_of(conn), .conn = conn };
}

static void
drop_state(struct sh_tcp_state *state, int error)
{
	sh_conn_set_session(state->conn, NULL);
	sh_tcp_state_fini(state, error);
	free(state);
}

/* An idle connection has none. */
static void
drop_idle_state(struct sh_conn *conn)
{
	struct sh_tcp_state *state = sh_conn_session(conn);

	if (state == NULL || state->co != NULL || state->writable_owed ||
	    !sh_send_line_is_empty(&state->senders))
		return;
	if (state->closing || sh_tcp_input_len(&state->input) == 0)
		drop_state(state, -SHOAL_ECANCELED);
}

/* A callback has begun to wait. */
static void
suspend(struct sh_conn *conn, struct sh_co *co)
{
	struct sh_tcp_state *state = sh_tcp_state_need(conn);

	sh_conn_hold(conn);
	sh_conn_stall(conn);
	if (state != NULL) {
		state->co = co;
		state->close_known = sh_conn_why(conn) != 0;
		return;
	}
	sh_conn_fail_with(conn, -SHOAL_ENOMEM);
	sh_await_cancel(co);
}

/* A callback has returned, which had begun to wait. */
static void
go_on(struct sh_conn *conn)
{
	struct sh_tcp_state *state = sh_conn_session(conn);

	if (state != NULL) {
		state->co = NULL;
		if (state->writable_owed)
			sh_conn_keep(conn, true);
	}
	sh_conn_unstall(conn);
	sh_conn_release_hold(conn);
	drop_idle_state(conn);
}

static inline void
end_call(const struct call *call)
{
	/* what it has deferred may wait, and belongs to the call */
	sh_co_end_local();
	if (SH_UNLIKELY(sh_conn_is_held(call->conn)))
		go_on(call->conn);
}

static void
run(struct call *call, sh_co_fn *fn)
{
	struct sh_conn *conn = call->conn;
	struct sh_co *co =
	    sh_co_call(call->tcp->coroutines, fn, call, call->tcp->handler);

	if (SH_UNLIKELY(co != NULL))
		suspend(conn, co);
}

/* Each copies the call, which is gone after the first wait. */
static void
run_connect(void *arg)
{
	struct call call = *(struct call *)arg;

	call.tcp->callbacks.on_connect(
	    sh_conn_to_public(call.conn), call.tcp->arg);
	end_call(&call);
}

static void
run_receive(void *arg)
{
	struct call call = *(struct call *)arg;

	call.tcp->callbacks.on_receive(
	    sh_conn_to_public(call.conn), call.data, call.len, call.tcp->arg);
	end_call(&call);
}

static void
run_writable(void *arg)
{
	struct call call = *(struct call *)arg;

	call.tcp->callbacks.on_writable(
	    sh_conn_to_public(call.conn), call.tcp->arg);
	end_call(&call);
}

static void
run_close(void *arg)
{
	struct call call = *(struct call *)arg;

	call.tcp->callbacks.on_close(sh_conn_to_public(call.conn), call.cause,
	    call.error, call.tcp->arg);
	end_call(&call);
}

static void
connected(struct sh_conn *conn)
{
	struct call call = make_call(conn);

	if (call.tcp->callbacks.on_connect != NULL)
		run(&call, run_connect);
}

static void
give(struct sh_conn *conn, const void *data, size_t len)
{
	struct call call = make_call(conn);

	call.data = data;
	call.len = len;
	run(&call, run_receive);
}

/* A packet at the front of the bytes: its length, 0 when it is not there, or
 * the connection has failed. */
static size_t
find_packet(struct sh_conn *conn, const void *data, size_t len, size_t *scanned)
{
	size_t packet_len;
	int r = len == 0 ? 0
			 : sh_framing_find(&sh_tcp_of(conn)->framing, data, len,
			       scanned, &packet_len);

	if (r > 0)
		return packet_len;
	if (r < 0)
		sh_conn_fail_with(conn, r);
	return 0;
}

/* Packets of bytes that are kept nowhere yet; the number of those that were
 * handed on. */
static size_t
give_new(struct sh_conn *conn, const char *data, size_t len, size_t *scanned)
{
	size_t done = 0, packet_len;

	*scanned = 0;
	while (sh_conn_is_receiving(conn) &&
	    (packet_len =
		    find_packet(conn, data + done, len - done, scanned)) != 0) {
		done += packet_len;
		give(conn, data + done - packet_len, packet_len);
	}
	return done;
}

/* Packets of the input. */
static void
give_kept(struct sh_conn *conn, struct sh_tcp_state *state)
{
	struct sh_tcp_input *input = &state->input;
	size_t len;

	while (sh_conn_is_receiving(conn) &&
	    (len = find_packet(conn, sh_tcp_input_data(input),
		 sh_tcp_input_len(input), &input->scanned)) != 0) {
		const char *data = sh_tcp_input_data(input);

		sh_tcp_input_take(input, len);
		give(conn, data, len);
		/* a callback may have closed it, with all that belongs to it */
		if (sh_conn_session(conn) != state)
			return;
	}
	sh_conn_keep(
	    conn, !sh_conn_is_receiving(conn) && sh_tcp_input_len(input) != 0);
	if (state->co == NULL)
		sh_tcp_input_trim(input);
}

static void
keep(struct sh_conn *conn, const char *data, size_t len, size_t scanned)
{
	struct sh_tcp_state *state = sh_tcp_state_need(conn);

	if (state == NULL || sh_tcp_input_add(&state->input, data, len) < 0) {
		sh_conn_fail_with(conn, -SHOAL_ENOMEM);
		return;
	}
	state->input.scanned = scanned;
	sh_conn_keep(conn, !sh_conn_is_receiving(conn));
}

static void
received_framed(struct sh_conn *conn, const char *data, size_t len)
{
	struct sh_tcp_state *state = sh_conn_session(conn);
	size_t done, scanned;

	if (state != NULL && sh_tcp_input_len(&state->input) != 0) {
		if (sh_tcp_input_add(&state->input, data, len) < 0)
			sh_conn_fail_with(conn, -SHOAL_ENOMEM);
		else
			give_kept(conn, state);
		drop_idle_state(conn);
		return;
	}
	done = give_new(conn, data, len, &scanned);
	if (done < len && sh_conn_why(conn) == 0)
		keep(conn, data + done, len - done, scanned);
}

static void
received(struct sh_conn *conn, const void *data, size_t len)
{
	if (SH_LIKELY(sh_tcp_of(conn)->framing.type == SHOAL_FRAMING_RAW))
		give(conn, data, len);
	else
		received_framed(conn, data, len);
}

static void
tell_writable(struct sh_conn *conn, struct sh_tcp_state *state)
{
	struct call call = make_call(conn);

	if (call.tcp->callbacks.on_writable == NULL)
		return;
	if (state != NULL && state->co != NULL)
		state->writable_owed = true;
	else
		run(&call, run_writable);
}

static void
writable(struct sh_conn *conn)
{
	struct sh_tcp_state *state = sh_conn_session(conn);

	if (state != NULL)
		sh_send_line_wake(&state->senders);
	tell_writable(conn, state);
}

static void
resumed(struct sh_conn *conn)
{
	struct sh_tcp_state *state = sh_conn_session(conn);

	sh_conn_keep(conn, false);
	if (state == NULL)
		return;
	if (state->writable_owed) {
		state->writable_owed = false;
		tell_writable(conn, state);
	}
	state = sh_conn_session(conn);
	if (state != NULL && sh_tcp_of(conn)->framing.type != SHOAL_FRAMING_RAW)
		give_kept(conn, state);
	drop_idle_state(conn);
}

static void
changed(struct sh_conn *conn)
{
	struct sh_tcp_state *state = sh_conn_session(conn);
	int why = sh_conn_why(conn);

	if (state == NULL || why == 0)
		return;
	sh_send_line_fail(&state->senders, why);
	if (why == -SHOAL_ECANCELED)
		sh_tcp_cancel_for_close(state);
}

/* The end of the peer inside of a packet is told apart. */
static int
close_error(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
	const struct sh_tcp_state *state = sh_conn_session(conn);

	if (cause != SHOAL_CLOSE_PEER || error != 0 || state == NULL ||
	    sh_tcp_input_len(&state->input) == 0)
		return error;
	return -SHOAL_ETRUNCATED;
}

static void
closed(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
	struct call call = make_call(conn);
	struct sh_tcp_state *state;

	call.cause = cause;
	call.error = close_error(conn, cause, error);
	state = sh_conn_session(conn);
	if (state != NULL) {
		sh_send_line_fail(&state->senders, -SHOAL_ECANCELED);
		state->closing = true;
		state->writable_owed = false;
	}
	if (call.tcp->callbacks.on_close != NULL)
		run(&call, run_close);
	state = sh_conn_session(conn);
	if (state != NULL) {
		state->closing = true;
		drop_idle_state(conn);
	}
}

const struct sh_conn_ops *
sh_tcp_callback_ops(void)
{
	static const struct sh_conn_ops ops = {
		.connected = connected,
		.received = received,
		.writable = writable,
		.resumed = resumed,
		.changed = changed,
		.closed = closed,
	};

	return &ops;
}

bool
sh_tcp_is(const struct sh_conn *conn)
{
	const struct sh_conn_ops *ops = sh_conn_ops(conn);

	return ops == sh_tcp_callback_ops() || ops == sh_tcp_coroutine_ops();
}

const struct sh_tcp *
sh_tcp_of(const struct sh_conn *conn)
{
	return sh_group_owner(sh_conn_group(conn));
}
