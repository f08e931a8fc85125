/*
 * This file compresses the body of a whole answer for a client that takes it.
 * Bodies in pieces and files are sent as they are. RFC 9110 8.4 and 12.5.3.
 */
#include "config.h"

#include <string.h>

#include <shoal/error.h>

#include "proto/gzip.h"
#include "proto/http_accept.h"
#include "proto/http_answer.h"
#include "proto/http_chars.h"
#include "proto/media_type.h"
#include "session/http_private.h"

enum { TYPE_SIZE = 128 };

static bool
is_text(const struct shoal_request *req)
{
	const struct sh_http_answer *answer = &req->answer;
	char type[TYPE_SIZE];
	const char *value;
	size_t len;

	/* what an answer without a type gets is a text */
	if (!answer->has_type)
		return true;
	if (!sh_http_lines_find(&answer->lines, "content-type", &value, &len))
		return false;
	/* parameters may be cut off */
	if (len >= sizeof(type))
		len = sizeof(type) - 1;
	memcpy(type, value, len);
	type[len] = '\0';
	return sh_media_type_is_compressible(type);
}

static bool
has(const struct shoal_request *req, const char *name)
{
	const char *value;
	size_t len;

	return sh_http_lines_find(&req->answer.lines, name, &value, &len);
}

/* RFC 9110 7.7: who says so wants its bytes left alone. */
static bool
is_fixed(const struct shoal_request *req)
{
	const char *list, *item;
	size_t len, n;

	if (!sh_http_lines_find(
		&req->answer.lines, "cache-control", &list, &len))
		return false;
	while (sh_http_list_next(&list, &len, &item, &n))
		if (sh_http_equal(item, n, "no-transform"))
			return true;
	return false;
}

static bool
is_worth_it(const struct shoal_request *req, size_t len)
{
	const struct sh_route *route = req->route;

	return route->gzip_level > 0 && len >= (uint64_t)route->gzip_min_size &&
	    sh_http_has_body(req->answer.status) && req->answer.status != 206 &&
	    is_text(req) && !has(req, "content-encoding") &&
	    !has(req, "content-range") && !is_fixed(req);
}

static bool
is_accepted(struct shoal_request *req)
{
	const char *list = sh_request_field(req, "accept-encoding");
	size_t len = list != NULL ? strlen(list) : 0;
	unsigned quality =
	    list != NULL ? sh_http_accept_quality(list, len, "gzip") : 0;

	return quality > 0 &&
	    quality >= sh_http_accept_quality(list, len, "identity");
}

/* Caches have to know that the next client may get it otherwise. */
static int
add_vary(struct shoal_request *req)
{
	const char *list, *item;
	size_t len, n;

	if (sh_http_lines_find(&req->answer.lines, "vary", &list, &len))
		while (sh_http_list_next(&list, &len, &item, &n))
			if ((n == 1 && item[0] == '*') ||
			    sh_http_equal(item, n, "accept-encoding"))
				return 0;
	return sh_answer_add(req, "Vary", "Accept-Encoding");
}

/* What is compressed is not the same bytes any more. RFC 9110 8.8.3.3. */
static int
weaken_etag(struct shoal_request *req)
{
	char etag[TYPE_SIZE] = "W/";
	const char *value;
	size_t len;

	if (!sh_http_lines_find(&req->answer.lines, "etag", &value, &len) ||
	    len == 0 || value[0] != '"')
		return 0;
	if (len >= sizeof(etag) - 2)
		return sh_answer_set(req, "ETag", NULL);
	memcpy(etag + 2, value, len);
	etag[2 + len] = '\0';
	return sh_answer_set(req, "ETag", etag);
}

static int
compress(
    struct shoal_request *req, const void *data, size_t len, struct sh_buf *out)
{
	struct sh_http *http = req->http;

	if (http->gzip == NULL)
		http->gzip = sh_gzip_new();
	if (http->gzip == NULL)
		return -SHOAL_ENOMEM;
	/* what does not become shorter is not worth it */
	sh_buf_init(out, len - 1);
	return sh_gzip_compress(
	    http->gzip, req->route->gzip_level, data, len, out);
}

bool
sh_answer_compress(
    struct shoal_request *req, const void *data, size_t len, struct sh_buf *out)
{
	bool done;

	sh_buf_init(out, 0);
	if (len == 0 || !is_worth_it(req, len) || add_vary(req) < 0 ||
	    !is_accepted(req))
		return false;
	/* sent as it is, it is right too */
	done = compress(req, data, len, out) == 0 && weaken_etag(req) == 0 &&
	    sh_answer_set(req, "Content-Encoding", "gzip") == 0;
	if (done)
		/* what was said to HEAD is the length of the other one */
		req->answer.has_length = false;
	else
		sh_buf_fini(out);
	return done;
}
