/*
 * This file reads the command line of the load generator; it does not open a
 * socket.
 */
#include "config.h"

#include "load.h"

#include <getopt.h>
#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_S = 1000000000, MAX_SECONDS = 3600, SETUP_SECONDS = 60 };

volatile sig_atomic_t load_stopped;

static const char usage_text[] =
    "usage: load MODE ADDRESS [OPTION...]\n"
    "\n"
    "Modes; ADDRESS is 127.0.0.1:PORT or [::1]:PORT:\n"
    "  echo     keep messages in flight on every connection, for throughput\n"
    "  connect  connect, send one message, read its answer, close; again\n"
    "  idle     open connections, one message on each, then hold them\n"
    "All three speak TCP. http and ws do what echo does, connect-http and\n"
    "connect-ws what connect does, idle-http and idle-ws what idle does; a\n"
    "message is a GET request, or one that is echoed over WebSocket.\n"
    "  broadcast  one WebSocket publishes, all others get it: so many\n"
    "             messages in flight that not all have got yet\n"
    "\n"
    "  -c, --connections N  at the same time (64; connect 16, idle 1000)\n"
    "  -s, --size BYTES     of a message (128)\n"
    "  -d, --depth N        messages in flight per connection (1); broadcast:\n"
    "                       of the publisher\n"
    "  -t, --time SECONDS   to measure, run or hold (5; idle 60)\n"
    "  -w, --warmup SECONDS before the measurement (0.3)\n"
    "  -n, --count N        connect: end after N connections\n"
    "  -r, --rate N         connect: begin N connections a second\n"
    "  -p, --path PATH      of HTTP requests and handshakes (/)\n"
    "      --publish PATH   broadcast: of the publisher's handshake (/publish)\n"
    "  -b, --body TEXT      http: what is to be answered (\"\")\n"
    "      --binary         ws: messages are not text\n"
    "      --sources N      take 127.0.0.1 to 127.0.0.N as sources in turn\n"
    "      --timeout MS     for an answer (5000)\n"
    "      --pid PID        server, whose tree's processor time is reported\n"
    "\n"
    "One line of JSON on stdout. SIGTERM ends the run early, and idle ends\n"
    "when a pipe on stdin is closed. Exit status: 0 all was answered and\n"
    "right, 1 something was not, 2 usage.\n";

