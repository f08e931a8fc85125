/* This file asks a master something over its control socket, and waits. */
#include "config.h"

#include "cmd/cmd_client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/sock.h"
#include "proc/paths.h"

static const char override_key[] = "control.path=";

/* The value of the last -s control.path=..., without quotes. */
static bool
find_override(const struct sh_cmd_line *line, char *buf, size_t cap)
{
	bool found = false;
	size_t i;

	for (i = 0; i < line->override_count; i++) {
		const char *value = line->overrides[i];
		size_t len;

		if (strncmp(value, override_key, sizeof(override_key) - 1) != 0)
			continue;
		value += sizeof(override_key) - 1;
		len = strlen(value);
		if (len >= 2 && value[0] == '"' && value[len - 1] == '"') {
			value++;
			len -= 2;
		}
		snprintf(buf, cap, "%.*s", (int)len, value);
		found = true;
	}
	return found;
}

/* Where the control socket is: -s control.path, the file, or the default. The
 * file may be broken otherwise. */
static void
find_control_path(const struct sh_cmd_line *line, char *buf, size_t cap)
{
	if (!find_override(line, buf, cap) &&
	    (line->file == NULL ||
		sh_settings_peek(line->file, "control.path", buf, cap) < 0))
		snprintf(buf, cap, "auto");
	if (strcmp(buf, "auto") == 0)
		sh_path_control(line->name, buf, cap);
}

/* The master's pid as the kernel knows it, so that its end can be waited
 * for. */
static int
open_peer(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0 ||
	    peer.pid <= 0)
		return -1;
	return pidfd_open(peer.pid, 0);
}

int
sh_cmd_client_open(struct sh_cmd_client *client, const struct sh_cmd_line *line,
    int64_t default_timeout_ms)
{
	int64_t timeout_ms =
	    line->timeout_ms >= 0 ? line->timeout_ms : default_timeout_ms;
	struct sh_addr addr;
	char text[600];

	client->problem = NULL;
	client->fd = client->pidfd = -1;
	client->deadline_ms = sh_clock_ms() + timeout_ms;
	find_control_path(line, client->path, sizeof(client->path));
	snprintf(text, sizeof(text), "unix:%s", client->path);
	if (client->path[0] != '/')
		client->problem = "expected an absolute path";
	else
		sh_addr_parse(&addr, text, &client->problem);
	if (client->problem != NULL)
		return -SHOAL_EINVAL;
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (client->fd < 0)
		return -errno;
	if (connect(client->fd, &addr.sa, addr.len) < 0) {
		int error = errno;

		sh_cmd_client_close(client);
		return -error;
	}
	client->pidfd = open_peer(client->fd);
	return 0;
}

void
sh_cmd_client_close(struct sh_cmd_client *client)
{
	if (client->fd >= 0)
		close(client->fd);
	if (client->pidfd >= 0)
		close(client->pidfd);
	client->fd = client->pidfd = -1;
}

int
sh_cmd_client_send(
    struct sh_cmd_client *client, const struct sh_control_request *request)
{
	char line[SH_CONTROL_LINE_MAX];
	int len = sh_control_format(request, line);

	if (len < 0)
		return len;
	return send(client->fd, line, (size_t)len, MSG_NOSIGNAL) == len
	    ? 0
	    : -errno;
}

int
sh_cmd_poll_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - sh_clock_ms();

	if (left < 0)
		return 0;
	return left < INT_MAX ? (int)left : INT_MAX;
}

/* 0 when fd is readable or at its end, -SHOAL_ETIMEDOUT, -errno. */
static int
wait_for(const struct sh_cmd_client *client, int fd)
{
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int n;

	do
		n = poll(&pollfd, 1, sh_cmd_poll_ms(client->deadline_ms));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -SHOAL_ETIMEDOUT : 0;
}

