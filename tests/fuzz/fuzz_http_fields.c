/*
 * This file parses arbitrary bytes as values of the fields that answers depend
 * on: Range, conditions and their dates, Accept-Encoding, Cookie; and writes a
 * cookie with them. What comes out has to keep its promises. The input is three
 * lines: twice the size of what is asked for, a value, and another one.
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/panic.h"
#include "proto/http_accept.h"
#include "proto/http_condition.h"
#include "proto/http_cookie.h"
#include "proto/http_date.h"
#include "proto/http_range.h"
#include "proto/media_type.h"

enum { INPUT_MAX = 8192 };

static const int64_t now = 1795000000;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_range(const char *text, size_t len, int64_t size)
{
	struct sh_http_range ranges[SH_HTTP_RANGES_MAX];
	int i, j, n = sh_http_range_parse(text, len, size, ranges);

	sh_assert(n == -416 || (n >= 0 && n <= SH_HTTP_RANGES_MAX));
	for (i = 0; i < n; i++) {
		sh_assert(ranges[i].begin >= 0);
		sh_assert(ranges[i].begin < ranges[i].end);
		sh_assert(ranges[i].end <= size);
		for (j = 0; j < i; j++)
			sh_assert(ranges[i].begin > ranges[j].end ||
			    ranges[i].end < ranges[j].begin);
	}
}

/* What was read is written as something that is read as the same. */
static void
check_date(const char *text, size_t len)
{
	char written[SH_HTTP_DATE_SIZE];
	int64_t seconds, again;

	if (sh_http_date_parse(text, len, now, &seconds) < 0)
		return;
	/* a leap second may be the first of the year 10000 */
	if (sh_http_date_format(seconds, written) < 0)
		return;
	sh_assert(strlen(written) == SH_HTTP_DATE_SIZE - 1);
	sh_assert(sh_http_date_parse(
		      written, SH_HTTP_DATE_SIZE - 1, now, &again) == 0 &&
	    again == seconds);
}

static void
check_condition(const char *a, const char *b)
{
	struct sh_http_validators validators = { a, now - 100, now };
	struct sh_http_condition condition = { .if_match = a,
		.if_none_match = b,
		.if_modified_since = a,
		.if_unmodified_since = b,
		.if_range = b,
		.reads = true };
	int r = sh_http_condition_judge(&condition, &validators);

	sh_assert(r == 0 || r == 304 || r == 412);
	condition.reads = false;
	r = sh_http_condition_judge(&condition, &validators);
	sh_assert(r == 0 || r == 412);
	condition.if_match = NULL;
	condition.if_none_match = NULL;
	condition.reads = true;
	r = sh_http_condition_judge(&condition, &validators);
	sh_assert(r == 0 || r == 304 || r == 412);
	(void)sh_http_condition_allows_range(&condition, &validators);
}

static void
check_accept(const char *text, size_t len)
{
	static const char *const codings[] = { "gzip", "br", "identity" };
	size_t i;

	for (i = 0; i < 3; i++)
		sh_assert(sh_http_accept_quality(text, len, codings[i]) <=
		    SH_HTTP_QUALITY_MAX);
}

/* A value that was written is found and decoded again. */
static void
check_cookie(const char *value)
{
	struct shoal_cookie cookie = { .name = "name", .value = value };
	const char *found;
	struct sh_buf out;
	size_t n, i;

	sh_buf_init(&out, SH_HTTP_COOKIE_MAX);
	if (sh_http_cookie_format(&cookie, &out) == 0) {
		for (i = 0; i < out.len; i++)
			sh_assert(out.data[i] > ' ' && out.data[i] < 127 &&
			    out.data[i] != ';');
		sh_assert(
		    sh_http_cookie_find(out.data, out.len, "name", &found, &n));
		n = sh_http_cookie_decode(
		    out.data, found, n); /* what is in front is over */
		sh_assert(
		    n == strlen(value) && memcmp(out.data, value, n) == 0);
		sh_buf_consume(&out, out.len);
	}
	cookie.raw = cookie.secure = true;
	cookie.domain = cookie.path = value;
	if (sh_http_cookie_format(&cookie, &out) == 0) {
		sh_assert(memchr(out.data, '\r', out.len) == NULL);
		sh_assert(memchr(out.data, '\n', out.len) == NULL);
	}
	sh_buf_fini(&out);
	cookie = (struct shoal_cookie){ .name = value, .value = value };
	if (sh_http_cookie_format(&cookie, &out) == 0)
		sh_assert(memchr(out.data, '\n', out.len) == NULL);
	sh_buf_fini(&out);
}

static void
check_find(const char *list, size_t len, const char *name)
{
	const char *value;
	size_t n;

	if (!sh_http_cookie_find(list, len, name, &value, &n))
		return;
	sh_assert(value >= list && value + n <= list + len);
}

/* Take the next line as a string in memory of just its size. */
static char *
take_line(const char **data, size_t *size)
{
	const char *end = *size > 0 ? memchr(*data, '\n', *size) : NULL;
	size_t n = end != NULL ? (size_t)(end - *data) : *size;
	size_t used = end != NULL ? n + 1 : n;
	char *line = sh_xcalloc(n + 1, 1);

	memcpy(line, *data, n);
	*data += used;
	*size -= used;
	return line;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	char *number, *first, *second;

	if (size > INPUT_MAX)
		return 0;
	number = take_line(&text, &size);
	first = take_line(&text, &size);
	second = take_line(&text, &size);
	check_range(first, strlen(first), llabs(atoll(number) / 2));
	check_date(first, strlen(first));
	check_condition(first, second);
	check_condition(NULL, first);
	check_accept(first, strlen(first));
	check_cookie(first);
	check_find(first, strlen(first), second);
	sh_assert(sh_media_type(first) != NULL);
	(void)sh_media_type_is_compressible(first);
	free(second);
	free(first);
	free(number);
	return 0;
}
