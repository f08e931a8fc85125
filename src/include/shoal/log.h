/* The log, as a handler sees it. */
#pragma once

#include <stdarg.h>
#include <shoal/visibility.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Severities, named and ordered as in syslog(3). */
enum shoal_log_level {
	SHOAL_LOG_EMERG,
	SHOAL_LOG_ALERT,
	SHOAL_LOG_CRIT,
	SHOAL_LOG_ERR,
	SHOAL_LOG_WARNING,
	SHOAL_LOG_NOTICE,
	SHOAL_LOG_INFO,
	SHOAL_LOG_DEBUG
};

/**
 * Write one line to the log that the settings name.
 *
 * Time, process, slot and generation are put before it; control characters
 * become spaces. A message is cut after 3,999 bytes. One below the configured
 * level costs one comparison.
 *
 * @param level   severity
 * @param format  as printf(3), borrowed; a newline at its end is dropped
 *
 * Context  any, in any thread; not from a signal handler
 * Blocks   never, but for write(2) to a slow disk
 * See      syslog(3); RFC 5424, 6.2.1, for the levels
 */
SHOAL_API void shoal_log(enum shoal_log_level level, const char *format, ...)
    SHOAL_PRINTF(2, 3);

/** As shoal_log(), with a va_list. */
SHOAL_API void shoal_vlog(enum shoal_log_level level, const char *format,
    va_list args) SHOAL_PRINTF(2, 0);

#ifdef __cplusplus
}
#endif
