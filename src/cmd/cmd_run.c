/* This file starts a master: here, or in the background. */
#include "config.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cmd/cmd.h"
#include "cmd/cmd_client.h"

enum {
	/* the master gives up by itself, and says so */
	PATIENCE_MS = 5000,
	START_TIMEOUT_MS = 120000,
	RECORD_MAX = 8192
};

/* A reload reads the file again, from wherever the master then is. Symbolic
 * links are left alone: they may point elsewhere by then. */
static void
make_absolute(struct sh_cmd_line *line, char *buf, size_t cap)
{
	char folder[PATH_MAX];

	if (line->file == NULL || line->file[0] == '/' ||
	    getcwd(folder, sizeof(folder)) == NULL)
		return;
	if ((size_t)snprintf(buf, cap, "%s/%s", folder, line->file) < cap)
		line->file = buf;
}

int
sh_cmd_run(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *given)
{
	struct sh_cmd_line line = *given;
	char path[2 * PATH_MAX];

	make_absolute(&line, path, sizeof(path));
	return backend->serve(&line, false, -1, backend->arg);
}

/* In the child of `start'. */
static int
be_daemon(const struct sh_cmd_backend *backend, struct sh_cmd_line *line,
    int ready_fd)
{
	char path[2 * PATH_MAX];

	make_absolute(line, path, sizeof(path));
	setsid();
	if (chdir("/") < 0)
		return SH_CMD_OS;
	return backend->serve(line, true, ready_fd, backend->arg);
}

/* Read until the end of file or the deadline; the bytes read, NUL-ended. */
static size_t
read_record(int fd, char *record, int64_t deadline_ms, bool *late_out)
{
	size_t len = 0;

	*late_out = false;
	while (len < RECORD_MAX - 1) {
		struct pollfd pollfd = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&pollfd, 1, sh_cmd_poll_ms(deadline_ms)) == 0) {
			*late_out = true;
			break;
		}
		n = read(fd, record + len, RECORD_MAX - 1 - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += (size_t)n;
	}
	record[len] = '\0';
	return len;
}

static void
print_failure(const struct sh_cmd_line *line, const char *text)
{
	size_t len = strlen(text);

	/* the record ends a line, and so may the text in it */
	while (len > 0 && text[len - 1] == '\n')
		len--;
	if (len != 0 && !line->quiet)
		fprintf(stderr, "%.*s\n", (int)len, text);
}

static int
judge_record(const struct sh_cmd_line *line, char *record, size_t len,
    bool late, pid_t pid)
{
	char *text;
	long status;

	if (late) {
		sh_cmd_complain(line,
		    "not ready in time, still starting as pid %d; "
		    "`%s status' tells how far it is",
		    (int)pid, line->name);
		return SH_CMD_TIMEOUT;
	}
	if (len == 0) {
		sh_cmd_complain(line, "the master died before it was ready");
		return SH_CMD_INTERNAL;
	}
	status = strtol(record, &text, 10);
	if (status != SH_CMD_OK) {
		print_failure(line, text + strspn(text, " "));
		return (int)status;
	}
	if (!line->quiet)
		printf("%s: started, pid %d\n", line->name, (int)pid);
	return SH_CMD_OK;
}

int
sh_cmd_start(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *given)
{
	struct sh_cmd_line line = *given;
	char record[RECORD_MAX];
	int64_t timeout_ms = line.timeout_ms >= 0
	    ? line.timeout_ms + PATIENCE_MS
	    : START_TIMEOUT_MS;
	int ends[2], status;
	bool late;
	size_t len;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		sh_cmd_complain(&line, "socketpair: %s", strerror(errno));
		return SH_CMD_OS;
	}
	fflush(NULL);
	pid = fork();
	if (pid < 0) {
		sh_cmd_complain(&line, "fork: %s", strerror(errno));
		return SH_CMD_OS;
	}
	if (pid == 0) {
		close(ends[0]);
		status = be_daemon(backend, &line, ends[1]);
		fflush(NULL);
		_exit(status);
	}
	close(ends[1]);
	len = read_record(ends[0], record, sh_clock_ms() + timeout_ms, &late);
	/* without this it stops when we are gone */
	if (late && send(ends[0], "\n", 1, MSG_NOSIGNAL) < 0)
		late = false;
	close(ends[0]);
	return judge_record(&line, record, len, late, pid);
}

int
sh_cmd_restart(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	struct sh_cmd_line stop = *line;
	int status = sh_cmd_test(backend, line);

	if (status != SH_CMD_OK) {
		sh_cmd_complain(line, "nothing was stopped");
		return status;
	}
	stop.if_running = true;
	status = sh_cmd_stop(backend, &stop);
	return status != SH_CMD_OK ? status : sh_cmd_start(backend, line);
}

int
sh_cmd_test(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	return sh_cmd_apart(line, backend->test, backend->arg);
}

int
sh_cmd_modules(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	return sh_cmd_apart(line, backend->modules, backend->arg);
}
