/*
 * This program is a TCP server on 127.0.0.1:9501 in callback style whose
 * callbacks wait: on_connect connects to Redis, takes five seconds and notes
 * that the client has come; on_receive reads that note. However fast the client
 * is, the note is there: no callback of a connection begins before the one
 * before it has returned, waits and all.
 *
 * Redis is expected on 127.0.0.1:6379, or where REDIS_ADDRESS says.
 */
#include <stdio.h>
#include <stdlib.h>

#include <shoal/shoal.h>

/* A connection to Redis of our own; NULL when there is none. */
static struct shoal_redis *
open_redis(void)
{
	const char *address = getenv("REDIS_ADDRESS");
	struct shoal_redis *redis = NULL;
	int r;

	/* the coroutine waits here */
	r = shoal_co_redis_connect(
	    address != NULL ? address : "127.0.0.1:6379", NULL, 2000, &redis);
	if (r < 0)
		printf("Redis: %s.\n", shoal_strerror(r));
	return redis;
}

static void
on_connect(struct shoal_conn *conn, void *arg)
{
	struct shoal_redis *redis = open_redis();
	unsigned long long id = shoal_conn_id(conn);

	(void)arg;
	if (redis == NULL)
		return;
	shoal_co_sleep(5000); /* as if connecting took long */
	shoal_co_redis_command(
	    redis, NULL, "SET %llu %s%llu%s", id, "fd ", id, " connecté");
	shoal_redis_free(&redis);
}

/* What Redis knows of the client. */
static void
print_note(struct shoal_redis *redis, unsigned long long id)
{
	struct shoal_redis_reply *reply = NULL;
	int r;

	r = shoal_co_redis_command(redis, &reply, "GET %llu", id);
	if (r < 0)
		printf("Redis: %s.\n", shoal_strerror(r));
	else if (reply->type == SHOAL_REDIS_STRING)
		printf("string(%zu) \"%s\"\n", reply->len, reply->text);
	else
		printf("bool(false)\n");
	shoal_redis_reply_free(&reply);
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct shoal_redis *redis = open_redis();

	(void)data;
	(void)len;
	(void)arg;
	if (redis != NULL)
		print_note(redis, shoal_conn_id(conn));
	shoal_redis_free(&redis);
}

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
