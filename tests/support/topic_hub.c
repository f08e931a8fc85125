/*
 * This file is the module that the black-box tests of topics load: a WebSocket that
 * subscribes and publishes as its client says, see topic_clients.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <shoal/shoal.h>

/* What was published as it is, and gaps as "g filter". */
static ssize_t
render(
    const struct shoal_topic_message *message, char *buf, size_t cap, void *arg)
{
	if (message->event == SHOAL_TOPIC_GAP)
		return snprintf(buf, cap, "g %s", message->topic);
	if (message->len <= cap)
		memcpy(buf, message->data, message->len);
	return (ssize_t)message->len;
}

/* "S<flags> filter": `r' to be told of gaps, `c' to be closed by one. */
static int
subscribe(struct shoal_ws *ws, const char *flags, const char *filter)
{
	struct shoal_subscribe_options options = { .size = sizeof(options) };
	size_t count = strcspn(flags, " ");
	int r;

	if (memchr(flags, 'r', count) != NULL)
		options.render = render;
	options.close_on_gap = memchr(flags, 'c', count) != NULL;
	r = shoal_ws_subscribe(ws, filter, &options);
	return r < 0 ? r : shoal_co_topic_settle(10000);
}

/* "P<flags> topic\ncontent": `n' not to the sender. */
static int
publish(
    struct shoal_ws *ws, const char *flags, const char *topic, const char *end)
{
	struct shoal_publish_options options = { .size = sizeof(options),
		.from = shoal_ws_id(ws) };
	const char *content = memchr(topic, '\n', (size_t)(end - topic));
	char name[SHOAL_TOPIC_MAX + 1];

	if (content == NULL || (size_t)(content - topic) >= sizeof(name))
		return -SHOAL_EINVAL;
	snprintf(name, sizeof(name), "%.*s", (int)(content - topic), topic);
	content++;
	options.not_to_sender = memchr(flags, 'n', strcspn(flags, " ")) != NULL;
	return shoal_co_publish(name, SHOAL_WS_TEXT, content,
	    (size_t)(end - content), &options, SHOAL_FOREVER);
}

static void
obey(struct shoal_ws *ws, const char *text, size_t len)
{
	char filter[SHOAL_TOPIC_MAX + 1];
	const char *rest = memchr(text, ' ', len);
	int r;

	if (rest == NULL)
		return;
	rest++;
	if (text[0] == 'P') {
		r = publish(ws, text + 1, rest, text + len);
		shoal_co_ws_printf(ws, "p %d", r);
		return;
	}
	snprintf(
	    filter, sizeof(filter), "%.*s", (int)(text + len - rest), rest);
	if (text[0] == 'S') {
		r = subscribe(ws, text + 1, filter);
		shoal_co_ws_printf(ws, "s %d %s", r, filter);
	} else {
		r = shoal_ws_unsubscribe(ws, filter);
		shoal_co_ws_printf(ws, "u %d %s", r, filter);
	}
}

static void
hub(struct shoal_request *req, void *arg)
{
	struct shoal_ws *ws = shoal_co_ws_upgrade(req, NULL);
	const struct shoal_message *message;

	if (ws == NULL)
		return;
	shoal_co_ws_printf(ws, "w %d", (int)getpid());
	while (shoal_co_ws_recv(ws, &message, SHOAL_FOREVER) > 0)
		obey(ws, message->data, message->len);
}

static const struct shoal_handler handler = {
	.size = sizeof(struct shoal_handler),
	.name = "hub",
	.doc = "subscribes and publishes as its client says",
	.request = hub,
};
static const struct shoal_handler *const handlers[] = { &handler, NULL };

SHOAL_MODULE(.name = "hub", .version = "1.0", .handlers = handlers);
