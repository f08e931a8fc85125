/* This file is the commands that a running master obeys. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shoal/error.h>

#include "cmd/cmd.h"
#include "cmd/cmd_client.h"

/* The master's own deadlines are shorter with their defaults. */
enum {
	/* the master's answer that the time is over takes a moment */
	PATIENCE_MS = 5000,
	STOP_TIMEOUT_MS = 60000,
	RELOAD_TIMEOUT_MS = 90000,
	ANSWER_TIMEOUT_MS = 15000
};

/* Levels of `stop', as the master counts them. */
enum { LEVEL_GRACEFUL = 2, LEVEL_FAST = 3 };

/* What is left after the time is over. */
static void
print_rest(const struct sh_cmd_line *line)
{
	struct sh_control_request request = { .verb = "status" };
	struct sh_cmd_line patient = *line;

	fprintf(stderr, "%s: still stopping:\n", line->name);
	patient.timeout_ms = ANSWER_TIMEOUT_MS;
	patient.json = false;
	sh_cmd_ask(&patient, &request, ANSWER_TIMEOUT_MS);
}

int
sh_cmd_stop(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	struct sh_control_request request = { .verb = "stop" };
	struct sh_cmd_client client;
	int r = sh_cmd_client_open(&client, line, STOP_TIMEOUT_MS);

	if (line->if_running && (r == -ENOENT || r == -ECONNREFUSED))
		return SH_CMD_OK;
	sh_control_add(
	    &request, "level", line->now ? LEVEL_FAST : LEVEL_GRACEFUL);
	if (r == 0)
		r = sh_cmd_client_send(&client, &request);
	if (r < 0) {
		sh_cmd_client_close(&client);
		return sh_cmd_explain(&client, line, r);
	}
	r = sh_cmd_client_wait_gone(&client);
	sh_cmd_client_close(&client);
	if (r == -SHOAL_ETIMEDOUT) {
		if (!line->quiet)
			print_rest(line);
		return SH_CMD_TIMEOUT;
	}
	if (r < 0)
		return sh_cmd_explain(&client, line, r);
	if (!line->quiet)
		printf("%s: stopped\n", line->name);
	return SH_CMD_OK;
}

/* Ask for something that --timeout limits on the master's side. */
static int
ask_with_timeout(const struct sh_cmd_line *line,
    struct sh_control_request *request, int64_t default_timeout_ms)
{
	struct sh_cmd_line patient = *line;

	if (line->timeout_ms >= 0) {
		sh_control_add(request, "timeout", line->timeout_ms);
		patient.timeout_ms += PATIENCE_MS;
	}
	return sh_cmd_ask(&patient, request, default_timeout_ms);
}

int
sh_cmd_reload(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	struct sh_control_request request = { .verb = "reload" };

	sh_control_add(&request, "wait", !line->no_wait);
	return ask_with_timeout(line, &request, RELOAD_TIMEOUT_MS);
}

int
sh_cmd_reopen(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	struct sh_control_request request = { .verb = "reopen" };

	return sh_cmd_ask(line, &request, ANSWER_TIMEOUT_MS);
}

int
sh_cmd_workers(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	struct sh_control_request request = { .verb = "restart-worker" };
	char *end;
	long slot;

	if (line->operand_count != 2 ||
	    strcmp(line->operands[0], "restart") != 0) {
		fprintf(stderr, "%s: usage: %s workers restart SLOT\n",
		    line->name, line->name);
		return SH_CMD_USAGE;
	}
	errno = 0;
	slot = strtol(line->operands[1], &end, 10);
	if (*end != '\0' || end == line->operands[1] || slot < 0 ||
	    errno != 0) {
		fprintf(stderr,
		    "%s: '%s' is not a slot; `%s status' lists "
		    "them\n",
		    line->name, line->operands[1], line->name);
		return SH_CMD_USAGE;
	}
	sh_control_add(&request, "slot", slot);
	return ask_with_timeout(line, &request, RELOAD_TIMEOUT_MS);
}

static int
refuse_listener(const struct sh_cmd_line *line)
{
	fprintf(stderr,
	    "%s: usage: %s listener [list | stop NAME [--close] "
	    "[--deadline DURATION] | start NAME]\n",
	    line->name, line->name);
	return SH_CMD_USAGE;
}

static int
list_listeners(const struct sh_cmd_line *line)
{
	struct sh_control_request request = { .verb = "listeners" };

	return sh_cmd_ask(line, &request, ANSWER_TIMEOUT_MS);
}

int
sh_cmd_listener(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	const char *what = line->operand_count > 0 ? line->operands[0] : "list";
	struct sh_control_request request = { .verb = "listener-start" };
	bool stop = strcmp(what, "stop") == 0;

	if (!stop && (line->close || line->deadline != NULL))
		return refuse_listener(line);
	if (strcmp(what, "list") == 0 && line->operand_count < 2)
		return list_listeners(line);
	if (line->operand_count != 2 || (!stop && strcmp(what, "start") != 0))
		return refuse_listener(line);
	if (sh_control_add_text(&request, "name", line->operands[1]) < 0) {
		sh_cmd_complain(line,
		    "'%s' is too long for a listener's name; `%s listener' "
		    "lists them",
		    line->operands[1], line->name);
		return SH_CMD_FAILED;
	}
	if (stop) {
		strcpy(request.verb, "listener-stop");
		sh_control_add(&request, "close", line->close);
		if (line->deadline != NULL)
			sh_control_add(&request, "deadline", line->deadline_ms);
	}
	return ask_with_timeout(line, &request, ANSWER_TIMEOUT_MS);
}

/* Where a master would have left its pid file; "" when it makes none. */
static void
find_pid_file(
    const struct sh_cmd_line *line, const char *control, char *buf, size_t cap)
{
	const char *slash = strrchr(control, '/');

	if (line->file == NULL ||
	    sh_settings_peek(line->file, "pid_file", buf, cap) < 0)
		snprintf(buf, cap, "auto");
	if (strcmp(buf, "auto") == 0 && slash != NULL)
		snprintf(buf, cap, "%.*s/%s.pid", (int)(slash - control),
		    control, line->name);
	else if (buf[0] != '/')
		buf[0] = '\0';
}

/* Not running, after a crash or in good order. */
static int
status_of_nothing(const struct sh_cmd_line *line, const char *control)
{
	char pid_file[1024];

	find_pid_file(line, control, pid_file, sizeof(pid_file));
	if (pid_file[0] != '\0' && access(pid_file, F_OK) == 0) {
		sh_cmd_complain(line,
		    "not running (nothing answers on %s), but %s is still "
		    "there",
		    control, pid_file);
		return SH_CMD_STATUS_DEAD;
	}
	sh_cmd_complain(line, "not running (nothing answers on %s)", control);
	return SH_CMD_STATUS_STOPPED;
}

int
sh_cmd_status(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	struct sh_control_request request = { .verb = "status" };
	struct sh_cmd_client client;
	char *body = NULL;
	int r = sh_cmd_client_open(&client, line, ANSWER_TIMEOUT_MS);

	if (r == -ENOENT || r == -ECONNREFUSED)
		return status_of_nothing(line, client.path);
	sh_control_add(&request, "json", line->json);
	if (r == 0)
		r = sh_cmd_client_send(&client, &request);
	if (r == 0)
		r = sh_cmd_client_receive(&client, &body);
	sh_cmd_client_close(&client);
	if (r < 0) {
		sh_cmd_explain(&client, line, r);
		return SH_CMD_STATUS_UNKNOWN;
	}
	if (!line->quiet)
		fputs(body, stdout);
	free(body);
	return r;
}
