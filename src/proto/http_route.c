/* This file knows what a route may be made of; it matches nothing. */
#include "config.h"

#include "proto/http_route.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/attr.h"
#include "proto/http_chars.h"
#include "proto/http_target.h"

static bool
has_control(const char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < ' ' || *text == 127)
			return true;
	return false;
}

/* Whether a segment is "." or "..": no request has one that is normalised. */
static bool
has_dots(const char *path)
{
	for (; path != NULL; path = strchr(path, '/')) {
		size_t n = strcspn(++path, "/");

		if ((n == 1 || n == 2) && strncmp(path, "..", n) == 0)
			return true;
	}
	return false;
}

static bool
has_escape(const char *path)
{
	while ((path = strchr(path, '%')) != NULL) {
		path++;
		if (sh_hex_value(path[0]) >= 0 && sh_hex_value(path[1]) >= 0)
			return true;
	}
	return false;
}

const char *
sh_http_path_lacks(const char *path)
{
	if (strcmp(path, "*") == 0)
		return NULL;
	if (path[0] != '/')
		return "does not begin with '/'";
	if (has_control(path))
		return "has a control character in it";
	if (strpbrk(path, "?#") != NULL)
		return "has a '?' or '#' in it: it is a path, without a query";
	if (has_escape(path))
		return "has %XX in it: write the character itself, requests "
		       "are decoded before they are looked up";
	if (has_dots(path))
		return "has \".\" or \"..\" in it: no request has, after it "
		       "was normalised";
	return NULL;
}

/* Methods are matched with case, RFC 9110 9.1. One that differs from a common one
 * by that alone never matches, and is a mistake. */
static bool
is_in_wrong_case(const char *method, size_t len)
{
	static const char *const common[] = { "GET", "HEAD", "POST", "PUT",
		"DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE" };
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(common); i++)
		if (strlen(common[i]) == len &&
		    strncasecmp(common[i], method, len) == 0)
			return memcmp(common[i], method, len) != 0;
	return false;
}

const char *
sh_http_methods_lack(const char *methods)
{
	size_t len = strlen(methods), item_len, count = 0;
	const char *item;

	while (sh_http_list_next(&methods, &len, &item, &item_len)) {
		if (sh_http_span(SH_HTTP_TOKEN, item, item_len) != item_len)
			return "are methods with commas between them, as in "
			       "\"GET, POST\"";
		if (is_in_wrong_case(item, item_len))
			return "are written in capitals, as in \"GET, POST\"";
		count++;
	}
	return count > 0 ? NULL : "are none: name one, or leave them away";
}

/* What is to be read behind "*.", or all. */
static const char *
skip_wildcard(const char *host)
{
	return strncmp(host, "*.", 2) == 0 ? host + 2 : host;
}

const char *
sh_http_route_host_lacks(const char *host)
{
	const char *name = skip_wildcard(host);
	size_t len = strlen(name);

	if (len == 0)
		return "is empty: leave it away for any";
	if (strchr(name, '*') != NULL)
		return "has a '*' that is not the whole first label, as in "
		       "\"*.example.org\"";
	if (name[0] != '[' && strchr(name, ':') != NULL)
		return "has a ':' in it: it is a host without a port, and an "
		       "IPv6 address stands in brackets";
	if (!sh_http_host_is_valid(name, len) ||
	    (name[0] == '[' && name[len - 1] != ']'))
		return "is no host without a port";
	if (name[len - 1] == '.')
		return "ends with a dot: leave it away";
	return NULL;
}

const char *
sh_http_origin_lacks(const char *origin)
{
	static const char *const syntax =
	    "is no origin, as \"https://example.org\", "
	    "\"https://*.example.org\" or \"*\"";
	size_t scheme = strcspn(origin, ":");
	const char *host;

	if (strcmp(origin, "*") == 0)
		return NULL;
	if (scheme == 0 || strncmp(origin + scheme, "://", 3) != 0 ||
	    sh_http_span(SH_HTTP_TOKEN, origin, scheme) != scheme)
		return syntax;
	host = skip_wildcard(origin + scheme + 3);
	if (host[0] == '\0' || host[0] == ':' || strchr(host, '*') != NULL ||
	    !sh_http_host_is_valid(host, strlen(host)))
		return syntax;
	return NULL;
}

const char *
sh_http_subprotocol_lacks(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || sh_http_span(SH_HTTP_TOKEN, name, len) != len)
		return "is no token: letters, digits and !#$%&'*+-.^_`|~";
	return NULL;
}

/* "/a" has no subtree, so it is exact whatever is said. */
static bool
is_exact(const struct sh_http_place *place)
{
	size_t len = strlen(place->path);

	return place->exact || len == 0 || place->path[len - 1] != '/';
}

static bool
has_method(const char *methods, const char *method, size_t method_len)
{
	size_t len = strlen(methods), item_len;
	const char *item;

	while (sh_http_list_next(&methods, &len, &item, &item_len))
		if (item_len == method_len &&
		    memcmp(item, method, item_len) == 0)
			return true;
	return false;
}

static bool
share_method(const char *a, const char *b)
{
	size_t len, item_len;
	const char *item;

	if (a == NULL || b == NULL)
		return a == b;
	len = strlen(a);
	while (sh_http_list_next(&a, &len, &item, &item_len))
		if (has_method(b, item, item_len))
			return true;
	return false;
}

bool
sh_http_places_clash(
    const struct sh_http_place *a, const struct sh_http_place *b)
{
	const char *a_host = a->host != NULL ? a->host : "";
	const char *b_host = b->host != NULL ? b->host : "";

	return strcmp(a->path, b->path) == 0 && is_exact(a) == is_exact(b) &&
	    strcasecmp(a_host, b_host) == 0 &&
	    share_method(a->methods, b->methods);
}
