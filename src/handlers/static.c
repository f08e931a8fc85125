/*
 * This file is the handler `static': it answers with files beneath a folder.
 * What file that is, is static_open.c's.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/handler.h>
#include <shoal/log.h>
#include <shoal/response.h>
#include <shoal/settings.h>
#include <shoal/thread.h>

#include "handlers/builtin.h"
#include "handlers/static.h"

static int
check_static(const struct shoal_settings *settings, char *why, size_t cap)
{
	const char *root = shoal_settings_string(settings, "root");

	if (root[0] == '/')
		return 0;
	snprintf(why, cap,
	    "config.root '%s' is no absolute path; write it from /", root);
	return -SHOAL_ECONFIG;
}

/* Not an error: what is looked up for each request may come later. */
static void
look_for_root(const char *root)
{
	int fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0)
		close(fd);
	else
		shoal_log(SHOAL_LOG_WARNING,
		    "static: no folder is at root '%s' (%s); requests get an "
		    "error until one is",
		    root, shoal_strerror(-errno));
}

static int
open_static(const struct shoal_settings *settings, void **arg_out)
{
	struct sh_static *site;
	const char *root = shoal_settings_string(settings, "root");

	site = calloc(1, sizeof(*site));
	if (site == NULL)
		return -SHOAL_ENOMEM;
	site->root = root;
	look_for_root(root);
	site->index = shoal_settings_string(settings, "index");
	site->cache_control = shoal_settings_string(settings, "cache_control");
	site->precompressed = shoal_settings_bool(settings, "precompressed");
	site->hidden = shoal_settings_bool(settings, "hidden");
	site->timeout_ms = (int)shoal_settings_int(settings, "timeout");
	*arg_out = site;
	return 0;
}

static void
close_static(void *arg)
{
	free(arg);
}

/* Whether a name in the path begins with a dot; /.well-known is there to be
 * seen, RFC 8615. */
static bool
is_hidden(const char *path)
{
	static const char shown[] = ".well-known";
	size_t n;

	for (; *path != '\0'; path += n, path += strspn(path, "/")) {
		n = strcspn(path, "/");
		if (path[0] == '.' &&
		    (n != sizeof(shown) - 1 || memcmp(path, shown, n) != 0))
			return true;
	}
	return false;
}

/* Bytes that may stand in a path as they are. RFC 3986 3.3, but for what some
 * take for a slash or a parameter. */
static bool
is_plain(unsigned char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') ||
	    (c != '\0' && strchr("/-._~!$&'()*+,=:@", c) != NULL);
}

static char *
put_encoded(char *to, const char *path)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *path != '\0'; path++) {
		unsigned char c = (unsigned char)*path;

		if (is_plain(c)) {
			*to++ = (char)c;
			continue;
		}
		*to++ = '%';
		*to++ = digits[c >> 4];
		*to++ = digits[c & 15];
	}
	return to;
}

/* To the same path with a slash behind it. It is written anew from what was
 * understood, with one slash in front: "//host/.." in the target must not lead
 * to another host. */
static void
redirect(struct shoal_request *req)
{
	const char *path = shoal_request_path(req);
	const char *query = shoal_request_query(req);
	char *to = malloc(3 * strlen(path) + strlen(query) + 4), *end;

	if (to == NULL) {
		shoal_response_error(req, 503);
		return;
	}
	path += strspn(path, "/");
	to[0] = '/';
	end = put_encoded(to + 1, path);
	*end++ = '/';
	*end = '\0';
	if (query[0] != '\0') {
		*end = '?';
		strcpy(end + 1, query);
	}
	if (shoal_response_redirect(req, 308, to) == -SHOAL_EINVAL)
		shoal_response_error(req, 404);
	free(to);
}

/* The file's own name, for its type: not that of the encoded one. */
static const char *
name_of(const struct sh_static_file *file)
{
	size_t len = strlen(file->path);

	return len == 0 || file->path[len - 1] == '/' ? file->site->index
						      : file->path;
}

static int
set_fields(struct shoal_request *req, const struct sh_static_file *file)
{
	static const char *const names[] = { "br", "gzip" };
	const char *cache = file->site->cache_control;
	int r = 0;

	if (file->varies)
		r = shoal_response_header(req, "Vary", "Accept-Encoding");
	if (r == 0 && file->coding != SH_STATIC_IDENTITY)
		r = shoal_response_header(
		    req, "Content-Encoding", names[file->coding]);
	if (r == 0 && cache[0] != '\0')
		r = shoal_response_header(req, "Cache-Control", cache);
	return r;
}

