/* This file takes the URL of a server apart. */
#include "config.h"

#include "base/server_url.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

static const char lower[] = "abcdefghijklmnopqrstuvwxyz0123456789+";
static const char host_chars[] = "abcdefghijklmnopqrstuvwxyz"
				 "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_";
static const char v6_chars[] = "0123456789abcdefABCDEF:.";

static int
fail(const char **why_out, const char *why)
{
	*why_out = why;
	return -SHOAL_EINVAL;
}

static bool
copy(char *to, size_t cap, const char *from, size_t len)
{
	if (len >= cap)
		return false;
	memcpy(to, from, len);
	to[len] = '\0';
	return true;
}

static int
take_unix(struct sh_server_url *url, const char *text, const char **why_out)
{
	if (text[strlen("unix:")] != '/')
		return fail(why_out, "the path behind unix: is not absolute");
	if (!copy(url->address, sizeof(url->address), text, strlen(text)))
		return fail(why_out, "the path is too long");
	memcpy(url->scheme, "unix", sizeof("unix"));
	return 0;
}

/* What is before "://"; *at is moved behind it. */
static int
take_scheme(struct sh_server_url *url, const char **at, const char **why_out)
{
	size_t len = strspn(*at, lower);

	if (len == 0 || strncmp(*at + len, "://", 3) != 0)
		return fail(why_out,
		    "expected scheme://[user@]host[:port], or unix:/path");
	if (!copy(url->scheme, sizeof(url->scheme), *at, len))
		return fail(why_out, "the scheme is too long");
	*at += len + 3;
	return 0;
}

/* What is before '@', if there is one in the authority. */
static int
take_user(struct sh_server_url *url, const char **at, const char **why_out)
{
	size_t len = strcspn(*at, "@/");

	if ((*at)[len] != '@')
		return 0;
	if (memchr(*at, ':', len) != NULL)
		return fail(why_out,
		    "a password does not belong into it: use password or "
		    "password_file");
	if (len == 0 || !copy(url->user, sizeof(url->user), *at, len))
		return fail(why_out, "the user is empty or too long");
	if (strpbrk(url->user, "%?# \t") != NULL)
		return fail(why_out,
		    "the user has characters that a URL may not have: use "
		    "the key user");
	*at += len + 1;
	return 0;
}

/* The length of a host, 0 for none. */
static size_t
host_len(const char *text)
{
	size_t len;

	if (text[0] != '[')
		return strspn(text, host_chars);
	len = 1 + strspn(text + 1, v6_chars);
	return text[len] == ']' && len > 1 ? len + 1 : 0;
}

static int
take_host(struct sh_server_url *url, const char **at, unsigned default_port,
    const char **why_out)
{
	size_t len = host_len(*at);
	const char *host = *at;
	unsigned long port = default_port;
	char *end;

	if (len == 0 || len >= sizeof(url->address) - 8)
		return fail(why_out, "the host is missing, wrong or too long");
	*at += len;
	if (**at == ':') {
		port = strtoul(*at + 1, &end, 10);
		if ((*at)[1] < '0' || (*at)[1] > '9' || end - *at > 6 ||
		    port == 0 || port > 65535)
			return fail(why_out, "the port is not 1 to 65535");
		*at = end;
	}
	snprintf(url->address, sizeof(url->address), "%.*s:%lu", (int)len, host,
	    port);
	return 0;
}

static int
take_path(struct sh_server_url *url, const char *at, const char **why_out)
{
	if (*at == '/')
		at++;
	else if (*at != '\0')
		return fail(why_out, "wrong characters behind the host");
	if (strpbrk(at, "?#% \t") != NULL)
		return fail(why_out, "wrong characters in the path");
	if (!copy(url->path, sizeof(url->path), at, strlen(at)))
		return fail(why_out, "the path is too long");
	return 0;
}

int
sh_server_url_parse(struct sh_server_url *url, const char *text,
    unsigned default_port, const char **why_out)
{
	int r;

	memset(url, 0, sizeof(*url));
	if (strncmp(text, "unix:", strlen("unix:")) == 0)
		return take_unix(url, text, why_out);
	r = take_scheme(url, &text, why_out);
	if (r == 0)
		r = take_user(url, &text, why_out);
	if (r == 0)
		r = take_host(url, &text, default_port, why_out);
	return r < 0 ? r : take_path(url, text, why_out);
}
