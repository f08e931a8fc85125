/*
 * This file is TCP in coroutine style: a handler that runs from the accept to
 * the end of a connection and asks for its input.
 *
 * What a receive gives away stays as it is until the next one, whatever waits
 * lie between: a short message is copied to where it can stay, a long one keeps
 * the buffer that it was read into, and the loop takes another.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/log.h"
#include "base/mem.h"
#include "co/co.h"
#include "io/await.h"
#include "io/loop.h"
#include "io/read_buffer.h"
#include "session/tcp_private.h"

enum {
	/* longer ones keep the loop's buffer */
	COPIED_MAX = 4096,
	/* as much as a read: what is kept may be more */
	ANY_MAX = 64 * 1024
};

/* Looks for what a receive wants at the front of some bytes: its length, 0
 * when it is not there, or an error. */
typedef ssize_t find_fn(const struct sh_tcp *tcp, const char *data, size_t len,
    size_t want, size_t *scanned);

static ssize_t
find_any(const struct sh_tcp *tcp, const char *data, size_t len, size_t want,
    size_t *scanned)
{
	return (ssize_t)(len < ANY_MAX ? len : ANY_MAX);
}

static ssize_t
find_exact(const struct sh_tcp *tcp, const char *data, size_t len, size_t want,
    size_t *scanned)
{
	return len >= want ? (ssize_t)want : 0;
}

static ssize_t
find_packet(const struct sh_tcp *tcp, const char *data, size_t len, size_t want,
    size_t *scanned)
{
	size_t packet_len;
	int r = sh_framing_find(&tcp->framing, data, len, scanned, &packet_len);

	return r > 0 ? (ssize_t)packet_len : r;
}

/* The last message is not needed any more. */
static void
take_back(struct sh_tcp_state *state)
{
	if (SH_LIKELY(state->lent == NULL && state->pinned == NULL))
		return;
	free(state->lent);
	state->lent = NULL;
	if (state->pinned != NULL)
		sh_read_buffer_unpin(sh_loop_current(), &state->pinned);
}

/* Give away what is at the front of the input. */
static const void *
give_input(struct sh_tcp_state *state, size_t len)
{
	const char *data = sh_tcp_input_data(&state->input);

	sh_tcp_input_take(&state->input, len);
	return data;
}

/* Give away what is at the front of what has just been read. NULL: no
 * memory. */
static const void *
give_now(struct sh_tcp_state *state, size_t len)
{
	const char *data = state->now;
	char *copy = state->small;

	if (len > COPIED_MAX) {
		state->pinned = sh_read_buffer_pin(sh_loop_current());
	} else {
		/* the handler may be in a wait when others read */
		if (len > sizeof(state->small))
			copy = state->lent = malloc(len);
		if (copy == NULL)
			return NULL;
		data = memcpy(copy, data, len);
	}
	state->now += len;
	state->now_len -= len;
	return data;
}

/* Look at what is there. 1 with data, 0 when it is not there yet, or an
 * error. */
static ssize_t
look(struct sh_tcp_state *state, find_fn *find, size_t want,
    const void **data_out)
{
	const struct sh_tcp *tcp = sh_tcp_of(state->conn);
	struct sh_tcp_input *input = &state->input;
	size_t kept = sh_tcp_input_len(input);
	ssize_t n = 0;

	/* only what is not there in one piece is put together */
	if (kept == 0 && state->now_len != 0) {
		n = find(
		    tcp, state->now, state->now_len, want, &input->scanned);
		if (n > 0) {
			input->scanned = 0;
			*data_out = give_now(state, (size_t)n);
			return *data_out != NULL ? n : -SHOAL_ENOMEM;
		}
	}
	if (n < 0)
		return n;
	if (state->now_len != 0) {
		if (sh_tcp_input_add(input, state->now, state->now_len) < 0)
			return -SHOAL_ENOMEM;
		state->now_len = 0;
		if (kept == 0)
			return 0;
		kept = sh_tcp_input_len(input);
	}
	if (kept == 0)
		return 0;
	n = find(tcp, sh_tcp_input_data(input), kept, want, &input->scanned);
	if (n > 0)
		*data_out = give_input(state, (size_t)n);
	return n;
}

