/*
 * This file is the module that the black-box tests of HTTP and WebSocket load:
 * one handler for requests, which does what their path says, and two for
 * WebSockets, which obey their messages.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <shoal/shoal.h>

/* A number of the query, or another. */
static long
number(struct shoal_request *req, const char *name, long otherwise)
{
	const char *text = shoal_request_param(req, name);

	return text != NULL ? atol(text) : otherwise;
}

/* --- what came ------------------------------------------------------------ */

static void
answer_hello(struct shoal_request *req)
{
	shoal_response_header(req, "Content-Type", "text/plain");
	shoal_response_printf(req, "hello\n");
}

static void
answer_seen(struct shoal_request *req)
{
	char text[8192];
	const char *name, *value = NULL;
	size_t len, i;

	len = (size_t)snprintf(text, sizeof(text),
	    "method=%s\ntarget=%s\npath=%s\nquery=%s\nhost=%s\nversion=%s\n"
	    "route=%s\nrest=%s\nlength=%lld\n",
	    shoal_request_method(req), shoal_request_target(req),
	    shoal_request_path(req), shoal_request_query(req),
	    shoal_request_host(req), shoal_request_version(req),
	    shoal_request_route(req), shoal_request_rest(req),
	    (long long)shoal_request_body_length(req));
	for (i = 0; (name = shoal_request_header_at(req, i, &value)) != NULL;
	     i++)
		if (len < sizeof(text))
			len += (size_t)snprintf(text + len, sizeof(text) - len,
			    "%s: %s\n", name, value);
	shoal_response_send(req, text, len < sizeof(text) ? len : 0);
}

static void
answer_joined(struct shoal_request *req)
{
	const char *value =
	    shoal_request_header(req, shoal_request_param(req, "name"));
	const char *cookie = shoal_request_cookie(req, "b");

	shoal_response_printf(req, "%s|%s", value != NULL ? value : "-",
	    cookie != NULL ? cookie : "-");
}

static void
answer_body(struct shoal_request *req)
{
	const void *data;
	ssize_t len = shoal_co_request_body(req, &data, SHOAL_FOREVER);

	if (len >= 0)
		shoal_response_send(req, data, (size_t)len);
	else
		shoal_log(
		    SHOAL_LOG_NOTICE, "body: %s", shoal_strerror((int)len));
}

/* Every piece is sent back as soon as it is there. */
static void
answer_pieces(struct shoal_request *req)
{
	const void *data;
	ssize_t n;

	while ((n = shoal_co_request_read(req, &data, SHOAL_FOREVER)) > 0)
		if (shoal_co_response_write(
			req, data, (size_t)n, SHOAL_FOREVER) < 0)
			return;
	if (n == 0)
		shoal_response_end(req);
}

/* The sum of a body that may be large. */
static void
answer_count(struct shoal_request *req)
{
	const void *data;
	long long total = 0;
	ssize_t n;

	shoal_request_set_body_limit(req, -1);
	while ((n = shoal_co_request_read(req, &data, SHOAL_FOREVER)) > 0)
		total += n;
	if (n == 0)
		shoal_response_printf(req, "%lld", total);
}

static void
answer_trailer(struct shoal_request *req)
{
	const void *data;
	ssize_t len = shoal_co_request_body(req, &data, SHOAL_FOREVER);
	const char *value = shoal_request_trailer(req, "Sum");

	if (len >= 0)
		shoal_response_printf(req, "%.*s|%s", (int)len,
		    (const char *)data, value != NULL ? value : "-");
}

/* --- answers in pieces ---------------------------------------------------- */

static void
answer_stream(struct shoal_request *req)
{
	static const char *const pieces[] = { "one", "", "two", "three" };
	char length[8] = "11";
	size_t i;

	if (shoal_request_param(req, "length") != NULL) {
		snprintf(
		    length, sizeof(length), "%ld", number(req, "length", 11));
		shoal_response_header(req, "Content-Length", length);
	}
	for (i = 0; i < 4; i++)
		if (shoal_co_response_write(
			req, pieces[i], strlen(pieces[i]), SHOAL_FOREVER) < 0)
			break;
	if (shoal_request_param(req, "trailer") != NULL)
		shoal_response_trailer(req, "Sum", "42");
	shoal_response_end(req);
}