static const struct option long_options[] = {
	{ "connections", required_argument, NULL, 'c' },
	{ "size", required_argument, NULL, 's' },
	{ "depth", required_argument, NULL, 'd' },
	{ "time", required_argument, NULL, 't' },
	{ "warmup", required_argument, NULL, 'w' },
	{ "count", required_argument, NULL, 'n' },
	{ "rate", required_argument, NULL, 'r' },
	{ "path", required_argument, NULL, 'p' },
	{ "publish", required_argument, NULL, 'U' },
	{ "body", required_argument, NULL, 'b' },
	{ "binary", no_argument, NULL, 'B' },
	{ "sources", required_argument, NULL, 'S' },
	{ "timeout", required_argument, NULL, 'T' },
	{ "pid", required_argument, NULL, 'P' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const struct mode {
	const char *name;
	int (*run)(const struct load_options *options);
	const struct load_protocol *protocol;
	int connections, sources;
	double seconds;
} modes[] = {
	{ "echo", load_flow, &load_echo, 64, 1, 5 },
	{ "http", load_flow, &load_http, 64, 1, 5 },
	{ "ws", load_flow, &load_ws, 64, 1, 5 },
	{ "broadcast", load_broadcast, &load_ws, 100, 8, 5 },
	/* One address has about 28,000 ports, each busy for a minute. */
	{ "connect", load_connect, &load_echo, 16, 64, 5 },
	{ "connect-http", load_connect, &load_http, 16, 64, 5 },
	{ "connect-ws", load_connect, &load_ws, 16, 64, 5 },
	{ "idle", load_idle, &load_echo, 1000, 8, 60 },
	{ "idle-http", load_idle, &load_http, 1000, 8, 60 },
	{ "idle-ws", load_idle, &load_ws, 1000, 8, 60 },
};

void
load_die(const char *format, ...)
{
	va_list args;

	fputs("load: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(LOAD_USAGE);
}

uint64_t
load_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

static double
number(const char *text, double min, double max)
{
	char *end;
	double value = strtod(text, &end);

	if (end == text || *end != '\0' || !(value >= min && value <= max))
		load_die("%s: want a number from %g to %g", text, min, max);
	return value;
}

static double
whole_number(const char *text, double min, double max)
{
	double value = number(text, min, max);

	if (value != floor(value))
		load_die("%s: want a whole number", text);
	return value;
}

static void
set_option(struct load_options *options, int letter, const char *value)
{
	switch (letter) {
	case 'c':
		options->connections = (int)whole_number(value, 1, 1e6);
		break;
	case 's':
		options->size = (size_t)whole_number(value, 1, 1 << 24);
		break;
	case 'd': options->depth = (int)whole_number(value, 1, 4096); break;
	case 't': options->seconds = number(value, 0.01, MAX_SECONDS); break;
	case 'w': options->warmup_s = number(value, 0, 60); break;
	case 'n': options->count = (uint64_t)whole_number(value, 1, 1e9); break;
	case 'r': options->rate = number(value, 0.1, 1e6); break;
	case 'p': options->path = value; break;
	case 'U': options->publish = value; break;
	case 'b': options->body = value; break;
	case 'B': options->binary = true; break;
	case 'S': options->sources = (int)whole_number(value, 1, 254); break;
	case 'T': options->timeout_ms = (int)whole_number(value, 1, 6e5); break;
	case 'P':
		options->server_pid = (pid_t)whole_number(value, 1, 1 << 22);
		break;
	case 'h': fputs(usage_text, stdout); exit(LOAD_OK);
	default: fputs("load: try --help\n", stderr); exit(LOAD_USAGE);
	}
}

static const struct mode *
mode_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(modes) / sizeof(modes[0]); i++)
		if (strcmp(modes[i].name, name) == 0)
			return &modes[i];
	load_die("%s: no such mode; try --help", name);
}

static const struct mode *
read_command_line(struct load_options *options, int argc, char **argv)
{
	const struct mode *mode;
	const char *why;
	int letter;

	while ((letter = getopt_long(argc, argv, "c:s:d:t:w:n:r:p:b:h",
		    long_options, NULL)) != -1)
		set_option(options, letter, optarg);
	if (argc - optind != 2) {
		fputs(usage_text, stderr);
		exit(LOAD_USAGE);
	}
	mode = mode_of(argv[optind]);
	options->mode = mode->name;
	options->protocol = mode->protocol;
	options->address = argv[optind + 1];
	if (!load_target_parse(&options->target, options->address, &why))
		load_die("%s: %s", options->address, why);
	if (options->connections == 0)
		options->connections = mode->connections;
	if (options->sources == 0)
		options->sources = mode->sources;
	if (options->seconds <= 0)
		options->seconds = options->count > 0 ? 60 : mode->seconds;
	return mode;
}

static void
on_stop_signal(int signo)
{
	load_stopped = 1;
}

static void
set_signals(void)
{
	struct sigaction action = { .sa_handler = on_stop_signal };

	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGINT, &action, NULL);
	signal(SIGPIPE, SIG_IGN);
}

int
main(int argc, char **argv)
{
	struct load_options options = { .depth = 1,
		.size = 128,
		.warmup_s = 0.3,
		.timeout_ms = 5000,
		.path = "/",
		.publish = "/publish",
		.body = "" };
	const struct mode *mode = read_command_line(&options, argc, argv);

	/* Whatever goes wrong below, it ends. */
	alarm((unsigned)(options.warmup_s + options.seconds) +
	    2 * (unsigned)options.timeout_ms / 1000 + SETUP_SECONDS);
	set_signals();
	load_pattern_init();
	options.message_size = options.protocol->prepare(&options);
	load_net_want_descriptors((unsigned)options.connections + 16);
	return mode->run(&options);
}
