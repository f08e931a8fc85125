/*
 * This file tells the handler of a request what happens to the connection
 * meanwhile, and gives the connection away when it becomes a WebSocket.
 */
#include "config.h"

#include <shoal/error.h>

#include "base/attr.h"
#include "co/co.h"
#include "io/await.h"
#include "session/http_private.h"

/* The handler waits: what it has not asked for yet is kept. */
static void
keep_rest(struct shoal_request *req)
{
	struct sh_http_feed *feed = req->feed;

	req->feed = NULL;
	if (feed->len != 0 &&
	    sh_buf_add(&req->input, feed->data, feed->len) < 0)
		sh_conn_fail_with(req->conn, -SHOAL_ENOMEM);
	feed->len = 0;
}

static struct shoal_request *
request_on(const struct sh_conn *conn)
{
	struct sh_http_session *session = sh_conn_session(conn);

	return session != NULL && session->ops == sh_request_ops()
	    ? (struct shoal_request *)(void *)session
	    : NULL;
}

void
sh_request_waits(struct sh_conn *conn)
{
	struct shoal_request *req = request_on(conn);

	if (req != NULL)
		keep_rest(req);
}

/* Only a read of the body is waited for. */
static void
received(struct sh_conn *conn, const void *data, size_t len)
{
	struct shoal_request *req = sh_conn_session(conn);
	struct sh_http_feed feed = { .data = data, .len = len };
	struct sh_co *reader = req->reading.reader;

	req->feed = &feed;
	/* it may have been woken in this turn, by its deadline */
	if (reader != NULL && sh_co_is_waiting(reader))
		sh_co_resume(reader, 0);
	/* it may be another one by now, but then it has no feed */
	if (request_on(conn) == req && req->feed == &feed) {
		keep_rest(req);
		/* no more than one read is kept for who does not wait */
		if (req->reading.reader == NULL)
			sh_conn_stall(conn);
		return;
	}
	sh_http_serve(conn, feed.data, feed.len);
}

static void
writable(struct sh_conn *conn)
{
	struct shoal_request *req = sh_conn_session(conn);

	sh_send_line_wake(&req->line);
}

static void
cancel_for_close(struct shoal_request *req)
{
	if (req->close_known)
		return;
	req->close_known = true;
	/* its own doing is no reason to stop it */
	if (req->co != sh_co_running())
		sh_await_cancel(req->co);
}

static void
changed(struct sh_conn *conn)
{
	struct shoal_request *req = sh_conn_session(conn);
	struct sh_co *reader = req->reading.reader;
	int why = sh_conn_why(conn);

	if (why < 0)
		sh_send_line_fail(&req->line, why);
	if (why == -SHOAL_ECANCELED)
		cancel_for_close(req);
	if (reader == NULL)
		return;
	if (why < 0 || sh_conn_is_eof(conn)) {
		sh_co_wake(reader, why);
	} else if (sh_conn_is_drained(conn)) {
		sh_await_cancel(req->co);
		sh_co_wake(reader, -SHOAL_ECANCELED);
	}
}

const struct sh_conn_ops *
sh_request_ops(void)
{
	static const struct sh_conn_ops ops = {
		.received = received,
		.writable = writable,
		.changed = changed,
	};

	return &ops;
}

int
sh_request_switch(struct shoal_request *req, struct sh_http_session *session,
    struct shoal_ws *ws, sh_ws_returned_fn *returned, struct sh_buf *rest_out)
{
	int r;

	if (req->detached || !req->reading.done)
		return -SHOAL_ESTATE;
	r = sh_answer_switch(req);
	if (r < 0)
		return r;
	req->returned = returned;
	req->ws = ws;
	sh_buf_consume(&req->input, req->input_off);
	*rest_out = req->input;
	sh_buf_init(&req->input, SIZE_MAX);
	req->input_off = 0;
	/* what it has not taken is the new session's */
	req->feed = NULL;
	sh_conn_set_session(req->conn, session);
	return 0;
}