static void
answer_events(struct shoal_request *req)
{
	const struct shoal_event events[] = {
		{ .size = sizeof(*events), .data = "plain" },
		{ .size = sizeof(*events),
		    .data = "two\nlines",
		    .type = "kind",
		    .id = "7",
		    .retry_ms = 1500 },
		{ .size = sizeof(*events), .data = "" },
		{ .size = sizeof(*events), .data = "x", .type = "a\nb" },
	};
	int results[4];
	char text[32];
	size_t i;

	for (i = 0; i < 4; i++)
		results[i] =
		    shoal_co_response_event(req, &events[i], SHOAL_FOREVER);
	snprintf(text, sizeof(text), ": %d %d %d %d\n", results[0], results[1],
	    results[2], results[3] == -SHOAL_EINVAL);
	shoal_co_response_write(req, text, strlen(text), SHOAL_FOREVER);
	shoal_response_end(req);
}

/* Lines of text, so many bytes. */
static void
answer_big(struct shoal_request *req)
{
	size_t len = (size_t)number(req, "n", 0), i;
	char *text = malloc(len + 1);

	if (text == NULL) {
		shoal_response_error(req, 503);
		return;
	}
	for (i = 0; i < len; i++)
		text[i] =
		    (char)(i % 64 == 63 ? '\n' : 'a' + (int)(i / 64 % 26));
	shoal_response_header(req, "Content-Type", "text/plain");
	shoal_response_send(req, text, len);
	free(text);
}

/* --- heads ---------------------------------------------------------------- */

static void
answer_status(struct shoal_request *req)
{
	int code = (int)number(req, "code", 200);
	int r = shoal_response_status(
	    req, code, shoal_request_param(req, "reason"));

	if (r < 0)
		shoal_response_printf(req, "refused %d", r == -SHOAL_EINVAL);
	else
		shoal_response_printf(req, "body");
}

static void
answer_redirect(struct shoal_request *req)
{
	int r = shoal_response_redirect(
	    req, (int)number(req, "code", 302), shoal_request_param(req, "to"));

	if (r < 0)
		shoal_response_printf(req, "refused %d", r == -SHOAL_EINVAL);
}

/* A field with the name and value of the query, decoded: %0D%0A and all. */
static void
answer_field(struct shoal_request *req)
{
	const char *name = shoal_request_param(req, "name");
	const char *value = shoal_request_param(req, "value");
	int r = shoal_response_header(req, name, value);

	if (r == 0)
		r = shoal_response_add_header(req, name, value);
	if (r == 0 && shoal_request_param(req, "unset") != NULL)
		r = shoal_response_header(req, name, NULL);
	shoal_response_printf(req, "%s",
	    r == 0                   ? "taken"
		: r == -SHOAL_EINVAL ? "refused"
				     : shoal_strerror(r));
}

