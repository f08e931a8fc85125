/*
 * This file is the module that b_topics.py loads: connections of every sort do what
 * a line of text says, and answer "ok RESULT".
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <shoal/shoal.h>

/* Whom a command is of; one of the two. */
struct from {
	struct shoal_conn *conn;
	struct shoal_ws *ws;
};

/* How often a message was rendered, in this worker. */
static int rendered;

static ssize_t
render(
    const struct shoal_topic_message *message, char *buf, size_t cap, void *arg)
{
	rendered++;
	if (message->event == SHOAL_TOPIC_GAP)
		return snprintf(buf, cap, "gap %s\n", message->topic);
	return snprintf(buf, cap, "%s=%s %s\n", message->topic, message->data,
	    message->from != 0 ? "from one" : "from none");
}

static uint64_t
id_of(const struct from *from)
{
	return from->ws != NULL ? shoal_ws_id(from->ws)
				: shoal_conn_id(from->conn);
}

static int
subscribe(const struct from *from, const char *filter, bool plain, bool close)
{
	const struct shoal_subscribe_options options = {
		.size = sizeof(options),
		.render = plain ? NULL : render,
		.close_on_gap = close,
	};

	return from->ws != NULL
	    ? shoal_ws_subscribe(from->ws, filter, &options)
	    : shoal_conn_subscribe(from->conn, filter, &options);
}

static int
unsubscribe(const struct from *from, const char *filter)
{
	return from->ws != NULL ? shoal_ws_unsubscribe(from->ws, filter)
				: shoal_conn_unsubscribe(from->conn, filter);
}

static int
publish(const struct from *from, const char *text, bool not_to_sender)
{
	const struct shoal_publish_options options = { .size = sizeof(options),
		.from = id_of(from),
		.not_to_sender = not_to_sender };
	char topic[256];
	size_t len = strcspn(text, " ");
	const char *data = text + len + (text[len] == ' ');

	snprintf(topic, sizeof(topic), "%.*s", (int)len, text);
	return shoal_publish(
	    topic, SHOAL_WS_TEXT, data, strlen(data), &options);
}

/* "COUNT SIZE TOPIC": from a coroutine, without a sender. */
static int
flood(const char *text)
{
	static char data[1 << 16];
	char topic[256] = "";
	int count = 0, size = 0, i, r = 0;

	/* what came is not there any more after a wait */
	sscanf(text, "%d %d %255s", &count, &size, topic);
	memset(data, 'x', sizeof(data));
	for (i = 0; i < count && r == 0; i++)
		r = shoal_co_publish(
		    topic, SHOAL_WS_TEXT, data, (size_t)size, NULL, 20000);
	return r;
}

static int
is(const char *text, const char *word, const char **rest)
{
	size_t len = strlen(word);

	*rest = text + len;
	return strncmp(text, word, len) == 0;
}

static int
obey(const struct from *from, const char *text)
{
	const char *rest;

	if (is(text, "plain ", &rest))
		return subscribe(from, rest, true, false);
	if (is(text, "subscribe ", &rest))
		return subscribe(from, rest, false, false);
	if (is(text, "brittle ", &rest))
		return subscribe(from, rest, false, true);
	if (is(text, "unsubscribe ", &rest))
		return unsubscribe(from, rest);
	if (is(text, "publish ", &rest))
		return publish(from, rest, false);
	if (is(text, "others ", &rest))
		return publish(from, rest, true);
	if (is(text, "flood ", &rest))
		return flood(rest);
	if (is(text, "count ", &rest))
		return (int)shoal_topic_local_count(rest);
	if (is(text, "rendered", &rest))
		return rendered;
	return -SHOAL_EINVAL;
}

/* --- TCP ---------------------------------------------------------------------- */

static void
answer_packet(struct shoal_conn *conn, const void *data, size_t len)
{
	const struct from from = { .conn = conn };
	char text[400];
	int r;

	snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)data);
	text[strcspn(text, "\n")] = '\0';
	r = obey(&from, text);
	shoal_conn_printf(conn, "ok %d\n", r);
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	answer_packet(conn, data, len);
}

static void
serve(struct shoal_conn *conn, void *arg)
{
	const void *data;
	ssize_t n;

	while ((n = shoal_co_recv_packet(conn, &data, SHOAL_FOREVER)) > 0)
		answer_packet(conn, data, (size_t)n);
}

static const struct shoal_framing lines = {
	.size = sizeof(struct shoal_framing),
	.type = SHOAL_FRAMING_TERMINATOR,
	.terminator = "\n",
	.terminator_len = 1,
};

/* --- WebSocket ------------------------------------------------------------------ */

static void
on_message(struct shoal_ws *ws, const struct shoal_message *message, void *arg)
{
	const struct from from = { .ws = ws };
	int r = obey(&from, message->data);

	shoal_ws_printf(ws, "ok %d\n", r);
}

static const struct shoal_ws_callbacks callbacks = {
	.size = sizeof(callbacks),
	.on_message = on_message,
};

static void
call_ws(struct shoal_request *req, void *arg)
{
	shoal_ws_serve(req, NULL, &callbacks, NULL);
}

static void
serve_ws(struct shoal_request *req, void *arg)
{
	struct shoal_ws *ws = shoal_co_ws_upgrade(req, NULL);
	const struct shoal_message *message;

	while (ws != NULL && shoal_co_ws_recv(ws, &message, SHOAL_FOREVER) > 0)
		on_message(ws, message, NULL);
}

/* --- the program's own ------------------------------------------------------------ */

static struct shoal_subscriber *subscriber;

/* What is said to "ask" is answered to "answer". */
static void
on_ask(const struct shoal_topic_message *message, void *arg)
{
	shoal_co_sleep(1);
	shoal_co_publish("answer", message->type, message->data, message->len,
	    NULL, SHOAL_FOREVER);
}

static int
start(const struct shoal_settings *settings)
{
	const struct shoal_subscriber_options options = {
		.size = sizeof(options), .on_message = on_ask
	};

	subscriber = shoal_subscriber_new(&options);
	return subscriber != NULL
	    ? shoal_subscriber_add(subscriber, "ask", NULL)
	    : -SHOAL_ENOMEM;
}

static void
stop(void)
{
	shoal_subscriber_free(&subscriber);
}

static const struct shoal_handler called = {
	.size = sizeof(struct shoal_handler),
	.name = "call",
	.tcp = { .size = sizeof(struct shoal_tcp_callbacks),
	    .on_receive = on_receive },
	.framing = &lines,
	.request = call_ws,
};
static const struct shoal_handler served = {
	.size = sizeof(struct shoal_handler),
	.name = "serve",
	.serve = serve,
	.framing = &lines,
	.request = serve_ws,
};
static const struct shoal_handler *const handlers[] = { &called, &served,
	NULL };

SHOAL_MODULE(.name = "topics", .version = "1.0", .handlers = handlers,
    .worker_start = start, .worker_stop = stop);
