/* This file decides what a client may do with topics. */
#include "config.h"

#include "handlers/access.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <shoal/error.h>
#include <shoal/handler.h>
#include <shoal/log.h>
#include <shoal/response.h>

#include "handlers/refuse.h"

enum { TOKEN_MAX = 1024, KEY_MAX = 64, WHY_MAX = 512 };

/* --- settings -------------------------------------------------------------- */

static const char *
value_of(
    const struct shoal_settings *settings, const char *name, const char *suffix)
{
	char key[KEY_MAX];

	snprintf(key, sizeof(key), "%s%s", name, suffix);
	return shoal_settings_string(settings, key);
}

/* What can stand in a header field and, encoded, in a query. */
static bool
is_token(const char *text)
{
	size_t i;

	for (i = 0; text[i] != '\0'; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return i > 0 && i <= TOKEN_MAX;
}

bool
sh_token_is_set(const struct shoal_settings *settings, const char *name)
{
	return value_of(settings, name, "")[0] != '\0' ||
	    value_of(settings, name, "_file")[0] != '\0';
}

/* The first line of the file, without blanks at its end. */
static int
read_line(const char *path, char *text, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = read(fd, text, cap - 1);
	if (n < 0)
		n = -errno;
	close(fd);
	if (n < 0)
		return (int)n;
	text[n] = '\0';
	text[strcspn(text, "\r\n")] = '\0';
	n = (ssize_t)strlen(text);
	while (n > 0 && isblank((unsigned char)text[n - 1]))
		text[--n] = '\0';
	return 0;
}

/* The token in the file that NAME_file says. text has TOKEN_MAX + 2 bytes. */
static int
read_file(const struct shoal_settings *settings, const char *name, char *text,
    char *why, size_t cap)
{
	const char *path = value_of(settings, name, "_file");
	int r = read_line(path, text, TOKEN_MAX + 2);

	if (r < 0) {
		snprintf(why, cap,
		    "config.%s_file '%s' cannot be read: %s; the workers' user "
		    "has to be able to",
		    name, path, shoal_strerror(r));
		return r;
	}
	if (is_token(text))
		return 0;
	snprintf(why, cap,
	    "config.%s_file '%s' has no token in its first line: printable "
	    "ASCII without blanks, at most %d bytes",
	    name, path, TOKEN_MAX);
	return -SHOAL_ECONFIG;
}

int
sh_token_check(const struct shoal_settings *settings, const char *name,
    char *why, size_t cap)
{
	const char *token = value_of(settings, name, "");
	const char *path = value_of(settings, name, "_file");
	char text[TOKEN_MAX + 2];

	if (token[0] != '\0' && path[0] != '\0')
		snprintf(why, cap,
		    "config.%s and config.%s_file are both set; use one", name,
		    name);
	else if (token[0] != '\0' && !is_token(token))
		snprintf(why, cap,
		    "config.%s has to be printable ASCII without blanks, at "
		    "most %d bytes",
		    name, TOKEN_MAX);
	else if (path[0] != '\0' && path[0] != '/')
		snprintf(why, cap,
		    "config.%s_file '%s' is no absolute path; write it from /",
		    name, path);
	else if (path[0] != '\0')
		return read_file(settings, name, text, why, cap);
	else
		return 0;
	return -SHOAL_ECONFIG;
}

int
sh_token_read(
    const struct shoal_settings *settings, const char *name, char **out)
{
	const char *token = value_of(settings, name, "");
	char text[TOKEN_MAX + 2], why[WHY_MAX];
	int r;

	*out = NULL;
	if (value_of(settings, name, "_file")[0] != '\0') {
		r = read_file(settings, name, text, why, sizeof(why));
		if (r < 0) {
			shoal_log(SHOAL_LOG_ERR, "%s", why);
			return r;
		}
		token = text;
	}
	if (token[0] == '\0')
		return 0;
	*out = strdup(token);
	return *out != NULL ? 0 : -SHOAL_ENOMEM;
}

int
sh_authorize_check(
    const struct shoal_settings *settings, bool beside, char *why, size_t cap)
{
	const char *name = shoal_settings_string(settings, "authorize");
	char own[512];

	if (name[0] == '\0')
		return 0;
	if (beside) {
		snprintf(why, cap,
		    "config.authorize '%s' decides alone; take the tokens "
		    "away",
		    name);
		return -SHOAL_ECONFIG;
	}
	if (shoal_delegate_check(name, own, sizeof(own)) == 0)
		return 0;
	snprintf(why, cap, "config.authorize: %s", own);
	return -SHOAL_ECONFIG;
}

int
sh_authorize_open(
    const struct shoal_settings *settings, struct sh_access *access)
{
	const char *name = shoal_settings_string(settings, "authorize");

	return name[0] != '\0' ? shoal_delegate_open(name, &access->authorize)
			       : 0;
}

void
sh_access_fini(struct sh_access *access)
{
	free(access->subscribe_token);
	free(access->publish_token);
	shoal_delegate_close(&access->authorize);
	*access = (struct sh_access){ 0 };
}

/* --- requests -------------------------------------------------------------- */

/* Takes as long whether much or little of it is right. */
static bool
is_same(const char *secret, const char *given)
{
	size_t len = strlen(secret), given_len = strlen(given), i;
	volatile unsigned difference = len != given_len;

	for (i = 0; i < given_len; i++)
		difference =
		    difference | (unsigned char)(given[i] ^ secret[i % len]);
	return difference == 0;
}

/* What the client shows, or NULL. A browser can set no field on a WebSocket. RFC
 * 6750, 2.1 and 2.3. */
static const char *
shown_token(struct shoal_request *req)
{
	static const char scheme[] = "Bearer ";
	const char *field = shoal_request_header(req, "Authorization");

	if (field != NULL &&
	    strncasecmp(field, scheme, sizeof(scheme) - 1) == 0)
		return field + strspn(field + sizeof(scheme) - 1, " ") +
		    sizeof(scheme) - 1;
	return shoal_request_param(req, "token");
}

static unsigned
rights_without(const struct sh_access *access)
{
	if (access->subscribe_token != NULL)
		return 0;
	return access->publish_token == NULL
	    ? SHOAL_MAY_SUBSCRIBE | SHOAL_MAY_PUBLISH
	    : SHOAL_MAY_SUBSCRIBE;
}

static unsigned
rights_with(const struct sh_access *access, const char *shown)
{
	bool publishes = access->publish_token != NULL &&
	    is_same(access->publish_token, shown);
	bool subscribes = access->subscribe_token != NULL &&
	    is_same(access->subscribe_token, shown);

	if (publishes || (subscribes && access->publish_token == NULL))
		return SHOAL_MAY_SUBSCRIBE | SHOAL_MAY_PUBLISH;
	return subscribes ? SHOAL_MAY_SUBSCRIBE : 0;
}

static unsigned
judge_token(const struct sh_access *access, struct shoal_request *req)
{
	bool asks =
	    access->subscribe_token != NULL || access->publish_token != NULL;
	const char *shown = asks ? shown_token(req) : NULL;
	unsigned rights =
	    shown != NULL ? rights_with(access, shown) : rights_without(access);

	if (rights == 0 && shown == NULL) {
		(void)shoal_response_header(
		    req, "WWW-Authenticate", "Bearer realm=\"shoal\"");
		sh_refuse(req, 401,
		    "a token is needed: Authorization: Bearer TOKEN, or "
		    "?token=TOKEN");
	} else if (rights == 0) {
		sh_refuse(req, 403, "the token is wrong");
	}
	return rights;
}

static unsigned
ask(const struct sh_access *access, struct shoal_request *req)
{
	unsigned rights;

	shoal_delegate_request(access->authorize, req);
	if (shoal_response_has_begun(req))
		return 0;
	rights = shoal_request_rights(req);
	if (rights == 0)
		sh_refuse(req, 403, "not allowed");
	return rights;
}

unsigned
sh_access_judge(
    const struct sh_access *access, struct shoal_request *req, unsigned needed)
{
	unsigned rights = access->authorize != NULL ? ask(access, req)
						    : judge_token(access, req);

	if (rights == 0 || (rights & needed) == needed)
		return rights;
	sh_refuse(req, 403,
	    needed == SHOAL_MAY_PUBLISH ? "not allowed to publish here"
					: "not allowed to subscribe here");
	return 0;
}