/* Nothing is there, and nothing will come: why. */
static int
no_more(const struct sh_tcp_state *state)
{
	int why = sh_conn_why(state->conn);

	/* to who has closed it and goes on, that is no news */
	if (why == -SHOAL_ECANCELED && !sh_await_is_cancelled())
		return -SHOAL_ENOTCONN;
	if (why < 0)
		return why;
	return sh_tcp_input_len(&state->input) != 0 ? -SHOAL_ETRUNCATED : 0;
}

static bool
is_over(const struct sh_tcp_state *state)
{
	return sh_conn_why(state->conn) < 0 || sh_conn_is_eof(state->conn);
}

/* Whether what had come at a drain has been handled: then the handler is to
 * end. */
static bool
end_drained(struct sh_tcp_state *state)
{
	if (SH_LIKELY(!sh_conn_is_drained(state->conn)))
		return false;
	sh_await_cancel(state->co);
	return true;
}

static int
wait_for_input(struct sh_tcp_state *state, int64_t deadline_us)
{
	struct sh_tcp_reader reader = { .co = sh_co_running() };
	int r;

	/* a receive that waits would be woken again and again */
	if (SH_UNLIKELY(end_drained(state)) || sh_await_is_cancelled()) {
		sh_await_slow_down("shoal_co_recv");
		return -SHOAL_ECANCELED;
	}
	sh_conn_unstall(state->conn);
	/* who only looks, again and again, finds next time what comes now */
	if (deadline_us == 0)
		return -SHOAL_ETIMEDOUT;
	state->reader = &reader;
	r = sh_await("shoal_co_recv", deadline_us);
	if (SH_UNLIKELY(reader.gone))
		return r < 0 ? r : -SHOAL_ECANCELED;
	sh_conn_stall(state->conn);
	state->reader = NULL;
	return r;
}

static ssize_t
receive(struct sh_conn *conn, find_fn *find, size_t want, const void **data_out,
    int64_t deadline_us)
{
	struct sh_tcp_state *state = sh_conn_session(conn);
	ssize_t n;
	int r;

	if (sh_tcp_of(conn)->serve == NULL)
		return -SHOAL_EPERM;
	if (state == NULL || state->closing)
		return -SHOAL_ENOTCONN;
	if (state->reader != NULL)
		return -SHOAL_EBUSY;
	take_back(state);
	sh_tcp_input_trim(&state->input);
	while ((n = look(state, find, want, data_out)) == 0) {
		if (is_over(state)) {
			n = no_more(state);
			sh_await_slow_down("shoal_co_recv");
			return n;
		}
		r = wait_for_input(state, deadline_us);
		if (r < 0)
			return r;
	}
	return n;
}

ssize_t
sh_tcp_recv(struct sh_conn *conn, const void **data_out, int64_t deadline_us)
{
	return receive(conn, find_any, 0, data_out, deadline_us);
}

/* Every connection of the listener will end like this: once is enough. */
static void
complain_of_framing(const struct sh_tcp *tcp)
{
	static bool told;

	if (told)
		return;
	told = true;
	sh_log_warning("listener %s: its handler receives packets, but it has "
		       "no framing; set listeners[].framing, or the framing of "
		       "the handler",
	    tcp->listener);
}

ssize_t
sh_tcp_recv_packet(
    struct sh_conn *conn, const void **data_out, int64_t deadline_us)
{
	if (sh_tcp_of(conn)->framing.type == SHOAL_FRAMING_RAW) {
		complain_of_framing(sh_tcp_of(conn));
		return -SHOAL_EINVAL;
	}
	return receive(conn, find_packet, 0, data_out, deadline_us);
}

