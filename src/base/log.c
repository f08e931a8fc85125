/* This file writes log lines to one descriptor. */
#include "config.h"

#include "base/log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"

enum { LINE_MAX_BYTES = 4000 };

/* The one log of the process. */
static struct {
	int fd;
	enum sh_log_format format;
	enum shoal_log_level level;
	char role[32];
} sink = { .fd = 2, .level = SHOAL_LOG_INFO, .role = "shoal" };

static const char *const level_names[] = { "emerg", "alert", "crit", "error",
	"warning", "notice", "info", "debug" };

void
sh_log_open(int fd, enum sh_log_format format, enum shoal_log_level level)
{
	sink.fd = fd;
	sink.format = format;
	sink.level = level;
}

void
sh_log_reopen(int new_fd)
{
	if (sink.fd <= STDERR_FILENO) {
		/* stderr stays what it is, to come back to */
		sink.fd = new_fd;
		return;
	}
	/* the number stays, so a copy of it, in a fault handler say, is good */
	dup3(new_fd, sink.fd, O_CLOEXEC);
	close(new_fd);
}

void
sh_log_set_role(const char *role)
{
	snprintf(sink.role, sizeof(sink.role), "%s", role);
}

int
sh_log_fd(void)
{
	return sink.fd;
}

bool
sh_log_wants(enum shoal_log_level level)
{
	return level <= sink.level;
}

bool
sh_log_stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;

	return stream != NULL && sscanf(stream, "%llu:%llu", &dev, &ino) == 2 &&
	    fstat(2, &st) == 0 && st.st_dev == dev && st.st_ino == ino;
}

/* Control characters would let a peer forge lines. */
static void
clean(char *text)
{
	size_t len = strlen(text);

	while (len > 0 && text[len - 1] == '\n')
		text[--len] = '\0';
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || *text == 0x7f)
			*text = ' ';
}

static void
format_time(char *buf, size_t cap)
{
	struct timespec ts;
	struct tm tm;
	size_t len;

	clock_gettime(CLOCK_REALTIME, &ts);
	gmtime_r(&ts.tv_sec, &tm);
	len = strftime(buf, cap, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + len, cap - len, ".%03ldZ", ts.tv_nsec / 1000000);
}

static void
format_line(
    struct sh_buf *line, enum shoal_log_level level, const char *message)
{
	char now[48];

	if (sink.format == SH_LOG_JOURNAL) {
		sh_buf_printf(
		    line, "<%d>%s: %s\n", (int)level, sink.role, message);
		return;
	}
	format_time(now, sizeof(now));
	if (sink.format == SH_LOG_TEXT) {
		sh_buf_printf(line, "%s %s %s[%d]: %s\n", now,
		    level_names[level], sink.role, (int)getpid(), message);
		return;
	}
	sh_buf_printf(line,
	    "{\"time\":\"%s\",\"level\":\"%s\",\"role\":\"%s\",\"pid\":%d,"
	    "\"message\":",
	    now, level_names[level], sink.role, (int)getpid());
	sh_buf_json(line, message);
	sh_buf_puts(line, "}\n");
}

void
shoal_vlog(enum shoal_log_level level, const char *format, va_list args)
{
	char message[LINE_MAX_BYTES];
	struct sh_buf line;

	if (!sh_log_wants(level))
		return;
	vsnprintf(message, sizeof(message), format, args);
	clean(message);
	sh_buf_init(&line, 8 * LINE_MAX_BYTES);
	format_line(&line, level, message);
	if (write(sink.fd, line.data, line.len) < 0) {
		/* a full disk must not stop the service */
	}
	sh_buf_fini(&line);
}

void
shoal_log(enum shoal_log_level level, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	shoal_vlog(level, format, args);
	va_end(args);
}

void
sh_log_lines(enum shoal_log_level level, const char *text)
{
	while (*text != '\0') {
		size_t len = strcspn(text, "\n");

		if (len != 0)
			shoal_log(level, "%.*s", (int)len, text);
		text += len + (text[len] == '\n');
	}
}
