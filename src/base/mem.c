/* This file allocates memory. */
#include "config.h"

#include "base/mem.h"

#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

enum { KEPT_MAX = 8 * 1024 * 1024, HEAP_MAX = 4 * 1024 * 1024 };

static void *
or_die(void *memory)
{
	if (memory == NULL)
		sh_panic(__FILE__, __LINE__, __func__, "out of memory");
	return memory;
}

void *
sh_xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n, size));
}

void
sh_mem_keep_freed(void)
{
	/* the first ends that glibc adapts the second, so both are set */
	mallopt(M_TRIM_THRESHOLD, KEPT_MAX);
	mallopt(M_MMAP_THRESHOLD, HEAP_MAX);
}

char *
sh_xstrdup(const char *text)
{
	return or_die(strdup(text));
}

char *
sh_xprintf(const char *format, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	return or_die(text);
}

void *
sh_try_calloc(size_t n, size_t size)
{
	return calloc(n, size);
}

void *
sh_try_grow(void *array, size_t n, size_t size)
{
	return reallocarray(array, n, size);
}

void *
sh_xgrow(void *array, size_t n, size_t size)
{
	return or_die(reallocarray(array, n, size));
}
