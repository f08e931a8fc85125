/*
 * This file ends the process when shoal's own code is wrong; it is not for
 * trouble that the environment or a peer can cause. Assertions stay on in
 * release builds.
 */
#pragma once

#include <stddef.h>
#include "base/attr.h"

/** Writes the message to the log's descriptor and aborts. */
SH_NORETURN void
sh_panic(const char *file, int line, const char *function, const char *what);

#define sh_assert(cond)            \
	(SH_LIKELY(cond) ? (void)0 \
			 : sh_panic(__FILE__, __LINE__, __func__, #cond))

/* Objects that cross callbacks carry a magic number, cleared when freed. */
#define SH_CHECK(obj, number) \
	sh_assert((obj) != NULL && (obj)->magic == (number))
