/*
 * This file gives arbitrary bytes to the judgement of WebSocket handshakes. The
 * input is lines: Host, Origin, a pattern of origins, Upgrade, Connection, key,
 * version, the subprotocols of the client. What is let in has to be what the
 * rules allow.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proto/http_route.h"
#include "proto/ws_handshake.h"

enum {
	HOST,
	ORIGIN,
	PATTERN,
	UPGRADE,
	CONNECTION,
	KEY,
	VERSION_LINE,
	OFFERED,
	LINES
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Lines that are not there are NULL. */
static void
cut_lines(char *text, const char **lines)
{
	size_t i;

	for (i = 0; i < LINES; i++) {
		char *end = text != NULL ? strchr(text, '\n') : NULL;

		lines[i] = text;
		if (end != NULL)
			*end++ = '\0';
		text = end;
	}
}

static void
check_judgement(const char *const *lines)
{
	const struct sh_ws_hello hello = {
		.method = "GET",
		.http_1_1 = true,
		.host = lines[HOST],
		.upgrade = lines[UPGRADE],
		.connection = lines[CONNECTION],
		.key = lines[KEY],
		.version = lines[VERSION_LINE],
		.origin = lines[ORIGIN],
	};
	const char *why = NULL;
	char accept[SH_WS_ACCEPT_LEN + 1];
	int status = sh_ws_hello_judge(&hello, NULL, &why);

	sh_assert(status == 0 || status == 400 || status == 403 ||
	    status == 405 || status == 426);
	sh_assert((status == 0) == (why == NULL));
	if (status != 0)
		return;
	sh_assert(strcmp(hello.version, "13") == 0 && hello.host[0] != '\0');
	sh_assert(hello.origin == NULL ||
	    sh_ws_origin_is_same(hello.origin, hello.host));
	sh_assert(strlen(hello.key) == SH_WS_KEY_LEN);
	sh_ws_accept_write(accept, hello.key);
	sh_assert(strlen(accept) == SH_WS_ACCEPT_LEN);
}

/* One that is allowed has no byte that could end its host sooner for a browser,
 * or that joins two fields; a comma alone may stand in a host. */
static void
check_origin(const char *origin, const char *pattern)
{
	const char *host = strstr(pattern, "://");

	if (strcmp(pattern, "*") == 0 ||
	    sh_http_origin_lacks(pattern) != NULL ||
	    !sh_ws_origin_matches(origin, pattern))
		return;
	sh_assert(host != NULL);
	sh_assert(strstr(origin, "://") != NULL);
	sh_assert(strpbrk(strstr(origin, "://") + 3, "/\\?#@ ") == NULL);
}

static void
check_subprotocol(const char *offered)
{
	static const char *const ours[] = { "chat", "b.v1", NULL };
	const char *chosen = sh_ws_subprotocol_choose(ours, offered);

	sh_assert(chosen == NULL || chosen == ours[0] || chosen == ours[1]);
	sh_assert(chosen == NULL || strstr(offered, chosen) != NULL);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = sh_xcalloc(1, size + 1);
	const char *lines[LINES];

	memcpy(text, data, size);
	cut_lines(text, lines);
	check_judgement(lines);
	if (lines[PATTERN] != NULL)
		check_origin(lines[ORIGIN], lines[PATTERN]);
	check_subprotocol(lines[OFFERED]);
	free(text);
	return 0;
}
