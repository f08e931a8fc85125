/*
 * This file starts and ends a real redis-server for tests, and keeps what
 * coroutines find wrong until it can be asserted. Including it makes a test
 * that is skipped where there is no redis-server.
 */
#pragma once

#include <stdbool.h>
#include <string.h>
#include <shoal/co.h>
#include <shoal/redis.h>
#include <shoal/sock.h>

enum { WAIT_MS = 10000, SHORT_MS = 30 };

/* The first thing that was wrong; for the test's own stack. */
extern const char *rig_wrong;
extern int rig_wrong_line;

#define OK(condition)                              \
	do {                                       \
		if (!(condition) && !rig_wrong) {  \
			rig_wrong = #condition;    \
			rig_wrong_line = __LINE__; \
		}                                  \
	} while (0)

/** Run fn as the first coroutine and assert that all was OK. */
void rig_run(shoal_co_fn *fn);
/** Start redis-server, with more options (up to two words, or NULL), and wait
 *  until it answers. It ends with this process at the latest. */
void rig_start(const char *option, const char *value);
/** Start it without waiting. */
void rig_spawn(const char *option, const char *value);
/** End it at once, by SIGKILL. */
void rig_kill(void);
/** Stop it where it stands, by SIGSTOP, and let it go on. */
void rig_freeze(bool frozen);
/** Where it listens. */
const char *rig_address(void);
/** Connect to it, or note what is wrong. */
struct shoal_redis *rig_connect(void);
/** Whether a reply is a status or string with this text; frees it. */
bool rig_is_text(struct shoal_redis_reply *reply, const char *text);
/** Whether a reply is this number; frees it. */
bool rig_is_number(struct shoal_redis_reply *reply, int64_t number);
/** Whether it is an error of this kind; frees it. */
bool rig_is_error(struct shoal_redis_reply *reply, const char *kind);
