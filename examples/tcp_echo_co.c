/*
 * This program is a TCP server on 127.0.0.1:9501 in coroutine style: the whole
 * life of a connection is one function. It says when a client comes and goes,
 * and answers "hello" with "Server: hello".
 */
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>

#include <shoal/shoal.h>

/* Runs once for each client, on a coroutine of its own. */
static void
serve(struct shoal_conn *conn, void *arg)
{
	static const char prefix[] = "Server: ";
	const void *data;
	ssize_t len;

	(void)arg;
	printf("Client: Connect.\n");
	while ((len = shoal_co_recv(conn, &data, SHOAL_FOREVER)) > 0) {
		const struct iovec parts[] = {
			{ (void *)prefix, strlen(prefix) },
			{ (void *)data, (size_t)len },
		};

		/* waits for a client that does not read its answers */
		if (shoal_co_sendv(conn, parts, 2, SHOAL_FOREVER) < 0)
			break;
	}
	/* the return closes the connection, once all is sent */
	printf("Client: Close.\n");
}

int
main(int argc, char **argv)
{
	struct shoal_server *server = shoal_server_new();
	int status;

	if (server == NULL ||
	    shoal_server_serve(server, "127.0.0.1:9501", NULL, serve, NULL) < 0)
		return 1;
	/* whole lines, at once, from every worker */
	setvbuf(stdout, NULL, _IOLBF, 0);
	status = shoal_main(server, argc, argv);
	shoal_server_free(&server);
	return status;
}
