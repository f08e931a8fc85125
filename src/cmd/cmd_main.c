/* This file obeys a command line. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "proc/register.h"

static const struct command {
	const char *verb;
	int (*run)(const struct sh_cmd_backend *backend,
	    const struct sh_cmd_line *line);
	int operands;
} commands[] = {
	{ "run", sh_cmd_run, 0 },
	{ "start", sh_cmd_start, 0 },
	{ "stop", sh_cmd_stop, 0 },
	{ "restart", sh_cmd_restart, 0 },
	{ "reload", sh_cmd_reload, 0 },
	{ "status", sh_cmd_status, 0 },
	{ "test", sh_cmd_test, 0 },
	{ "config", sh_cmd_config, 0 },
	{ "reopen", sh_cmd_reopen, 0 },
	{ "workers", sh_cmd_workers, 2 },
	{ "listener", sh_cmd_listener, 2 },
	{ "modules", sh_cmd_modules, 0 },
	{ "version", sh_cmd_version, 0 },
};

static const struct command *
find_command(const char *verb)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(commands); i++)
		if (strcmp(commands[i].verb, verb) == 0)
			return &commands[i];
	return NULL;
}

static int
unknown_command(const struct sh_cmd_line *line)
{
	const char *words[SH_ARRAY_LEN(commands) + 1] = { NULL };
	const char *near;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(commands); i++)
		words[i] = commands[i].verb;
	near = sh_word_nearest(line->verb, words);
	fprintf(stderr,
	    "%s: unknown command '%s'%s%s%s (`%s --help' lists "
	    "them)\n",
	    line->name, line->verb, near != NULL ? "; did you mean '" : "",
	    near != NULL ? near : "", near != NULL ? "'?" : "", line->name);
	return SH_CMD_USAGE;
}

static int
dispatch(const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	const struct command *command = find_command(line->verb);
	int status;

	if (strcmp(line->verb, "help") == 0) {
		sh_cmd_help(line->name);
		return SH_CMD_OK;
	}
	if (command == NULL)
		return unknown_command(line);
	if (line->operand_count > command->operands) {
		fprintf(stderr, "%s: %s does not take '%s'\n", line->name,
		    line->verb, line->operands[command->operands]);
		return SH_CMD_USAGE;
	}
	status = sh_cmd_check_options(line);
	if (status != SH_CMD_OK)
		return status;
	return command->run(backend, line);
}

/* What was asked for must have arrived; what a program that serves prints is
 * its own affair. */
int
sh_cmd_finish_output(const struct sh_cmd_line *line, int status)
{
	int error = fflush(stdout) != 0 ? errno : ferror(stdout) ? EIO : 0;

	if (error == 0 || status != SH_CMD_OK || strcmp(line->verb, "run") == 0)
		return status;
	sh_cmd_complain(
	    line, "cannot write to standard output: %s", strerror(error));
	/* 71 means nothing to who knows the statuses of `status' */
	return strcmp(line->verb, "status") == 0 ? SH_CMD_STATUS_UNKNOWN
						 : SH_CMD_OS;
}

int
sh_cmd_main(const struct sh_cmd_backend *backend, int argc, char **argv)
{
	struct sh_cmd_line line;
	bool done;
	int status;

	sh_register_fill_standard();
	status = sh_cmd_parse(backend, argc, argv, &line, &done);
	if (status == SH_CMD_OK && !done)
		status = sh_cmd_finish_output(&line, dispatch(backend, &line));
	free(line.overrides);
	free(line.control);
	return status;
}
