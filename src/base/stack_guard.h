/* This file names what catches the overflow of a coroutine's stack. */
#pragma once

enum sh_stack_guard {
	SH_STACK_GUARD_AUTO,     /* the best that the kernel has */
	SH_STACK_GUARD_MADVISE,  /* MADV_GUARD_INSTALL: no mapping per stack */
	SH_STACK_GUARD_MPROTECT, /* PROT_NONE: two mappings per stack */
	SH_STACK_GUARD_NONE      /* some stacks have had to go without */
};

/** Name of a guard: "madvise", "mprotect", "none"; "unknown" before the first
 *  stack. */
static inline const char *
sh_stack_guard_str(enum sh_stack_guard guard)
{
	switch (guard) {
	case SH_STACK_GUARD_MADVISE: return "madvise";
	case SH_STACK_GUARD_MPROTECT: return "mprotect";
	case SH_STACK_GUARD_NONE: return "none";
	case SH_STACK_GUARD_AUTO: break;
	}
	return "unknown";
}
