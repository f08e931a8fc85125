/*
 * This file is libwebsockets' answer to the same: it echoes messages and
 * answers every GET with one body. An echo that can be sent is sent at once, in
 * the callback that received it; others wait for their turn. It measures
 * nothing.
 */
#include "config.h"

#include <libwebsockets.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	LIFETIME_S = 600,
	BUFFER = 256 * 1024, /* so that a message comes in one piece, mostly */
	MESSAGE_MAX = 16 * 1024 * 1024,
	ANSWER_MAX = 4096
};

/* A message, whole or not yet, with room in front for what lws puts there. */
struct message {
	struct message *next;
	size_t len, cap;
	enum lws_write_protocol type;
	unsigned char data[];
};

struct session {
	struct message *coming;             /* fragments of one */
	struct message *first, **last_next; /* whole, to be sent */
};

static struct lws_context *context;
static const char *body;
static volatile sig_atomic_t stopped;

static struct message *
grow(struct message *message, size_t more)
{
	size_t cap = message == NULL ? 0 : message->cap;
	size_t len = message == NULL ? 0 : message->len;

	if (message != NULL && len + more <= cap)
		return message;
	if (len + more > MESSAGE_MAX)
		return NULL;
	cap = len + more > 2 * cap ? len + more : 2 * cap;
	message = realloc(message, sizeof(*message) + LWS_PRE + cap);
	if (message == NULL)
		return NULL;
	message->next = NULL;
	message->len = len;
	message->cap = cap;
	return message;
}

static int
write_message(struct lws *wsi, struct message *message)
{
	int n = lws_write(
	    wsi, message->data + LWS_PRE, message->len, message->type);

	return n < (int)message->len ? -1 : 0;
}

/* Send it now, or keep it. */
static int
answer(struct lws *wsi, struct session *session)
{
	struct message *message = session->coming;
	int rc;

	session->coming = NULL;
	message->type =
	    lws_frame_is_binary(wsi) ? LWS_WRITE_BINARY : LWS_WRITE_TEXT;
	if (session->first != NULL || lws_send_pipe_choked(wsi)) {
		*session->last_next = message;
		session->last_next = &message->next;
		lws_callback_on_writable(wsi);
		return 0;
	}
	rc = write_message(wsi, message);
	free(message);
	return rc;
}

static int
on_receive(struct lws *wsi, struct session *session, const void *data, size_t n)
{
	struct message *message = grow(session->coming, n);

	if (message == NULL)
		return -1;
	memcpy(message->data + LWS_PRE + message->len, data, n);
	message->len += n;
	session->coming = message;
	if (!lws_is_final_fragment(wsi) ||
	    lws_remaining_packet_payload(wsi) > 0)
		return 0;
	return answer(wsi, session);
}

static int
on_writable(struct lws *wsi, struct session *session)
{
	struct message *message = session->first;
	int rc;

	if (message == NULL)
		return 0;
	rc = write_message(wsi, message);
	session->first = message->next;
	if (session->first == NULL)
		session->last_next = &session->first;
	else
		lws_callback_on_writable(wsi);
	free(message);
	return rc;
}

static void
on_close(struct session *session)
{
	struct message *message;

	free(session->coming);
	while ((message = session->first) != NULL) {
		session->first = message->next;
		free(message);
	}
}

static int
on_request(struct lws *wsi)
{
	unsigned char buf[LWS_PRE + ANSWER_MAX], *begin = buf + LWS_PRE;
	unsigned char *at = begin, *end = buf + sizeof(buf);
	size_t len = strlen(body);

	if (lws_add_http_common_headers(
		wsi, HTTP_STATUS_OK, "text/plain", len, &at, end) != 0 ||
	    lws_finalize_http_header(wsi, &at, end) != 0 ||
	    len > (size_t)(end - at))
		return -1;
	/* head and body at once, or it were two system calls */
	memcpy(at, body, len);
	len += (size_t)(at - begin);
	if (lws_write(wsi, begin, len, LWS_WRITE_HTTP_HEADERS) != (int)len)
		return -1;
	return lws_http_transaction_completed(wsi) != 0 ? -1 : 0;
}

static int
on_event(struct lws *wsi, enum lws_callback_reasons reason, void *user,
    void *in, size_t len)
{
	struct session *session = user;

	switch (reason) {
	case LWS_CALLBACK_HTTP: return on_request(wsi);
	case LWS_CALLBACK_ESTABLISHED:
		session->last_next = &session->first;
		return 0;
	case LWS_CALLBACK_RECEIVE: return on_receive(wsi, session, in, len);
	case LWS_CALLBACK_SERVER_WRITEABLE: return on_writable(wsi, session);
	case LWS_CALLBACK_CLOSED: on_close(session); return 0;
	default: return lws_callback_http_dummy(wsi, reason, user, in, len);
	}
}

static void
on_stop_signal(int signo)
{
	stopped = 1;
	lws_cancel_service(context);
}

static struct lws_vhost *
open_host(int port)
{
	static const struct lws_protocols protocols[] = {
		{ "web", on_event, sizeof(struct session), BUFFER, 0, NULL, 0 },
		{ NULL, NULL, 0, 0, 0, NULL, 0 },
	};
	struct lws_context_creation_info info;

	memset(&info, 0, sizeof(info));
	info.port = port;
	info.iface = "127.0.0.1";
	info.protocols = protocols;
	info.options = LWS_SERVER_OPTION_EXPLICIT_VHOSTS;
	info.pt_serv_buf_size = BUFFER;
	info.keepalive_timeout = LIFETIME_S;
	context = lws_create_context(&info);
	return context == NULL ? NULL : lws_create_vhost(context, &info);
}

int
main(int argc, char **argv)
{
	struct lws_vhost *vhost;

	if (argc != 3 || strlen(argv[2]) > ANSWER_MAX) {
		fprintf(stderr, "usage: web_lws PORT BODY\n");
		return 2;
	}
	body = argv[2];
	alarm(LIFETIME_S);
	lws_set_log_level(LLL_ERR | LLL_WARN, NULL);
	vhost = open_host(atoi(argv[1]));
	if (vhost == NULL)
		return EXIT_FAILURE;
	signal(SIGTERM, on_stop_signal);
	printf("%d\n", lws_get_vhost_listen_port(vhost));
	fflush(stdout);
	while (!stopped && lws_service(context, 0) >= 0)
		;
	lws_context_destroy(context);
	return EXIT_SUCCESS;
}
