/* This file is <shoal/request.h>. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/request.h>

#include "base/sock.h"
#include "co/co.h"
#include "io/await.h"
#include "proto/http_accept.h"
#include "proto/http_cookie.h"
#include "proto/uri.h"
#include "session/http_request.h"

const char *
shoal_request_method(const struct shoal_request *req)
{
	return sh_request_text(sh_request_of(req), req->head.method);
}

const char *
shoal_request_target(const struct shoal_request *req)
{
	return sh_request_text(sh_request_of(req), req->head.target);
}

const char *
shoal_request_path(const struct shoal_request *req)
{
	return sh_request_of(req)->path;
}

const char *
shoal_request_query(const struct shoal_request *req)
{
	/* it ends where the target does */
	return sh_request_of(req)->head.query.len != 0
	    ? sh_request_text(req, req->head.query)
	    : "";
}

const char *
shoal_request_host(const struct shoal_request *req)
{
	return sh_request_of(req)->host;
}

const char *
shoal_request_version(const struct shoal_request *req)
{
	return sh_request_of(req)->head.minor == 0 ? "HTTP/1.0" : "HTTP/1.1";
}

const char *
shoal_request_route(const struct shoal_request *req)
{
	return sh_request_of(req)->route->path;
}

const char *
shoal_request_rest(const struct shoal_request *req)
{
	const char *route = sh_request_of(req)->route->path;
	size_t len = strlen(route), path_len = strlen(req->path);

	if (len >= path_len)
		return "";
	return req->path + len + (req->path[len] == '/');
}

const char *
shoal_request_listener(const struct shoal_request *req)
{
	return sh_request_of(req)->http->listener;
}

/* --- fields ---------------------------------------------------------------- */

const char *
shoal_request_header(struct shoal_request *req, const char *name)
{
	return sh_request_field(sh_request_of(req), name);
}

int
shoal_request_accepts_coding(struct shoal_request *req, const char *coding)
{
	const char *list =
	    sh_request_field(sh_request_of(req), "accept-encoding");

	return (int)sh_http_accept_quality(
	    list, list != NULL ? strlen(list) : 0, coding);
}

size_t
shoal_request_header_count(const struct shoal_request *req)
{
	return sh_request_of(req)->head.field_count;
}

const char *
shoal_request_header_at(
    const struct shoal_request *req, size_t i, const char **value_out)
{
	const struct sh_http_head *head = &sh_request_of(req)->head;

	if (i >= head->field_count)
		return NULL;
	*value_out = sh_request_text(req, head->fields[i].value);
	return sh_request_text(req, head->fields[i].name);
}

/* --- what stands in them, and in the query --------------------------------- */

/* Whether the name of a pair, decoded, is the one that is looked for. */
static bool
is_param(const struct sh_uri_pair *pair, const char *name, size_t name_len)
{
	char small[128], *text = small;
	bool is;

	/* decoding never makes it longer, and at most three times shorter */
	if (pair->name_len < name_len || pair->name_len / 3 > name_len)
		return false;
	if (pair->name_len > sizeof(small))
		text = malloc(pair->name_len);
	if (text == NULL)
		return false;
	is = sh_uri_form_decode(text, pair->name, pair->name_len) == name_len &&
	    memcmp(text, name, name_len) == 0;
	if (text != small)
		free(text);
	return is;
}

/* A part of the query, decoded, which stays as long as the request. */
static const char *
keep_decoded(struct shoal_request *req, const char *part, size_t len)
{
	bool is_new;
	char *text;

	if (len == 0)
		return "";
	text = sh_request_alloc_once(req, part, len + 1, &is_new);
	if (is_new)
		text[sh_uri_form_decode(text, part, len)] = '\0';
	return text;
}

const char *
shoal_request_param(struct shoal_request *req, const char *name)
{
	const char *query = shoal_request_query(req);
	size_t query_len = strlen(query), name_len = strlen(name);
	struct sh_uri_pair pair;

	while (sh_uri_pair_next(&query, &query_len, &pair))
		if (is_param(&pair, name, name_len))
			return keep_decoded(req, pair.value, pair.value_len);
	return NULL;
}

