/* This file names compiler attributes; it holds no code. */
#pragma once

#define SH_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define SH_NORETURN __attribute__((noreturn))
#define SH_MUST_CHECK __attribute__((warn_unused_result))
#define SH_LIKELY(x) __builtin_expect(!!(x), 1)
#define SH_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define SH_ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define SH_CONTAINER(ptr, type, member) \
	((type *)(void *)((char *)(ptr)-offsetof(type, member)))
