/*
 * This file is the handler `publish': a POST is a message to a topic, and a GET tells
 * who is there.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <shoal/co.h>
#include <shoal/handler.h>
#include <shoal/response.h>
#include <shoal/topic.h>

#include "handlers/access.h"
#include "handlers/builtin.h"
#include "handlers/json.h"
#include "handlers/publish_type.h"
#include "handlers/refuse.h"
#include "handlers/topic_rule.h"

enum { ASK_TIMEOUT_MS = 1000 };

struct publisher {
	struct sh_topic_rule rule;
	struct sh_access access;
	int timeout_ms;
};

/* --- settings -------------------------------------------------------------- */

static int
check_publish(const struct shoal_settings *settings, char *why, size_t cap)
{
	bool has_token = sh_token_is_set(settings, "token");
	bool asks = shoal_settings_string(settings, "authorize")[0] != '\0';
	int r = sh_topic_rule_check(settings, why, cap);

	if (r == 0)
		r = sh_token_check(settings, "token", why, cap);
	if (r == 0)
		r = sh_authorize_check(settings, has_token, why, cap);
	if (r == 0 && !has_token && !asks) {
		snprintf(why, cap,
		    "config.token or config.token_file is missing: without "
		    "one anybody could publish (or set config.authorize)");
		r = -SHOAL_ECONFIG;
	}
	return r;
}

static void
close_publish(void *arg)
{
	struct publisher *publisher = arg;

	sh_access_fini(&publisher->access);
	free(publisher);
}

/* The one token is good for both. */
static int
open_access(const struct shoal_settings *settings, struct sh_access *access)
{
	int r = sh_token_read(settings, "token", &access->publish_token);

	if (r < 0 || access->publish_token == NULL)
		return r < 0 ? r : sh_authorize_open(settings, access);
	access->subscribe_token = strdup(access->publish_token);
	return access->subscribe_token != NULL ? 0 : -SHOAL_ENOMEM;
}

static int
open_publish(const struct shoal_settings *settings, void **arg_out)
{
	struct publisher *publisher = calloc(1, sizeof(*publisher));
	int r;

	if (publisher == NULL)
		return -SHOAL_ENOMEM;
	sh_topic_rule_read(settings, &publisher->rule);
	publisher->timeout_ms = (int)shoal_settings_int(settings, "timeout");
	r = open_access(settings, &publisher->access);
	if (r < 0) {
		close_publish(publisher);
		return r;
	}
	*arg_out = publisher;
	return 0;
}

/* --- answers --------------------------------------------------------------- */

static void
answer(struct shoal_request *req, const struct sh_json *json)
{
	(void)shoal_response_header(req, "Content-Type", "application/json");
	(void)shoal_response_header(req, "Cache-Control", "no-store");
	(void)shoal_response_send(req, json->buf, json->len);
}

static void
begin(
    struct sh_json *json, const struct publisher *publisher, const char *topic)
{
	const char *name = sh_topic_rule_name(&publisher->rule, topic);

	sh_json_raw(json, "{\"topic\":");
	sh_json_string(json, name, strlen(name));
}

/* Apart, so that what waits does not keep it on its stack. */
static __attribute__((noinline)) void
answer_published(const struct publisher *publisher, struct shoal_request *req,
    const char *topic, size_t bytes)
{
	char text[6 * SHOAL_TOPIC_MAX + 64];
	struct sh_json json;

	sh_json_init(&json, text, sizeof(text));
	begin(&json, publisher, topic);
	sh_json_raw(&json, ",\"bytes\":");
	sh_json_int(&json, (int64_t)bytes);
	sh_json_raw(&json, "}\n");
	answer(req, &json);
}

/* RFC 9110, 15.6.4: it is not this client that is too fast. */
static void
refuse_for_now(struct shoal_request *req, const char *after, const char *why)
{
	(void)shoal_response_header(req, "Retry-After", after);
	sh_refuse(req, 503, why);
}

static void
refuse_message(struct shoal_request *req, int r)
{
	switch (r) {
	case -EILSEQ:
		sh_refuse(req, 400,
		    "not UTF-8; send other bytes with Content-Type: "
		    "application/octet-stream");
		break;
	case -SHOAL_EMSGSIZE:
		sh_refuse(req, 413, "longer than a message can be");
		break;
	case -SHOAL_EINVAL:
		sh_refuse(req, 400, "a key has at most 255 bytes");
		break;
	case -SHOAL_EAGAIN:
	case -SHOAL_ETIMEDOUT:
		refuse_for_now(req, "1",
		    "there is no room just now; not "
		    "published");
		break;
	case -SHOAL_ENOTCONN:
		refuse_for_now(
		    req, "5", "the broker cannot be reached; not published");
		break;
	default: refuse_for_now(req, "5", "not published");
	}
}

/* --- POST ------------------------------------------------------------------ */

