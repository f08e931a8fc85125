/*
 * This program starts a service in coroutine style, stops it and starts it
 * again, in one process: what a client sees is that its answer comes later.
 * Then it ends the service and itself.
 */
#include <stdio.h>
#include <string.h>

#include <shoal/shoal.h>

/* Answers one message, and ends. */
static void
serve(struct shoal_conn *conn, void *arg)
{
	const void *data;
	ssize_t len = shoal_co_recv(conn, &data, SHOAL_FOREVER);

	(void)arg;
	if (len > 0)
		shoal_co_printf(
		    conn, "Server: %.*s", (int)len, (const char *)data);
}

/* A client of our own; says how its question was answered. */
static void
ask(void *arg)
{
	struct shoal_sock *sock;
	const char *address = arg;
	char answer[64];
	ssize_t len;
	int r;

	r = shoal_co_sock_connect(address, NULL, 1000, &sock);
	if (r < 0) {
		printf("Client: %s.\n", shoal_strerror(r));
		return;
	}
	shoal_co_sock_send(sock, "hello", strlen("hello"), 1000);
	len = shoal_co_sock_recv(sock, answer, sizeof(answer), 5000);
	if (len > 0)
		printf("Client: %.*s\n", (int)len, answer);
	shoal_sock_close(&sock);
}

static void
run(void *arg)
{
	const struct shoal_service_options options = {
		.size = sizeof(options),
		.address = "127.0.0.1:0",
		.serve = serve,
	};
	char address[SHOAL_ADDRESS_MAX];
	struct shoal_service *service;
	int64_t client;
	int *status = arg;

	*status = shoal_service_open(&options, &service);
	if (*status < 0)
		return;
	shoal_service_address(service, address, sizeof(address));
	ask(address);

	shoal_service_stop(service, 0, SHOAL_FOREVER);
	printf("Stopped.\n");
	client = shoal_co_start(ask, address, "client");
	shoal_co_sleep(100);
	printf("Start again.\n");
	shoal_service_start(service);
	shoal_co_join(client, SHOAL_FOREVER);

	shoal_service_stop(service, SHOAL_SERVICE_CLOSE, SHOAL_FOREVER);
	printf("Closed.\n");
	ask(address);
	shoal_service_start(service);
	printf("Open again.\n");
	ask(address);
	shoal_co_service_free(&service);
}

int
main(void)
{
	int status = 0, r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	r = shoal_run(run, &status);
	return r < 0 || status < 0;
}
