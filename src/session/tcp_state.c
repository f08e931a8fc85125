/* This file keeps what a TCP connection needs when it is more than idle. */
#include "config.h"

#include <stdlib.h>

#include <shoal/error.h>

#include "base/mem.h"
#include "co/co.h"
#include "io/await.h"
#include "session/tcp_private.h"

void
sh_tcp_state_init(struct sh_tcp_state *state, struct sh_conn *conn)
{
	state->conn = conn;
	state->co = NULL;
	state->reader = NULL;
	sh_send_line_init(&state->senders);
	/* bounded by the framing's limit and one read */
	sh_buf_init(&state->input.buf, SIZE_MAX);
	state->input.off = state->input.scanned = 0;
	state->writable_owed = state->closing = state->close_known = false;
	state->now = NULL;
	state->now_len = 0;
	state->lent = NULL;
	state->pinned = NULL;
}

void
sh_tcp_state_fini(struct sh_tcp_state *state, int error)
{
	sh_send_line_fail(&state->senders, error);
	sh_buf_fini(&state->input.buf);
}

struct sh_tcp_state *
sh_tcp_state_need(struct sh_conn *conn)
{
	struct sh_tcp_state *state = sh_conn_session(conn);

	if (state != NULL)
		return state;
	state = sh_try_calloc(1, sizeof(*state));
	if (state == NULL)
		return NULL;
	sh_tcp_state_init(state, conn);
	sh_conn_set_session(conn, state);
	return state;
}

void
sh_tcp_cancel_for_close(struct sh_tcp_state *state)
{
	if (state->close_known || state->co == NULL)
		return;
	state->close_known = true;
	/* its own doing is no reason to stop it */
	if (state->co != sh_co_running())
		sh_await_cancel(state->co);
}

int
sh_tcp_input_add(struct sh_tcp_input *input, const void *data, size_t len)
{
	if (input->off != 0) {
		sh_buf_consume(&input->buf, input->off);
		input->off = 0;
	}
	return sh_buf_add(&input->buf, data, len);
}

void
sh_tcp_input_take(struct sh_tcp_input *input, size_t len)
{
	input->off += len;
	input->scanned = 0;
}

void
sh_tcp_input_trim(struct sh_tcp_input *input)
{
	if (input->off != 0 && input->off == input->buf.len) {
		sh_buf_fini(&input->buf);
		input->off = 0;
	}
}
