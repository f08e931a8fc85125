/*
 * This module has one handler, "upper": it answers in upper case. It shows
 * what a module can have; take out what yours does not need.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/shoal.h>

/* What open() makes of the settings, once for each listener and worker. */
struct upper {
	const char *suffix; /* lent by the settings */
	size_t suffix_len;
};

/* Letters changed since the start, of this worker; `shoal status --json' shows
 * the sum over all workers. */
static struct shoal_counter *letters;

/* --- the handler -------------------------------------------------------- */

static int
open_upper(const struct shoal_settings *settings, void **arg_out)
{
	struct upper *upper = malloc(sizeof(*upper));

	if (upper == NULL)
		return -SHOAL_ENOMEM;
	upper->suffix = shoal_settings_string(settings, "suffix");
	upper->suffix_len = strlen(upper->suffix);
	*arg_out = upper;
	return 0;
}

static void
close_upper(void *arg)
{
	free(arg);
}

/* Copy text in upper case, with the suffix behind it; how many letters were
 * changed. */
static int
convert(const struct upper *upper, const char *text, size_t len, char *to)
{
	int changed = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		to[i] = (char)toupper((unsigned char)text[i]);
		changed += to[i] != text[i];
	}
	memcpy(to + len, upper->suffix, upper->suffix_len);
	return changed;
}

/* The data is borrowed, so the answer is made in memory of our own; a send
 * copies it. */
static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	const struct upper *upper = arg;
	char *answer = malloc(len + upper->suffix_len);

	if (answer == NULL) {
		shoal_conn_abort(conn);
		return;
	}
	shoal_counter_add(letters, convert(upper, data, len, answer));
	shoal_conn_send(conn, answer, len + upper->suffix_len);
	free(answer);

	/* a client that does not read its answers has to wait for them */
	if (shoal_conn_is_full(conn))
		shoal_conn_pause(conn);
}

static void
on_writable(struct shoal_conn *conn, void *arg)
{
	(void)arg;
	shoal_conn_resume(conn);
}

static const struct shoal_setting upper_settings[] = {
	{ "suffix", SHOAL_SETTING_STRING, "", 0, 0, "put behind every answer" },
	{ NULL, SHOAL_SETTING_STRING, NULL, 0, 0, NULL },
};

static const struct shoal_handler upper = {
	.size = sizeof(upper),
	.name = "upper",
	.doc = "answers in upper case",
	.settings = upper_settings,
	.open = open_upper,
	.close = close_upper,
	.tcp = {
		.size = sizeof(upper.tcp),
		.on_receive = on_receive,
		.on_writable = on_writable,
	},
};

/* --- the module --------------------------------------------------------- */

/* Before a start or reload, in a process of its own: what is wrong here is
 * told to the administrator, and nothing changes. */
static int
check(const struct shoal_settings *settings, char *why, size_t cap)
{
	const char *greeting = shoal_settings_string(settings, "greeting");

	if (strchr(greeting, '\n') == NULL)
		return 0;
	snprintf(why, cap, "greeting must be one line");
	return -SHOAL_ECONFIG;
}

static int
worker_start(const struct shoal_settings *settings)
{
	letters = shoal_counter_get("upper_letters");
	shoal_log(SHOAL_LOG_INFO, "%s from slot %d of %d",
	    shoal_settings_string(settings, "greeting"), shoal_worker_slot(),
	    shoal_worker_count());
	return 0;
}

static void
drain(int deadline_ms)
{
	shoal_log(SHOAL_LOG_INFO, "%zu connections have %d ms left",
	    shoal_worker_connections(), deadline_ms);
}

static void
worker_stop(void)
{
	shoal_log(SHOAL_LOG_INFO, "%lld letters changed",
	    (long long)shoal_counter_value(letters));
}

static const struct shoal_setting module_settings[] = {
	{ "greeting", SHOAL_SETTING_STRING, "hello", 0, 0,
	    "what the log shows when a worker starts" },
	{ NULL, SHOAL_SETTING_STRING, NULL, 0, 0, NULL },
};

static const struct shoal_handler *const handlers[] = { &upper, NULL };

SHOAL_MODULE(.name = "text", .version = "1.0", .handlers = handlers,
    .settings = module_settings, .check = check, .worker_start = worker_start,
    .drain = drain, .worker_stop = worker_stop);