static void
send_file(struct shoal_request *req, const struct sh_static_file *file)
{
	const struct shoal_file_options options = {
		.size = sizeof(options),
		.name = name_of(file),
		.conditional = true,
	};
	int r = set_fields(req, file);

	if (r == 0)
		r = shoal_co_response_file(
		    req, file->fd, &options, file->site->timeout_ms);
	if (r < 0 && !shoal_response_is_complete(req)) {
		shoal_response_header(req, "Content-Encoding", NULL);
		shoal_response_error(req, r == -SHOAL_ENOMEM ? 503 : 500);
	}
}

static void
refuse(struct shoal_request *req, const struct sh_static_file *file)
{
	if (file->status == 500 && file->root_error == 0)
		shoal_log(SHOAL_LOG_ERR,
		    "static: %s beneath %s cannot be read: %s", file->path,
		    file->site->root, shoal_strerror(-file->error));
	if (file->status == 308)
		redirect(req);
	else
		shoal_response_error(req, file->status);
}

/* The clients are told nothing of it, and each would bring the same line. */
static void
note_root(struct sh_static *site, int error)
{
	if (error == site->root_error)
		return;
	site->root_error = error;
	if (error != 0)
		shoal_log(SHOAL_LOG_ERR,
		    "static: root %s cannot be opened, so nothing is served: "
		    "%s; it has to be a folder that the workers' user may "
		    "search",
		    site->root, shoal_strerror(-error));
	else
		shoal_log(SHOAL_LOG_NOTICE, "static: root %s is there again",
		    site->root);
}

static void
open_in_thread(void *arg)
{
	sh_static_open(arg);
}

static void
answer(struct shoal_request *req, const char *path, struct sh_static *site)
{
	struct sh_static_file file = {
		.site = site,
		.path = path,
		.fd = -1,
		.wanted = {
			shoal_request_accepts_coding(req, "br"),
			shoal_request_accepts_coding(req, "gzip"),
			shoal_request_accepts_coding(req, "identity"),
		},
	};

	/* not even one that is in the cache: another may have to wait */
	if (shoal_co_blocking(open_in_thread, &file) < 0) {
		shoal_response_error(req, 503);
		return;
	}
	note_root(site, file.root_error);
	if (file.fd < 0) {
		refuse(req, &file);
		return;
	}
	send_file(req, &file);
	close(file.fd);
}

static void
on_request(struct shoal_request *req, void *arg)
{
	struct sh_static *site = arg;
	const char *method = shoal_request_method(req);
	const char *path = shoal_request_rest(req);

	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0) {
		shoal_response_header(req, "Allow", "GET, HEAD");
		shoal_response_error(req, 405);
		return;
	}
	path += strspn(path, "/");
	if (!site->hidden && is_hidden(path))
		shoal_response_error(req, 404);
	else
		answer(req, path, site);
}

static const struct shoal_setting settings[] = {
	{ "root", SHOAL_SETTING_STRING, NULL, 0, 0,
	    "folder whose files are served; an absolute path" },
	{ "index", SHOAL_SETTING_STRING, "index.html", 0, 0,
	    "file that stands for its folder" },
	{ "precompressed", SHOAL_SETTING_BOOL, "true", 0, 0,
	    "send FILE.br or FILE.gz to who takes it" },
	{ "cache_control", SHOAL_SETTING_STRING, "", 0, 0,
	    "value of Cache-Control; empty for none" },
	{ "hidden", SHOAL_SETTING_BOOL, "false", 0, 0,
	    "serve names that begin with a dot, not just .well-known" },
	{ "timeout", SHOAL_SETTING_DURATION, "60s", 1000, 86400000,
	    "how long a client may take nothing of a file" },
	{ NULL },
};

const struct shoal_handler sh_static_handler = {
	.size = sizeof(struct shoal_handler),
	.name = "static",
	.doc = "answers with files beneath a folder",
	.settings = settings,
	.open = open_static,
	.close = close_static,
	.request = on_request,
	.check = check_static,
};
