/*
 * This file is a worker that serves nothing: each connection gets a line and is
 * closed. What it does otherwise is said by words in its plan's config_path:
 *
 *	never	is never ready
 *	slow	is ready after a third of a second
 *	fails	says why it cannot start
 *	aborts	dies before it is ready
 *	brief	in slot 0, dies once it is ready; in others, never is
 *	lingers	goes on when it is told to drain, as with a connection
 *	stubborn	obeys nothing
 *	holds	accepts nothing before it is told to drain
 */
#pragma once

#include <stdint.h>

#include "proc/heritage.h"

enum { FAKE_LINE_MAX = 64 };

/* What workers tell the test, in shared memory. */
struct fake_report {
	_Atomic uint32_t starts;
	_Atomic uint32_t listeners;   /* listening sockets it could see */
	_Atomic uint32_t descriptors; /* all that it had */
};

/** The worker; arg is a struct fake_report. */
int fake_worker(const struct sh_heritage *heritage, void *arg);