/* Whether a whole answer has come; its status, or -SHOAL_EAGAIN. */
static int
parse_answer(struct sh_buf *in, char **body_out)
{
	size_t body_len;
	int status;
	int head = sh_control_parse_head(in->data, in->len, &status, &body_len);

	if (head < 0)
		return head;
	if (head == 0 || in->len < (size_t)head + body_len)
		return -SHOAL_EAGAIN;
	sh_buf_consume(in, (size_t)head);
	*body_out = sh_buf_take(in);
	return *body_out != NULL ? status : -SHOAL_ENOMEM;
}

int
sh_cmd_client_receive(struct sh_cmd_client *client, char **body_out)
{
	struct sh_buf in;
	int r;

	sh_buf_init(&in, SH_CONTROL_BODY_MAX + SH_CONTROL_HEAD_MAX);
	for (;;) {
		char bytes[8192];
		ssize_t n;

		r = wait_for(client, client->fd);
		if (r < 0)
			break;
		n = recv(client->fd, bytes, sizeof(bytes), 0);
		if (n <= 0) {
			r = n == 0 ? -SHOAL_ECONNRESET : -errno;
			break;
		}
		r = sh_buf_add(&in, bytes, (size_t)n);
		if (r == 0)
			r = parse_answer(&in, body_out);
		if (r != -SHOAL_EAGAIN)
			break;
	}
	sh_buf_fini(&in);
	return r;
}

int
sh_cmd_client_wait_gone(struct sh_cmd_client *client)
{
	char byte;
	int r;

	if (client->pidfd >= 0)
		return wait_for(client, client->pidfd);
	/* another pid namespace: the end of the connection must do */
	do {
		r = wait_for(client, client->fd);
	} while (r == 0 && recv(client->fd, &byte, 1, 0) > 0);
	return r;
}

void
sh_cmd_complain(const struct sh_cmd_line *line, const char *format, ...)
{
	va_list args;

	if (line->quiet)
		return;
	fprintf(stderr, "%s: ", line->name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

int
sh_cmd_explain(const struct sh_cmd_client *client,
    const struct sh_cmd_line *line, int error)
{
	if (client->problem != NULL) {
		sh_cmd_complain(line, "control socket '%s': %s (control.path)",
		    client->path, client->problem);
		return SH_CMD_CONFIG;
	}
	switch (-error) {
	case ENOENT:
	case ECONNREFUSED:
		sh_cmd_complain(
		    line, "not running (nothing answers on %s)", client->path);
		return SH_CMD_NOT_RUNNING;
	case EACCES:
	case EPERM:
		sh_cmd_complain(line,
		    "%s: permission denied; run it as root or as a member of "
		    "the group that control.group names",
		    client->path);
		return SH_CMD_PERMISSION;
	case SHOAL_ETIMEDOUT:
		sh_cmd_complain(line,
		    "no answer in time; `%s status' tells how far it is",
		    line->name);
		return SH_CMD_TIMEOUT;
	case SHOAL_ECONNRESET:
		sh_cmd_complain(line,
		    "the master went away before it answered; its log says "
		    "why");
		return SH_CMD_FAILED;
	default:
		sh_cmd_complain(
		    line, "%s: %s", client->path, shoal_strerror(error));
		return SH_CMD_OS;
	}
}

int
sh_cmd_ask(const struct sh_cmd_line *line,
    const struct sh_control_request *request, int64_t default_timeout_ms)
{
	struct sh_cmd_client client;
	char *body = NULL;
	int r = sh_cmd_client_open(&client, line, default_timeout_ms);

	if (r == 0)
		r = sh_cmd_client_send(&client, request);
	if (r == 0)
		r = sh_cmd_client_receive(&client, &body);
	if (r < 0) {
		r = sh_cmd_explain(&client, line, r);
	} else if (!line->quiet && body[0] != '\0') {
		size_t len = strlen(body);

		fprintf(r == 0 || line->json ? stdout : stderr, "%s%s", body,
		    body[len - 1] == '\n' ? "" : "\n");
	}
	free(body);
	sh_cmd_client_close(&client);
	return r;
}
