/*
 * This file understands the target of a request, in its four forms, and hosts.
 * It decodes nothing. RFC 9112 3.2, RFC 3986 3.
 */
#include "config.h"

#include "proto/http_target.h"

#include <arpa/inet.h>
#include <string.h>

#include "proto/http_chars.h"
#include "proto/uri.h"

enum { PORT_MAX = 65535 };

/* Length of "[...]" at the front, 0 when that is no IPv6 address. */
static size_t
span_literal(const char *text, size_t len)
{
	const char *end = memchr(text, ']', len);
	char address[INET6_ADDRSTRLEN];
	struct in6_addr parsed;
	size_t n;

	if (end == NULL)
		return 0;
	n = (size_t)(end - text) - 1;
	if (n >= sizeof(address) || memchr(text, '\0', n + 1) != NULL)
		return 0;
	memcpy(address, text + 1, n);
	address[n] = '\0';
	return inet_pton(AF_INET6, address, &parsed) == 1 ? n + 2 : 0;
}

static size_t
span_name(const char *text, size_t len)
{
	size_t i = 0;

	while (i < len) {
		i += sh_http_span(SH_HTTP_HOST, text + i, len - i);
		if (len - i < 3 || text[i] != '%' ||
		    sh_hex_value(text[i + 1]) < 0 ||
		    sh_hex_value(text[i + 2]) < 0)
			break;
		i += 3;
	}
	return i;
}

static bool
is_port(const char *text, size_t len)
{
	unsigned port = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		port = port * 10 + (unsigned)(text[i] - '0');
		if (port > PORT_MAX)
			return false;
	}
	return true;
}

/* Length of the host at the front, without its port. */
static size_t
span_host(const char *text, size_t len)
{
	if (len > 0 && text[0] == '[')
		return span_literal(text, len);
	return span_name(text, len);
}

bool
sh_http_host_is_valid(const char *text, size_t len)
{
	size_t n = span_host(text, len);

	if (n == len)
		return true;
	return n > 0 && text[n] == ':' && is_port(text + n + 1, len - n - 1);
}

static struct sh_http_text
slice(struct sh_http_text of, size_t skip, size_t len)
{
	return (struct sh_http_text){ of.off + (uint32_t)skip, (uint32_t)len };
}

/* Path and query are all that is left of the target. */
static void
split_path(struct sh_http_head *head, const char *text, size_t skip)
{
	struct sh_http_text target = head->target;
	size_t left = target.len - skip;
	size_t n = sh_uri_path_span(text + skip, left);

	head->path = slice(target, skip, n);
	if (n < left)
		head->query = slice(target, skip + n + 1, left - n - 1);
}

static int
parse_authority(
    struct sh_http_head *head, const char *text, const char **why_out)
{
	size_t len = head->target.len, n = span_host(text, len);

	head->form = SH_HTTP_AUTHORITY;
	if (n == 0 || len < n + 2 || !sh_http_host_is_valid(text, len))
		return sh_http_refuse(
		    why_out, 400, "the target of CONNECT is no host and port");
	head->host = head->target;
	return 0;
}

/* Length of the scheme with its "://", 0 when it is another. */
static size_t
span_scheme(const char *text, size_t len)
{
	if (len >= 7 && sh_http_equal(text, 7, "http://"))
		return 7;
	if (len >= 8 && sh_http_equal(text, 8, "https://"))
		return 8;
	return 0;
}

static int
parse_absolute(
    struct sh_http_head *head, const char *text, const char **why_out)
{
	size_t len = head->target.len, begin = span_scheme(text, len);
	size_t end = begin;

	head->form = SH_HTTP_ABSOLUTE;
	if (begin == 0)
		return sh_http_refuse(why_out, 400,
		    "the target is neither a path nor an address of the web");
	while (end < len && text[end] != '/' && text[end] != '?')
		end++;
	/* RFC 9110 4.2.1, 4.2.4: no empty host, no user's name */
	if (text[begin] == ':' || end == begin ||
	    !sh_http_host_is_valid(text + begin, end - begin))
		return sh_http_refuse(
		    why_out, 400, "the host of the target is malformed");
	head->host = slice(head->target, begin, end - begin);
	split_path(head, text, end);
	return 0;
}

int
sh_http_target_parse(
    struct sh_http_head *head, const char *data, const char **why_out)
{
	const char *text = data + head->target.off;
	const char *method = data + head->method.off;
	size_t len = head->target.len, method_len = head->method.len;

	head->path = head->query = head->host =
	    slice(head->target, head->target.len, 0);
	if (sh_http_span(SH_HTTP_TARGET, text, len) != len)
		return sh_http_refuse(why_out, 400,
		    "the target has a character that no target has");
	if (method_len == 7 && memcmp(method, "CONNECT", 7) == 0)
		return parse_authority(head, text, why_out);
	if (len > 0 && text[0] == '/') {
		head->form = SH_HTTP_ORIGIN;
		split_path(head, text, 0);
		return 0;
	}
	if (len == 1 && text[0] == '*' && method_len == 7 &&
	    memcmp(method, "OPTIONS", 7) == 0) {
		head->form = SH_HTTP_ASTERISK;
		head->path = head->target;
		return 0;
	}
	return parse_absolute(head, text, why_out);
}
