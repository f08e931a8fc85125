/* This file understands the words of a command line. */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/attr.h"
#include "base/mem.h"
#include "base/text.h"
#include "cmd/cmd.h"

enum {
	OPT_CONTROL = 256,
	OPT_TIMEOUT,
	OPT_NOW,
	OPT_NO_WAIT,
	OPT_IF_RUNNING,
	OPT_JSON,
	OPT_KEYS,
	OPT_DEFAULTS,
	OPT_ORIGIN,
	OPT_BUILD,
	OPT_CLOSE,
	OPT_DEADLINE,
	OPT_VERSION
};

static const struct option long_options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "set", required_argument, NULL, 's' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "help", no_argument, NULL, 'h' },
	{ "control", required_argument, NULL, OPT_CONTROL },
	{ "timeout", required_argument, NULL, OPT_TIMEOUT },
	{ "now", no_argument, NULL, OPT_NOW },
	{ "no-wait", no_argument, NULL, OPT_NO_WAIT },
	{ "if-running", no_argument, NULL, OPT_IF_RUNNING },
	{ "json", no_argument, NULL, OPT_JSON },
	{ "keys", no_argument, NULL, OPT_KEYS },
	{ "defaults", no_argument, NULL, OPT_DEFAULTS },
	{ "origin", no_argument, NULL, OPT_ORIGIN },
	{ "build", no_argument, NULL, OPT_BUILD },
	{ "close", no_argument, NULL, OPT_CLOSE },
	{ "deadline", required_argument, NULL, OPT_DEADLINE },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ NULL, 0, NULL, 0 },
};

static const char help[] =
    "usage: %s COMMAND [OPTION ...]\n"
    "\n"
    "  run                   serve in the foreground\n"
    "  start                 serve in the background; returns when it serves\n"
    "  stop [--now]          stop; returns when the master is gone\n"
    "  restart               test, stop, start\n"
    "  reload [--no-wait]    take a new configuration without losing a\n"
    "                        connection; returns the outcome\n"
    "  status [--json] [-q]  what is running\n"
    "  test                  check the configuration, modules included\n"
    "  config [--origin] [--json] [--defaults] [--keys]\n"
    "                        show the settings in effect, or all there are\n"
    "  reopen                reopen the log\n"
    "  workers restart SLOT  replace one worker\n"
    "  listener              the listeners there are\n"
    "  listener stop NAME [--close] [--deadline DURATION]\n"
    "                        accept no more: who connects waits, or is refused\n"
    "  listener start NAME   accept again\n"
    "  modules               the handlers there are\n"
    "  version [--build]     the version, and what it was built with\n"
    "\n"
    "  -c FILE, --config FILE     the configuration\n"
    "  -s PATH=VALUE, --set ...   override one setting, for example\n"
    "                             -s workers.count=4; may be repeated\n"
    "  --control SOCKET           the control socket of the master\n"
    "  --timeout DURATION         wait at most so long, for example 30s\n"
    "  --if-running               stop: no error when nothing runs\n"
    "  -q, --quiet                say nothing, give the exit status only\n"
    "\n"
    "See shoal(8) for exit statuses and signals, shoal.conf(5) for settings.\n";

void
sh_cmd_help(const char *name)
{
	printf(help, name);
}

static int
refuse(const struct sh_cmd_line *line, const char *what, const char *word)
{
	fprintf(stderr, "%s: %s%s; `%s --help' lists commands and options\n",
	    line->name, what, word, line->name);
	return SH_CMD_USAGE;
}

static void
add_override(struct sh_cmd_line *line, const char *text)
{
	line->overrides = sh_xgrow(line->overrides, line->override_count + 1,
	    sizeof(*line->overrides));
	line->overrides[line->override_count++] = text;
}

