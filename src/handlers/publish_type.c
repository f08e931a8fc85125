/* This file says what a body is published as, by its Content-Type. */
#include "config.h"

#include "handlers/publish_type.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <shoal/ws.h>

static bool
is_one_of(const char *type, size_t len, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strlen(*names) == len &&
		    strncasecmp(type, *names, len) == 0)
			return true;
	return false;
}

static bool
ends_with(const char *type, size_t len, const char *end)
{
	size_t n = strlen(end);

	return len > n && strncasecmp(type + len - n, end, n) == 0;
}

static bool
is_text(const char *type, size_t len)
{
	/* the second is what curl -d says if it is told nothing */
	static const char *const names[] = { "application/json",
		"application/x-www-form-urlencoded", "application/javascript",
		"application/xml", NULL };

	return strncasecmp(type, "text/", 5) == 0 ||
	    is_one_of(type, len, names) || ends_with(type, len, "+json") ||
	    ends_with(type, len, "+xml");
}

/* Whether the parameters name no charset but UTF-8, or a part of it. */
static bool
is_utf8(const char *parameters)
{
	static const char *const names[] = { "utf-8", "utf8", "us-ascii",
		NULL };
	const char *value = strcasestr(parameters, "charset=");
	size_t len;

	if (value == NULL)
		return true;
	value += strlen("charset=");
	value += *value == '"';
	len = strcspn(value, "\"; \t");
	return is_one_of(value, len, names);
}

int
sh_publish_type(const char *media_type)
{
	size_t len;

	if (media_type == NULL || media_type[0] == '\0')
		return SHOAL_WS_TEXT;
	len = strcspn(media_type, "; \t");
	if (strncasecmp(media_type, "multipart/", 10) == 0)
		return 0;
	if (!is_text(media_type, len))
		return SHOAL_WS_BINARY;
	return is_utf8(media_type + len) ? SHOAL_WS_TEXT : 0;
}
