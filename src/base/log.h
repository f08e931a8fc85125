/*
 * This file writes log lines to one descriptor; it does not decide what is
 * worth a line. One process-wide log, set up by the master and inherited.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <shoal/log.h>
#include "base/attr.h"

enum sh_log_format {
	SH_LOG_TEXT,   /* ts level role[pid]: message */
	SH_LOG_JSON,   /* one object a line */
	SH_LOG_JOURNAL /* <N>role: message, for stderr under systemd */
};

/** Say where lines go. fd is borrowed; 2 until the first call. */
void sh_log_open(int fd, enum sh_log_format format, enum shoal_log_level level);
/** Put another descriptor in the place of the log's; it takes new_fd. */
void sh_log_reopen(int new_fd);
/** Name the process in every line from now on, "master", "worker/2/g7";
 *  copied, at most 31 bytes. */
void sh_log_set_role(const char *role);
/** The descriptor of the log. Async-signal-safe. */
int sh_log_fd(void);
/** Whether stderr is the journal ($JOURNAL_STREAM names it). */
bool sh_log_stderr_is_journal(void);
/** Whether a line of this level would be written. */
bool sh_log_wants(enum shoal_log_level level);
/** Write a text of several lines as several lines. */
void sh_log_lines(enum shoal_log_level level, const char *text);

#define sh_log_err(...) shoal_log(SHOAL_LOG_ERR, __VA_ARGS__)
#define sh_log_warning(...) shoal_log(SHOAL_LOG_WARNING, __VA_ARGS__)
#define sh_log_notice(...) shoal_log(SHOAL_LOG_NOTICE, __VA_ARGS__)
#define sh_log_info(...) shoal_log(SHOAL_LOG_INFO, __VA_ARGS__)
#define sh_log_debug(...) shoal_log(SHOAL_LOG_DEBUG, __VA_ARGS__)
