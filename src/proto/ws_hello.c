/*
 * This file judges a WebSocket client's handshake (RFC 6455, section 4.2.1), and
 * knows origins (RFC 6454).
 */
#include "config.h"

#include <string.h>

#include "proto/http_chars.h"
#include "proto/http_target.h"
#include "proto/ws_handshake.h"

struct piece {
	const char *text;
	size_t len;
};

/* An origin, or a pattern of one. */
struct origin {
	struct piece scheme, host;
	long port; /* 0: unknown */
};

enum { PORT_MAX = 65535 };

/* Whether an element of a list is the word, which is in lower case, but for
 * case. */
static bool
list_has(const char *list, const char *word)
{
	size_t list_len = list != NULL ? strlen(list) : 0, len;
	const char *item;

	while (sh_http_list_next(&list, &list_len, &item, &len))
		if (sh_http_equal(item, len, word))
			return true;
	return false;
}

static bool
is_same_text(struct piece a, struct piece b)
{
	size_t i;

	if (a.len != b.len)
		return false;
	for (i = 0; i < a.len; i++) {
		unsigned char x = (unsigned char)a.text[i];
		unsigned char y = (unsigned char)b.text[i];

		if (x != y &&
		    ((x | 0x20) != (y | 0x20) || (x | 0x20) < 'a' ||
			(x | 0x20) > 'z'))
			return false;
	}
	return true;
}

static long
default_port(struct piece scheme)
{
	if (sh_http_equal(scheme.text, scheme.len, "https") ||
	    sh_http_equal(scheme.text, scheme.len, "wss"))
		return 443;
	if (sh_http_equal(scheme.text, scheme.len, "http") ||
	    sh_http_equal(scheme.text, scheme.len, "ws"))
		return 80;
	return 0;
}

/* A number at the end of a text; -1 when it is no port. */
static long
read_port(const char *digits)
{
	long port = 0;

	for (; *digits >= '0' && *digits <= '9' && port <= PORT_MAX; digits++)
		port = port * 10 + (*digits - '0');
	return *digits == '\0' && port > 0 && port <= PORT_MAX ? port : -1;
}

/* Take "host" or "host:port" apart; port stays as it is when there is none. */
static bool
split_host(const char *text, struct piece *host, long *port)
{
	const char *bracket = strchr(text, ']');
	const char *colon =
	    strchr(text[0] == '[' && bracket != NULL ? bracket : text, ':');

	host->text = text;
	host->len = colon != NULL ? (size_t)(colon - text) : strlen(text);
	/* "host:" is host */
	if (colon != NULL && colon[1] != '\0')
		*port = read_port(colon + 1);
	return host->len != 0 && *port >= 0;
}

static bool
split_origin(const char *text, struct origin *origin)
{
	const char *colon = strstr(text, "://");

	if (colon == NULL || colon == text ||
	    !sh_http_host_is_valid(colon + 3, strlen(colon + 3)))
		return false;
	origin->scheme.text = text;
	origin->scheme.len = (size_t)(colon - text);
	origin->port = default_port(origin->scheme);
	return split_host(colon + 3, &origin->host, &origin->port);
}

static bool
host_matches(struct piece host, struct piece pattern)
{
	if (pattern.len < 2 || memcmp(pattern.text, "*.", 2) != 0)
		return is_same_text(host, pattern);
	/* the dot has to be there, and something before it */
	pattern.text++;
	pattern.len--;
	if (host.len <= pattern.len)
		return false;
	host.text += host.len - pattern.len;
	host.len = pattern.len;
	return is_same_text(host, pattern);
}

bool
sh_ws_origin_matches(const char *origin, const char *pattern)
{
	struct origin is, wanted;

	if (strcmp(pattern, "*") == 0)
		return true;
	return split_origin(origin, &is) && split_origin(pattern, &wanted) &&
	    is_same_text(is.scheme, wanted.scheme) && is.port == wanted.port &&
	    host_matches(is.host, wanted.host);
}

bool
sh_ws_origin_is_same(const char *origin, const char *host)
{
	struct origin is;
	struct piece name;
	long port;

	if (!split_origin(origin, &is))
		return false;
	port = default_port(is.scheme);
	return port != 0 && split_host(host, &name, &port) && port == is.port &&
	    is_same_text(is.host, name);
}

static bool
is_allowed(const struct sh_ws_hello *hello, const char *const *origins)
{
	/* not from a browser */
	if (hello->origin == NULL)
		return true;
	if (origins == NULL)
		return sh_ws_origin_is_same(hello->origin, hello->host);
	for (; *origins != NULL; origins++)
		if (sh_ws_origin_matches(hello->origin, *origins))
			return true;
	return false;
}

static int
refuse(const char **why_out, int status, const char *why)
{
	*why_out = why;
	return status;
}

int
sh_ws_hello_judge(const struct sh_ws_hello *hello, const char *const *origins,
    const char **why_out)
{
	if (strcmp(hello->method, "GET") != 0)
		return refuse(why_out, 405, "a WebSocket begins with GET");
	if (!hello->http_1_1)
		return refuse(why_out, 400, "a WebSocket takes HTTP/1.1");
	if (hello->has_body)
		return refuse(why_out, 400, "a handshake has no body");
	if (!list_has(hello->upgrade, "websocket"))
		return refuse(why_out, 426, "there is no Upgrade: websocket");
	if (!list_has(hello->connection, "upgrade"))
		return refuse(why_out, 400, "there is no Connection: Upgrade");
	if (hello->host[0] == '\0')
		return refuse(why_out, 400, "Host is empty");
	if (hello->version == NULL || strcmp(hello->version, "13") != 0)
		return refuse(why_out, 426, "Sec-WebSocket-Version is not 13");
	if (hello->key == NULL ||
	    !sh_ws_key_is_valid(hello->key, strlen(hello->key)))
		return refuse(why_out, 400, "Sec-WebSocket-Key is none");
	if (!is_allowed(hello, origins))
		return refuse(why_out, 403, "its Origin may not connect");
	return 0;
}

const char *
sh_ws_subprotocol_choose(const char *const *ours, const char *offered)
{
	for (; ours != NULL && offered != NULL && *ours != NULL; ours++) {
		const char *list = offered, *item;
		size_t list_len = strlen(list), len;

		while (sh_http_list_next(&list, &list_len, &item, &len))
			if (strlen(*ours) == len &&
			    memcmp(*ours, item, len) == 0)
				return *ours;
	}
	return NULL;
}
