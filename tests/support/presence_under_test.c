/*
 * This file is the module that the black-box tests of connections by number and of
 * members load. A request's path says what to do: /send, /close, /members, /count,
 * /publish; its answer is what came of it. WebSockets at /join and the connections of
 * the TCP handler are first told their number and their worker's process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <shoal/shoal.h>

static const char *
param(struct shoal_request *req, const char *name, const char *otherwise)
{
	const char *text = shoal_request_param(req, name);

	return text != NULL ? text : otherwise;
}

static uint64_t
wanted_id(struct shoal_request *req)
{
	return strtoull(param(req, "id", "0"), NULL, 10);
}

static void
answer_members(struct shoal_request *req, const char *topic, int timeout_ms)
{
	struct shoal_topic_members *members;
	int r = shoal_co_topic_members(topic, timeout_ms, &members);
	size_t i, len;
	char *text;

	if (r < 0) {
		shoal_response_printf(req, "%s\n", shoal_strerror(r));
		return;
	}
	text = malloc(64 + members->len * 300);
	len =
	    (size_t)sprintf(text, "%llu %s", (unsigned long long)members->count,
		members->complete ? "all" : "some");
	for (i = 0; i < members->len; i++)
		len += (size_t)sprintf(text + len, " %s:%llu",
		    members->list[i].name,
		    (unsigned long long)members->list[i].id);
	shoal_topic_members_free(&members);
	shoal_response_send(req, text, len);
	free(text);
}

static void
answer(struct shoal_request *req, void *arg)
{
	const char *path = shoal_request_path(req);
	const char *topic = param(req, "topic", "");
	const char *text = param(req, "text", "");
	bool binary = shoal_request_param(req, "binary") != NULL;
	enum shoal_ws_type type = binary ? SHOAL_WS_BINARY : SHOAL_WS_TEXT;
	int timeout_ms = atoi(param(req, "timeout", "10000"));
	uint64_t count = 0;
	int r = 0;

	if (strcmp(path, "/members") == 0) {
		answer_members(req, topic, timeout_ms);
		return;
	}
	if (strcmp(path, "/send") == 0)
		r = shoal_send(wanted_id(req), type, text, strlen(text));
	else if (strcmp(path, "/long") == 0) {
		size_t len = (size_t)atol(param(req, "len", "0"));
		char *data = calloc(1, len + 1);

		memset(data, 'x', len);
		r = shoal_send(wanted_id(req), type, data, len);
		free(data);
	} else if (strcmp(path, "/close") == 0)
		r = shoal_close(
		    wanted_id(req), atoi(param(req, "code", "1000")), text);
	else if (strcmp(path, "/publish") == 0)
		r = shoal_co_publish(
		    topic, type, text, strlen(text), NULL, timeout_ms);
	else if (strcmp(path, "/count") == 0)
		r = shoal_co_topic_count(topic, timeout_ms, &count);
	if (r < 0)
		shoal_response_printf(req, "%s", shoal_strerror(r));
	else
		shoal_response_printf(
		    req, "%d %llu", (int)getpid(), (unsigned long long)count);
}

static void
join(struct shoal_request *req, void *arg)
{
	struct shoal_subscribe_options options = { .size = sizeof(options),
		.member = shoal_request_param(req, "name") };
	const char *topic = shoal_request_param(req, "topic");
	const struct shoal_message *msg;
	char wanted[SHOAL_TOPIC_MAX + 1] = "", name[256];
	struct shoal_ws *ws;

	if (options.member != NULL) {
		snprintf(name, sizeof(name), "%s", options.member);
		options.member = name;
	}
	if (topic != NULL)
		snprintf(wanted, sizeof(wanted), "%s", topic);
	ws = shoal_co_ws_upgrade(req, NULL);
	if (ws == NULL)
		return;
	if (wanted[0] != '\0')
		shoal_ws_subscribe(ws, wanted, &options);
	shoal_co_ws_printf(
	    ws, "%llu %d", (unsigned long long)shoal_ws_id(ws), (int)getpid());
	while (shoal_co_ws_recv(ws, &msg, SHOAL_FOREVER) > 0)
		continue;
}

static void
serve(struct shoal_conn *conn, void *arg)
{
	const void *data;

	shoal_co_printf(conn, "%llu %d\r\n",
	    (unsigned long long)shoal_conn_id(conn), (int)getpid());
	while (shoal_co_recv(conn, &data, SHOAL_FOREVER) > 0)
		continue;
}

static const struct shoal_handler answering = {
	.size = sizeof(struct shoal_handler),
	.name = "answer",
	.request = answer,
};
static const struct shoal_handler joining = {
	.size = sizeof(struct shoal_handler),
	.name = "join",
	.request = join,
};
static const struct shoal_handler serving = {
	.size = sizeof(struct shoal_handler),
	.name = "serve",
	.serve = serve,
};
static const struct shoal_handler *const handlers[] = { &answering, &joining,
	&serving, NULL };

/* Blocks its worker while there is a file. */
static int
start(const struct shoal_settings *settings)
{
	const char *barrier = getenv("WHO_BARRIER");

	while (barrier != NULL && access(barrier, F_OK) == 0)
		usleep(1000);
	return 0;
}

SHOAL_MODULE(.name = "who", .version = "1.0", .handlers = handlers,
    .worker_start = start);
