/*
 * This file is the same echo server in both styles of libshoal: a program whose
 * handlers `echo_callback' and `echo_coroutine' a configuration file names. It
 * holds a peer that does not read back, as the built-in echo does, and measures
 * nothing.
 */
#include <stdlib.h>

#include <shoal/shoal.h>

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	if (shoal_conn_send(conn, data, len) == -SHOAL_ENOMEM) {
		shoal_conn_abort(conn);
		return;
	}
	/* never refused: reading stops before the queue is over the mark */
	if (shoal_conn_is_full(conn))
		shoal_conn_pause(conn);
}

static void
on_writable(struct shoal_conn *conn, void *arg)
{
	shoal_conn_resume(conn);
}

static void
serve(struct shoal_conn *conn, void *arg)
{
	const void *data;
	ssize_t len;

	while ((len = shoal_co_recv(conn, &data, SHOAL_FOREVER)) > 0)
		if (shoal_co_send(conn, data, (size_t)len, SHOAL_FOREVER) < 0)
			break;
}

static const struct shoal_handler echo_callback = {
	.size = sizeof(struct shoal_handler),
	.name = "echo_callback",
	.doc = "sends back what it receives, in callback style",
	.tcp = {
		.size = sizeof(struct shoal_tcp_callbacks),
		.on_receive = on_receive,
		.on_writable = on_writable,
	},
};

static const struct shoal_handler echo_coroutine = {
	.size = sizeof(struct shoal_handler),
	.name = "echo_coroutine",
	.doc = "sends back what it receives, in coroutine style",
	.serve = serve,
};

int
main(int argc, char **argv)
{
	struct shoal_server *server = shoal_server_new();
	int status;

	if (server == NULL ||
	    shoal_server_add_handler(server, &echo_callback) < 0 ||
	    shoal_server_add_handler(server, &echo_coroutine) < 0)
		return EXIT_FAILURE;
	status = shoal_main(server, argc, argv);
	shoal_server_free(&server);
	return status;
}
