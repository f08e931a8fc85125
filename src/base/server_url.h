/*
 * This file takes the URL of a server apart, such as
 * "redis://user@host:6379/0"; it resolves no name and opens nothing.
 */
#pragma once

#include <stddef.h>

enum {
	SH_SERVER_URL_SCHEME_MAX = 16,
	SH_SERVER_URL_USER_MAX = 128,
	SH_SERVER_URL_ADDRESS_MAX = 280,
	SH_SERVER_URL_PATH_MAX = 128
};

struct sh_server_url {
	char scheme[SH_SERVER_URL_SCHEME_MAX]; /* "unix" for unix:/path */
	char user[SH_SERVER_URL_USER_MAX];     /* "" for none */
	/* "host:port", "[v6]:port" or "unix:/path", to connect to */
	char address[SH_SERVER_URL_ADDRESS_MAX];
	char path[SH_SERVER_URL_PATH_MAX]; /* without its '/'; "" for none */
};

/** Take "scheme://[user@]host[:port][/path]" or "unix:/path" apart. The host is a
 *  name, a number or in brackets. 0, or -SHOAL_EINVAL with the reason in *why_out
 *  (a constant); a password in it is refused. */
int sh_server_url_parse(struct sh_server_url *url, const char *text,
    unsigned default_port, const char **why_out);
