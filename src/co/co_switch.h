/*
 * This file moves the processor from one stack to another; it does not know
 * what runs on them or where they come from.
 */
#pragma once

#include <stddef.h>
#include "base/attr.h"

#if defined(SH_SANITIZE)
#include <ucontext.h>
#elif defined(__GNUC__) && !defined(__clang__)
/* gcc has it on every processor, clang has not */
#define SH_BUILTIN_SETJMP
#else
#include <setjmp.h>
#endif

/* A place to come back to. */
struct sh_co_context {
#if defined(SH_SANITIZE)
	ucontext_t place;
	void *fake_stack; /* the sanitizer's, while switched away */
	const void *low;  /* lowest byte of its stack */
	size_t size;      /* bytes of it */
#elif defined(SH_BUILTIN_SETJMP)
	void *place[5];
#else
	jmp_buf place;
#endif
};

typedef void sh_co_entry_fn(void *arg);

/** Prepare context so that the first switch to it calls entry(arg) on the
 *  stack of size bytes from low on. entry must not return. */
void sh_co_context_make(struct sh_co_context *context, void *low, size_t size,
    sh_co_entry_fn *entry, void *arg);
/** Leave the current stack for `to'; comes back when someone switches to
 *  `from'. */
void sh_co_context_switch(struct sh_co_context *from, struct sh_co_context *to);
