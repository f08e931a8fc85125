/*
 * This file is the module that the black-box tests of histories load: a WebSocket
 * whose client says what to subscribe, publish and read.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <shoal/shoal.h>

/* "m topic epoch offset replayed text", or "g topic". */
static ssize_t
render(
    const struct shoal_topic_message *message, char *buf, size_t cap, void *arg)
{
	if (message->event == SHOAL_TOPIC_GAP)
		return snprintf(buf, cap, "g %s", message->topic);
	return snprintf(buf, cap, "m %s %llu %llu %d %.*s", message->topic,
	    (unsigned long long)message->epoch,
	    (unsigned long long)message->offset, message->replayed,
	    (int)message->len, message->data);
}

/* "S topic replay resume epoch offset" */
static int
subscribe(struct shoal_ws *ws, const char *text)
{
	struct shoal_subscribe_options options = {
		.size = sizeof(options),
		.render = render,
	};
	unsigned long long epoch = 0, offset = 0;
	long long replay = 0;
	char topic[64];
	int resume = 0;

	sscanf(text, "%63s %lld %d %llu %llu", topic, &replay, &resume, &epoch,
	    &offset);
	options.replay = replay;
	options.resume = resume != 0;
	options.epoch = epoch;
	options.offset = offset;
	return shoal_ws_subscribe(ws, topic, &options);
}

/* "P topic text" */
static int
publish(const char *text)
{
	const char *end = strchr(text, ' ');
	char topic[64];

	snprintf(topic, sizeof(topic), "%.*s", (int)(end - text), text);
	return shoal_co_publish(topic, SHOAL_WS_TEXT, end + 1, strlen(end + 1),
	    NULL, SHOAL_FOREVER);
}

/* "H topic epoch offset max": "h result epoch offset gap text text ..." */
static void
tell_history(struct shoal_ws *ws, const char *text)
{
	struct shoal_topic_messages *messages = NULL;
	unsigned long long epoch = 0, offset = 0, max = 0;
	char topic[64], answer[8192];
	size_t i;
	int n, r;

	sscanf(text, "%63s %llu %llu %llu", topic, &epoch, &offset, &max);
	r = shoal_co_topic_history(
	    topic, epoch, offset, (size_t)max, 10000, &messages);
	if (r < 0) {
		shoal_co_ws_printf(ws, "h %d", r);
		return;
	}
	n = snprintf(answer, sizeof(answer), "h 0 %llu %llu %d",
	    (unsigned long long)messages->epoch,
	    (unsigned long long)messages->offset, messages->gap);
	/* what is long is cut */
	for (i = 0; i < messages->len && n < (int)sizeof(answer) - 80; i++)
		n += snprintf(answer + n, sizeof(answer) - (size_t)n, " %.64s",
		    messages->list[i].data);
	shoal_topic_messages_free(&messages);
	shoal_co_ws_send(ws, SHOAL_WS_TEXT, answer, (size_t)n, SHOAL_FOREVER);
}

static void
serve(struct shoal_request *req, void *arg)
{
	struct shoal_ws *ws = shoal_co_ws_upgrade(req, NULL);
	const struct shoal_message *message;

	if (ws == NULL)
		return;
	shoal_co_ws_printf(ws, "w %d", (int)getpid());
	while (shoal_co_ws_recv(ws, &message, SHOAL_FOREVER) > 0) {
		const char *text = message->data;

		if (text[0] == 'S')
			shoal_co_ws_printf(ws, "s %d", subscribe(ws, text + 2));
		else if (text[0] == 'P')
			shoal_co_ws_printf(ws, "p %d", publish(text + 2));
		else
			tell_history(ws, text + 2);
	}
}

static const struct shoal_handler handler = {
	.size = sizeof(struct shoal_handler),
	.name = "serve",
	.doc = "subscribes, publishes and reads as its client says",
	.request = serve,
};
static const struct shoal_handler *const handlers[] = { &handler, NULL };

SHOAL_MODULE(.name = "historian", .version = "1.0", .handlers = handlers);