ssize_t
sh_tcp_recv_exact(struct sh_conn *conn, const void **data_out, size_t len,
    int64_t deadline_us)
{
	return receive(conn, find_exact, len, data_out, deadline_us);
}

/* The handler has returned while another coroutine receives. */
static void
dismiss_reader(struct sh_tcp_state *state)
{
	if (state->reader == NULL)
		return;
	state->reader->gone = true;
	sh_co_wake(state->reader->co, -SHOAL_ECANCELED);
}

/* The whole life of a connection. */
static void
serve(void *arg)
{
	struct sh_conn *conn = arg;
	const struct sh_tcp *tcp = sh_tcp_of(conn);
	struct sh_tcp_state state;

	sh_tcp_state_init(&state, conn);
	state.co = sh_co_running();
	sh_conn_set_session(conn, &state);
	sh_conn_hold(conn);
	sh_conn_stall(conn);
	tcp->serve(sh_conn_to_public(conn), tcp->arg);
	/* that may use the connection, and wait */
	sh_co_end_local();
	dismiss_reader(&state);
	take_back(&state);
	sh_conn_set_session(conn, NULL);
	sh_tcp_state_fini(&state, -SHOAL_ECANCELED);
	sh_conn_close(conn);
	sh_conn_release_hold(conn);
}

static void
connected(struct sh_conn *conn)
{
	const struct sh_tcp *tcp = sh_tcp_of(conn);

	if (sh_co_start(tcp->coroutines, serve, conn, tcp->handler) < 0)
		sh_conn_fail_with(conn, -SHOAL_ENOMEM);
}

/* The handler went to wait for something else, or has ended: what it has not
 * asked for yet is kept. */
static void
keep_rest(struct sh_conn *conn, struct sh_tcp_state *state)
{
	if (state->pinned != NULL)
		sh_read_buffer_replace(sh_loop_current());
	if (state->now_len == 0)
		return;
	if (sh_tcp_input_add(&state->input, state->now, state->now_len) < 0)
		sh_conn_fail_with(conn, -SHOAL_ENOMEM);
	state->now_len = 0;
}

static void
received(struct sh_conn *conn, const void *data, size_t len)
{
	struct sh_tcp_state *state = sh_conn_session(conn);

	state->now = data;
	state->now_len = len;
	/* it may have been woken in this turn, by its deadline */
	if (SH_LIKELY(
		state->reader != NULL && sh_co_is_waiting(state->reader->co)))
		sh_co_resume(state->reader->co, 0);
	if (SH_UNLIKELY(sh_conn_session(conn) != state)) {
		sh_read_buffer_replace(sh_loop_current());
		return;
	}
	keep_rest(conn, state);
	/* no more than one read is kept for who does not wait for it */
	if (state->reader == NULL)
		sh_conn_stall(conn);
}

static void
writable(struct sh_conn *conn)
{
	struct sh_tcp_state *state = sh_conn_session(conn);

	if (state != NULL)
		sh_send_line_wake(&state->senders);
}

static void
changed(struct sh_conn *conn)
{
	struct sh_tcp_state *state = sh_conn_session(conn);
	int why = sh_conn_why(conn);

	if (state == NULL)
		return;
	if (why < 0)
		sh_send_line_fail(&state->senders, why);
	if (why == -SHOAL_ECANCELED)
		sh_tcp_cancel_for_close(state);
	if (state->reader == NULL)
		return;
	if (is_over(state))
		sh_co_wake(state->reader->co, why);
	else if (end_drained(state))
		sh_co_wake(state->reader->co, -SHOAL_ECANCELED);
}

/* Nobody is told but the handler, and that has returned. */
static void
closed(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
}

const struct sh_conn_ops *
sh_tcp_coroutine_ops(void)
{
	static const struct sh_conn_ops ops = {
		.connected = connected,
		.received = received,
		.writable = writable,
		.changed = changed,
		.closed = closed,
	};

	return &ops;
}