static int
take_option(struct sh_cmd_line *line, int option, bool *done_out)
{
	switch (option) {
	case 'c':
		if (optarg[0] == '\0')
			return refuse(line, "-c: expected a file", "");
		line->file = optarg;
		break;
	case 's': add_override(line, optarg); break;
	case 'q': line->quiet = true; break;
	case 'h':
		sh_cmd_help(line->name);
		*done_out = true;
		break;
	case OPT_CONTROL:
		/* one way to say it is enough for what comes after */
		line->control = sh_xprintf("control.path=%s", optarg);
		add_override(line, line->control);
		break;
	case OPT_TIMEOUT:
		if (sh_duration_parse(optarg, &line->timeout_ms) < 0)
			return refuse(line,
			    "--timeout: expected a duration "
			    "such as 30s, not ",
			    optarg);
		break;
	case OPT_NOW: line->now = true; break;
	case OPT_NO_WAIT: line->no_wait = true; break;
	case OPT_IF_RUNNING: line->if_running = true; break;
	case OPT_JSON: line->json = true; break;
	case OPT_KEYS: line->keys = true; break;
	case OPT_DEFAULTS: line->defaults = true; break;
	case OPT_ORIGIN: line->origin = true; break;
	case OPT_BUILD: line->build = true; break;
	case OPT_CLOSE: line->close = true; break;
	case OPT_DEADLINE:
		line->deadline = optarg;
		if (sh_duration_parse(optarg, &line->deadline_ms) < 0)
			return refuse(line,
			    "--deadline: expected a duration "
			    "such as 30s, not ",
			    optarg);
		break;
	case OPT_VERSION: line->verb = "version"; break;
	default:
		/* getopt_long(3) has said what is wrong */
		fprintf(stderr, "%s: `%s --help' lists commands and options\n",
		    line->name, line->name);
		return SH_CMD_USAGE;
	}
	return SH_CMD_OK;
}

int
sh_cmd_check_options(const struct sh_cmd_line *line)
{
	const struct {
		bool given;
		const char *name, *verb, *other;
	} special[] = {
		{ line->now, "--now", "stop", "restart" },
		{ line->if_running, "--if-running", "stop", "stop" },
		{ line->no_wait, "--no-wait", "reload", "reload" },
		{ line->json, "--json", "status", "config" },
		{ line->origin, "--origin", "config", "config" },
		{ line->defaults, "--defaults", "config", "config" },
		{ line->keys, "--keys", "config", "config" },
		{ line->close, "--close", "listener", "listener" },
		{ line->deadline != NULL, "--deadline", "listener",
		    "listener" },
		{ line->build, "--build", "version", "version" },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(special); i++) {
		if (!special[i].given ||
		    strcmp(line->verb, special[i].verb) == 0 ||
		    strcmp(line->verb, special[i].other) == 0)
			continue;
		fprintf(stderr,
		    "%s: %s does not take %s; `%s --help' lists commands "
		    "and options\n",
		    line->name, line->verb, special[i].name, line->name);
		return SH_CMD_USAGE;
	}
	return SH_CMD_OK;
}

/* The file that is meant when none is named. */
static const char *
default_file(const struct sh_cmd_backend *backend)
{
	const char *file = getenv("SHOAL_CONFIG");

	if (file != NULL && file[0] != '\0')
		return file;
	return backend->has_listeners ? NULL
				      : SH_SYSCONFDIR "/shoal/shoal.conf";
}

static const char *
base_name(const char *path)
{
	const char *slash = path != NULL ? strrchr(path, '/') : NULL;

	if (path == NULL || path[0] == '\0')
		return "shoal";
	/* libtool runs programs of a build tree under such a name */
	path = slash != NULL ? slash + 1 : path;
	return strncmp(path, "lt-", 3) == 0 ? path + 3 : path;
}

int
sh_cmd_parse(const struct sh_cmd_backend *backend, int argc, char **argv,
    struct sh_cmd_line *line, bool *done_out)
{
	int option, status;

	*line = (struct sh_cmd_line){ .name = base_name(argv[0]),
		.timeout_ms = -1 };
	*done_out = false;
	optind = 0;
	while ((option = getopt_long(
		    argc, argv, "c:s:qh", long_options, NULL)) != -1) {
		status = take_option(line, option, done_out);
		if (status != SH_CMD_OK || *done_out)
			return status;
	}
	if (line->file == NULL)
		line->file = default_file(backend);
	if (optind < argc && line->verb == NULL)
		line->verb = argv[optind++];
	line->operands = argv + optind;
	line->operand_count = argc - optind;
	if (line->verb != NULL)
		return SH_CMD_OK;
	if (backend->has_listeners) {
		line->verb = "run";
		return SH_CMD_OK;
	}
	return refuse(line, "no command", "");
}

struct sh_settings_source
sh_cmd_source(const struct sh_cmd_line *line)
{
	return (struct sh_settings_source){ .file = line->file,
		.overrides = line->overrides,
		.override_count = line->override_count };
}