size_t
shoal_request_param_count(const struct shoal_request *req)
{
	const char *query = shoal_request_query(req);
	size_t query_len = strlen(query), count = 0;
	struct sh_uri_pair pair;

	while (sh_uri_pair_next(&query, &query_len, &pair))
		count++;
	return count;
}

const char *
shoal_request_param_at(
    struct shoal_request *req, size_t i, const char **value_out)
{
	const char *query = shoal_request_query(req), *name;
	size_t query_len = strlen(query);
	struct sh_uri_pair pair;

	do {
		if (!sh_uri_pair_next(&query, &query_len, &pair))
			return NULL;
	} while (i-- > 0);
	name = keep_decoded(req, pair.name, pair.name_len);
	*value_out = keep_decoded(req, pair.value, pair.value_len);
	return *value_out != NULL ? name : NULL;
}

const char *
shoal_request_cookie(struct shoal_request *req, const char *name)
{
	const char *list = shoal_request_header(req, "cookie"), *value;
	size_t value_len;
	bool is_new;
	char *text;

	if (list == NULL ||
	    !sh_http_cookie_find(list, strlen(list), name, &value, &value_len))
		return NULL;
	if (value_len == 0)
		return "";
	text = sh_request_alloc_once(req, value, value_len + 1, &is_new);
	if (is_new)
		text[sh_http_cookie_decode(text, value, value_len)] = '\0';
	return text;
}

const char *
shoal_request_peer(const struct shoal_request *req, char *buf, size_t cap)
{
	struct sh_addr addr;

	sh_conn_peer(sh_request_of(req)->conn, &addr);
	return sh_addr_format(&addr, buf, cap);
}

const char *
shoal_request_local(const struct shoal_request *req, char *buf, size_t cap)
{
	struct sh_addr addr;

	if (sh_sock_local(sh_conn_fd(sh_request_of(req)->conn), &addr) < 0)
		addr.len = 0;
	return sh_addr_format(&addr, buf, cap);
}

void
shoal_request_set_data(struct shoal_request *req, void *data)
{
	sh_request_of(req)->data = data;
}

void *
shoal_request_data(const struct shoal_request *req)
{
	return sh_request_of(req)->data;
}

/* --- the body -------------------------------------------------------------- */

int64_t
shoal_request_body_length(const struct shoal_request *req)
{
	const struct sh_http_head *head = &sh_request_of(req)->head;

	if (head->body == SH_HTTP_BODY_CHUNKED)
		return -1;
	return head->body == SH_HTTP_BODY_LENGTH ? (int64_t)head->body_len : 0;
}

ssize_t
shoal_co_request_body(
    struct shoal_request *req, const void **data_out, int timeout_ms)
{
	return sh_request_body(
	    sh_request_of(req), data_out, sh_deadline_us(timeout_ms));
}

ssize_t
shoal_co_request_read(
    struct shoal_request *req, const void **data_out, int timeout_ms)
{
	return sh_request_read(
	    sh_request_of(req), data_out, sh_deadline_us(timeout_ms));
}

void
shoal_request_set_body_limit(struct shoal_request *req, int64_t size)
{
	sh_request_of(req)->reading.limit = size < 0 ? -1 : size;
}

const char *
shoal_request_trailer(struct shoal_request *req, const char *name)
{
	return sh_request_trailer(sh_request_of(req), name);
}

int
shoal_request_detach(struct shoal_request *req)
{
	if (sh_request_of(req)->answer.complete || req->returned != NULL)
		return -SHOAL_ESTATE;
	if (!sh_co_may_wait(req->co))
		return -SHOAL_ENOMEM;
	req->detached = true;
	return 0;
}

bool
shoal_request_is_gone(const struct shoal_request *req)
{
	int why;

	/* who asks has nothing better to do than to know */
	sh_conn_probe(sh_request_of(req)->conn);
	why = sh_conn_why(req->conn);
	/* that the answer is the last one does not mean that nobody reads it */
	return why != 0 && !(req->answer.complete && why == -SHOAL_ECANCELED);
}