/* What it is published as, or 0: refused. */
static int
choose_type(struct shoal_request *req)
{
	int type = sh_publish_type(shoal_request_header(req, "Content-Type"));

	if (type != 0)
		return type;
	(void)shoal_response_header(req, "Accept-Post",
	    "text/plain, application/json, application/octet-stream");
	sh_refuse(req, 415,
	    "the body is the message; not a form with files, and no text but "
	    "UTF-8");
	return 0;
}

static bool
has_body(struct shoal_request *req)
{
	return shoal_request_header(req, "Content-Length") != NULL ||
	    shoal_request_body_length(req) != 0;
}

static void
publish(const struct publisher *publisher, struct shoal_request *req,
    const char *topic)
{
	const struct shoal_publish_options options = {
		.size = sizeof(options),
		.key = shoal_request_param(req, "key"),
	};
	const void *data;
	ssize_t len;
	int type, r;

	if (!has_body(req)) {
		sh_refuse(req, 411,
		    "the body is the message; for an empty one, say "
		    "Content-Length: 0");
		return;
	}
	type = choose_type(req);
	if (type == 0)
		return;
	len = shoal_co_request_body(req, &data, SHOAL_FOREVER);
	if (len < 0) {
		if (!shoal_response_has_begun(req))
			sh_refuse(req, 503, "the body could not be read");
		return;
	}
	r = shoal_co_publish(topic, (enum shoal_ws_type)type, data, (size_t)len,
	    &options, publisher->timeout_ms);
	if (r == 0)
		answer_published(publisher, req, topic, (size_t)len);
	else
		refuse_message(req, r);
}

/* --- GET ------------------------------------------------------------------- */

static void
write_members(struct sh_json *json, const struct publisher *publisher,
    const char *topic, const struct shoal_topic_members *members)
{
	size_t i;

	begin(json, publisher, topic);
	sh_json_raw(json, ",\"count\":");
	sh_json_int(json, (int64_t)members->count);
	sh_json_raw(json, ",\"complete\":");
	sh_json_raw(json, members->complete ? "true" : "false");
	sh_json_raw(json, ",\"members\":[");
	for (i = 0; i < members->len; i++) {
		const struct shoal_topic_member *one = &members->list[i];

		sh_json_raw(json, i > 0 ? ",{\"id\":" : "{\"id\":");
		sh_json_id(json, one->id);
		sh_json_raw(json, ",\"name\":");
		sh_json_string(json, one->name, strlen(one->name));
		sh_json_raw(json, "}");
	}
	sh_json_raw(json, "]}\n");
}

static void
show_members(const struct publisher *publisher, struct shoal_request *req,
    const char *topic)
{
	struct shoal_topic_members *members;
	struct sh_json json;
	char *text;
	int r = shoal_co_topic_members(topic, ASK_TIMEOUT_MS, &members);

	if (r < 0) {
		refuse_for_now(req, "1", shoal_strerror(r));
		return;
	}
	sh_json_init(&json, NULL, 0);
	write_members(&json, publisher, topic, members);
	text = malloc(json.len);
	if (text != NULL) {
		sh_json_init(&json, text, json.len);
		write_members(&json, publisher, topic, members);
		answer(req, &json);
	} else {
		refuse_for_now(req, "1", "out of memory");
	}
	free(text);
	shoal_topic_members_free(&members);
}

static void
on_request(struct shoal_request *req, void *arg)
{
	const struct publisher *publisher = arg;
	const char *method = shoal_request_method(req);
	bool posts = strcmp(method, "POST") == 0;
	char topic[SHOAL_TOPIC_MAX + 1];
	int status;

	if (!posts && strcmp(method, "GET") != 0 &&
	    strcmp(method, "HEAD") != 0) {
		(void)shoal_response_header(req, "Allow", "GET, HEAD, POST");
		sh_refuse(req, 405, "POST publishes, GET tells who is there");
		return;
	}
	if (sh_access_judge(&publisher->access, req,
		posts ? SHOAL_MAY_PUBLISH : SHOAL_MAY_SUBSCRIBE) == 0)
		return;
	status = sh_topic_rule_apply(&publisher->rule, req, topic);
	if (status != 0)
		sh_topic_rule_refuse(req, status);
	else if (posts)
		publish(publisher, req, topic);
	else
		show_members(publisher, req, topic);
}

static const struct shoal_setting settings[] = {
	SH_TOPIC_RULE_SETTINGS,
	{ "token", SHOAL_SETTING_STRING, "", 0, 0,
	    "token that is needed; this, token_file or authorize has to be "
	    "set" },
	{ "token_file", SHOAL_SETTING_STRING, "", 0, 0,
	    "file whose first line is that token" },
	{ "authorize", SHOAL_SETTING_STRING, "", 0, 0,
	    "handler that decides instead who may do what" },
	{ "timeout", SHOAL_SETTING_DURATION, "5s", 0, 3600000,
	    "how long to wait while there is no room, then 503" },
	{ NULL },
};

const struct shoal_handler sh_publish_handler = {
	.size = sizeof(struct shoal_handler),
	.name = "publish",
	.doc = "POST publishes to a topic, GET tells who is there",
	.settings = settings,
	.open = open_publish,
	.close = close_publish,
	.request = on_request,
	.check = check_publish,
};
