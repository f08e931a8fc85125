/*
 * This program is a TCP server on 127.0.0.1:9501. It says when a client comes
 * and goes, and answers "hello" with "Server: hello".
 */
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include <shoal/shoal.h>

/* A client has connected. */
static void
on_connect(struct shoal_conn *conn, void *arg)
{
	(void)conn;
	(void)arg;
	printf("Client: Connect.\n");
}

/* It has sent something: any bytes, so they are not a format or a string. */
static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	static const char prefix[] = "Server: ";
	const struct iovec parts[] = {
		{ (void *)prefix, strlen(prefix) },
		{ (void *)data, len },
	};

	(void)arg;
	shoal_conn_sendv(conn, parts, 2);

	/* a client that does not read its answers has to wait for them */
	if (shoal_conn_is_full(conn))
		shoal_conn_pause(conn);
}

/* It has read enough of its answers. */
static void
on_writable(struct shoal_conn *conn, void *arg)
{
	(void)arg;
	shoal_conn_resume(conn);
}

/* It has gone. */
static void
on_close(
    struct shoal_conn *conn, enum shoal_close_cause cause, int error, void *arg)
{
	(void)conn;
	(void)cause;
	(void)error;
	(void)arg;
	printf("Client: Close.\n");
}

int
main(int argc, char **argv)
{
	static const struct shoal_tcp_callbacks callbacks = {
		.size = sizeof(callbacks),
		.on_connect = on_connect,
		.on_receive = on_receive,
		.on_writable = on_writable,
		.on_close = on_close,
	};
	struct shoal_server *server = shoal_server_new();
	int status;

	if (server == NULL ||
	    shoal_server_listen(server, "127.0.0.1:9501", &callbacks, NULL) < 0)
		return 1;
	/* whole lines, at once, from every worker */
	setvbuf(stdout, NULL, _IOLBF, 0);
	status = shoal_main(server, argc, argv);
	shoal_server_free(&server);
	return status;
}