static void
answer_cookies(struct shoal_request *req)
{
	const struct shoal_cookie good[] = {
		{ .size = sizeof(*good), .name = "a", .value = "1" },
		{ .size = sizeof(*good),
		    .name = "b",
		    .value = "x y;z",
		    .path = "/p",
		    .domain = "example.org",
		    .max_age = 60,
		    .secure = true,
		    .http_only = true,
		    .same_site = SHOAL_SAME_SITE_STRICT },
		{ .size = sizeof(*good),
		    .name = "c",
		    .value = "",
		    .max_age = SHOAL_COOKIE_DELETE },
		{ .size = sizeof(*good),
		    .name = "d",
		    .value = "raw=ok",
		    .raw = true,
		    .expires = 784111777 },
		{ .size = sizeof(*good),
		    .name = "e",
		    .value = "1",
		    .secure = true,
		    .partitioned = true,
		    .same_site = SHOAL_SAME_SITE_NONE,
		    .priority = SHOAL_COOKIE_PRIORITY_HIGH },
	};
	const struct shoal_cookie bad[] = {
		{ .size = sizeof(*bad), .name = "", .value = "1" },
		{ .size = sizeof(*bad), .name = "a b", .value = "1" },
		{ .size = sizeof(*bad), .name = "a=b", .value = "1" },
		{ .size = sizeof(*bad),
		    .name = "a",
		    .value = "1;2",
		    .raw = true },
		{ .size = sizeof(*bad),
		    .name = "a",
		    .value = "1\r\nX: y",
		    .raw = true },
		{ .size = sizeof(*bad),
		    .name = "a",
		    .value = "1",
		    .path = "/;x" },
		{ .size = sizeof(*bad),
		    .name = "a",
		    .value = "1",
		    .domain = "x\r\ny" },
		{ .size = sizeof(*bad),
		    .name = "a",
		    .value = "1",
		    .same_site = SHOAL_SAME_SITE_NONE },
	};
	size_t i, taken = 0, refused = 0;

	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		taken += shoal_response_cookie(req, &good[i]) == 0;
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refused += shoal_response_cookie(req, &bad[i]) == -SHOAL_EINVAL;
	shoal_response_printf(req, "%zu %zu", taken, refused);
}

/* --- time ----------------------------------------------------------------- */

static void
answer_wait(struct shoal_request *req)
{
	int r = shoal_co_sleep((int)number(req, "ms", 0));

	shoal_response_printf(req, "waited %d", r);
}

static void
answer_late(void *arg)
{
	struct shoal_request *req = arg;

	shoal_co_sleep(5);
	shoal_response_printf(req, "late %s", shoal_request_query(req));
}

static void
answer_detached(struct shoal_request *req)
{
	if (shoal_request_detach(req) == 0 &&
	    shoal_co_start(answer_late, req, "late") < 0)
		shoal_response_error(req, 503);
}

/* Returns when somebody asks for /release; what is asked meanwhile in other
 * connections is answered. */
static int64_t held;

static void
answer_hold(struct shoal_request *req)
{
	held = shoal_co_self();
	shoal_log(SHOAL_LOG_NOTICE, "held %s", shoal_request_query(req));
	shoal_response_printf(
	    req, "released %d", shoal_co_suspend(SHOAL_FOREVER));
}

static void
answer_release(struct shoal_request *req)
{
	int r = shoal_co_resume(held, 1);

	shoal_response_printf(req, "%d", r);
}

static void
answer_nothing(struct shoal_request *req)
{
}

static void
answer_refusal(struct shoal_request *req)
{
	shoal_response_error(req, (int)number(req, "code", 403));
}

static const struct action {
	const char *name;
	void (*answer)(struct shoal_request *req);
} actions[] = {
	{ "hello", answer_hello },
	{ "seen", answer_seen },
	{ "joined", answer_joined },
	{ "body", answer_body },
	{ "pieces", answer_pieces },
	{ "count", answer_count },
	{ "trailer", answer_trailer },
	{ "stream", answer_stream },
	{ "events", answer_events },
	{ "big", answer_big },
	{ "status", answer_status },
	{ "redirect", answer_redirect },
	{ "field", answer_field },
	{ "cookies", answer_cookies },
	{ "wait", answer_wait },
	{ "detached", answer_detached },
	{ "hold", answer_hold },
	{ "release", answer_release },
	{ "nothing", answer_nothing },
	{ "refusal", answer_refusal },
};

static void
answer(struct shoal_request *req, void *arg)
{
	const char *path = shoal_request_path(req) + 1;
	size_t i;

	for (i = 0; i < sizeof(actions) / sizeof(*actions); i++)
		if (strcmp(path, actions[i].name) == 0) {
			actions[i].answer(req);
			return;
		}
	shoal_response_error(req, 404);
}

/* --- WebSockets ----------------------------------------------------------- */

