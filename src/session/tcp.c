/* This file is raw TCP in callback style. */
#include "config.h"

#include "session/tcp.h"

#include "base/attr.h"
#include "co/co.h"
#include "io/group.h"

/* One call of a handler, on its way to a coroutine. */
struct call {
	const struct sh_tcp *tcp;
	struct shoal_conn *conn;
	const void *data;
	size_t len;
	enum shoal_close_cause cause;
	int error;
};

const struct sh_tcp *
sh_tcp_of(const struct sh_conn *conn)
{
	return sh_group_owner(sh_conn_group(conn));
}

static struct call
make_call(struct sh_conn *conn)
{
	return (struct call){ .tcp = sh_tcp_of(conn),
		.conn = sh_conn_to_public(conn) };
}

static void
run(struct call *call, sh_co_fn *fn)
{
	const struct sh_tcp *tcp = call->tcp;

	sh_co_call(tcp->coroutines, fn, call, tcp->handler);
}

static void
run_connect(void *arg)
{
	struct call *call = arg;

	call->tcp->callbacks.on_connect(call->conn, call->tcp->arg);
}

static void
run_receive(void *arg)
{
	struct call *call = arg;

	call->tcp->callbacks.on_receive(
	    call->conn, call->data, call->len, call->tcp->arg);
}

static void
run_writable(void *arg)
{
	struct call *call = arg;

	call->tcp->callbacks.on_writable(call->conn, call->tcp->arg);
}

static void
run_close(void *arg)
{
	struct call *call = arg;

	call->tcp->callbacks.on_close(
	    call->conn, call->cause, call->error, call->tcp->arg);
}

static void
connected(struct sh_conn *conn)
{
	struct call call = make_call(conn);

	if (call.tcp->callbacks.on_connect != NULL)
		run(&call, run_connect);
}

static void
received(struct sh_conn *conn, const void *data, size_t len)
{
	struct call call = make_call(conn);

	call.data = data;
	call.len = len;
	run(&call, run_receive);
}

static void
writable(struct sh_conn *conn)
{
	struct call call = make_call(conn);

	if (call.tcp->callbacks.on_writable != NULL)
		run(&call, run_writable);
}

static void
closed(struct sh_conn *conn, enum shoal_close_cause cause, int error)
{
	struct call call = make_call(conn);

	call.cause = cause;
	call.error = error;
	if (call.tcp->callbacks.on_close != NULL)
		run(&call, run_close);
}

const struct sh_conn_ops *
sh_tcp_ops(void)
{
	static const struct sh_conn_ops ops = {
		.connected = connected,
		.received = received,
		.writable = writable,
		.closed = closed,
	};

	return &ops;
}
