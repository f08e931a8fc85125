/*
 * This program is a pool of two processes, each with a server in coroutine style
 * on 127.0.0.1:9501, in one small main(). It answers every message with
 * "hello" and takes its time. kill -HUP replaces the processes one by one, and
 * no client notices; kill -TERM ends them in good order.
 */
#include <stdio.h>
#include <string.h>

#include <shoal/shoal.h>

/* Runs once for each client, on a coroutine of its own. */
static void
serve(struct shoal_conn *conn, void *arg)
{
	const void *data;
	ssize_t len;

	(void)arg;
	while ((len = shoal_co_recv(conn, &data, 1000)) > 0) {
		shoal_co_send(conn, "hello", strlen("hello"), SHOAL_FOREVER);
		shoal_co_sleep(1000);
	}
	printf(
	    "errCode: %d, errMsg: %s\n", (int)-len, shoal_strerror((int)len));
}

/* Waits for the parent's word. */
static void
wait_for_end(struct shoal_pool_worker *worker)
{
	struct shoal_pool_message message;

	while (shoal_pool_worker_receive(worker, &message, 0) != 0)
		shoal_co_wait_fd(shoal_pool_worker_fd(worker), SHOAL_READABLE,
		    SHOAL_FOREVER);
}

/* The life of a process: its first coroutine. */
static void
run(void *arg)
{
	struct shoal_pool_worker *worker = arg;
	const struct shoal_service_options options = {
		.size = sizeof(options),
		.listen_fd = shoal_pool_worker_listen_fd(worker, 0),
		.serve = serve,
	};
	struct shoal_service *service;

	if (shoal_service_open(&options, &service) < 0)
		return;
	wait_for_end(worker);
	/* clients that are there have their second to finish */
	shoal_service_stop(service, 0, 1000);
	shoal_co_service_wait(service, SHOAL_FOREVER);
	shoal_co_service_free(&service);
}

static int
work(struct shoal_pool_worker *worker, void *arg)
{
	(void)arg;
	return shoal_run(run, worker) < 0;
}

int
main(void)
{
	const struct shoal_pool_options options = {
		.size = sizeof(options),
		.workers = 2,
		.main = work,
	};
	struct shoal_pool *pool;
	int r;

	setvbuf(stdout, NULL, _IOLBF, 0);
	r = shoal_pool_new(&options, &pool);
	if (r == 0)
		r = shoal_pool_listen(pool, "127.0.0.1:9501", 0);
	if (r >= 0)
		r = shoal_pool_run(pool);
	if (r < 0)
		fprintf(stderr, "pool_server: %s\n", shoal_strerror(r));
	shoal_pool_free(&pool);
	return r < 0;
}
