/* This file allocates memory. */
#include "config.h"

#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/panic.h"

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
