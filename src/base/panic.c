/* This file ends the process when shoal's own code is wrong. */
#include "config.h"

#include "base/panic.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/log.h"

void
sh_panic(const char *file, int line, const char *function, const char *what)
{
	char text[512];
	int len = snprintf(text, sizeof(text),
	    "shoal[%d]: assertion failed at %s:%d in %s: %s; this is a bug in "
	    "shoal or in a handler that breaks the rules of its man page\n",
	    (int)getpid(), file, line, function, what);

	if (len > (int)sizeof(text) - 1)
		len = (int)sizeof(text) - 1;
	if (write(sh_log_fd(), text, (size_t)len) < 0) {
		/* there is nowhere left to say it */
	}
	abort();
}