static void
log_end(const struct shoal_ws *ws, const struct shoal_ws_end *end)
{
	shoal_log(SHOAL_LOG_NOTICE,
	    "ended code=%d reason=%.*s peer=%d clean=%d error=%s", end->code,
	    (int)end->reason_len, end->reason, end->by_peer, end->clean,
	    end->error == 0 ? "none" : shoal_strerror(end->error));
}

/* The word of a message "word argument", whose argument it gives. */
static bool
asks(const struct shoal_message *msg, const char *word, const char **arg_out)
{
	size_t len = strlen(word);

	if (msg->type != SHOAL_WS_TEXT || msg->len < len ||
	    memcmp(msg->data, word, len) != 0)
		return false;
	*arg_out = msg->data + len + (msg->data[len] == ' ');
	return true;
}

static void
obey(struct shoal_ws *ws, const struct shoal_message *msg)
{
	const char *arg;
	char extension[128];
	int i;

	if (asks(msg, "close", &arg))
		shoal_ws_close(ws, atoi(arg),
		    strchr(arg, ' ') != NULL ? strchr(arg, ' ') + 1 : NULL);
	else if (asks(msg, "abort", &arg))
		shoal_ws_abort(ws);
	else if (asks(msg, "ping", &arg))
		shoal_ws_ping(ws, arg, strlen(arg));
	else if (asks(msg, "parts", &arg))
		for (i = atoi(arg); i > 0; i--)
			shoal_ws_send_part(
			    ws, SHOAL_WS_TEXT, "part", 4, i == 1);
	else if (asks(msg, "agreed", &arg))
		shoal_ws_printf(ws, "%s|%s", shoal_ws_subprotocol(ws),
		    shoal_ws_extension(ws, extension, sizeof(extension)));
	else
		shoal_ws_printf(
		    ws, "%d %.*s", msg->type, (int)msg->len, msg->data);
}

/* Coroutine style. */
static void
serve(struct shoal_request *req, void *arg)
{
	/* as of a program that has forgotten the size */
	const struct shoal_ws_options sizeless = { .ping_ms = 1000 };
	const struct shoal_message *msg;
	struct shoal_ws *ws;
	int r;

	if (shoal_request_param(req, "wait") != NULL)
		shoal_co_sleep((int)number(req, "wait", 0));
	if (shoal_request_param(req, "code") != NULL) {
		answer_refusal(req);
		return;
	}
	shoal_response_header(req, "X-Greeting", "welcome");
	ws = shoal_co_ws_upgrade(req,
	    shoal_request_param(req, "sizeless") != NULL ? &sizeless : NULL);
	if (ws == NULL)
		return;
	while ((r = shoal_co_ws_recv(ws, &msg, SHOAL_FOREVER)) > 0)
		obey(ws, msg);
	shoal_log(
	    SHOAL_LOG_NOTICE, "recv %s", r == 0 ? "end" : shoal_strerror(r));
	if (shoal_ws_end(ws) != NULL)
		log_end(ws, shoal_ws_end(ws));
}

static void
on_message(struct shoal_ws *ws, const struct shoal_message *msg, void *arg)
{
	obey(ws, msg);
}

static void
on_close(struct shoal_ws *ws, const struct shoal_ws_end *end, void *arg)
{
	log_end(ws, end);
}

/* Callback style. */
static void
call(struct shoal_request *req, void *arg)
{
	static const struct shoal_ws_callbacks callbacks = {
		.size = sizeof(callbacks),
		.on_message = on_message,
		.on_close = on_close,
	};

	shoal_ws_serve(req, NULL, &callbacks, NULL);
}

static const struct shoal_handler site = {
	.size = sizeof(struct shoal_handler),
	.name = "answer",
	.request = answer,
};
static const struct shoal_handler served = {
	.size = sizeof(struct shoal_handler),
	.name = "serve",
	.request = serve,
};
static const struct shoal_handler called = {
	.size = sizeof(struct shoal_handler),
	.name = "call",
	.request = call,
};
static const struct shoal_handler *const handlers[] = { &site, &served, &called,
	NULL };

SHOAL_MODULE(.name = "site", .version = "1.0", .handlers = handlers);
