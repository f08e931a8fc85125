/*
 * This file reads Range. It does not know whether a Range is to be obeyed,
 * see http_condition.h. RFC 9110 14.1 and 14.2.
 */
#include "config.h"

#include "proto/http_range.h"

#include <stdbool.h>
#include <string.h>

#include "proto/http_chars.h"

struct ranges {
	struct sh_http_range *list;
	int count; /* those that can be had */
	int asked; /* all of them */
};

/* Digits only; as good as INT64_MAX when there are too many. */
static bool
parse_position(const char *text, size_t len, int64_t *position_out)
{
	int64_t position = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		int digit = text[i] - '0';

		if (digit < 0 || digit > 9)
			return false;
		position = position > (INT64_MAX - digit) / 10
		    ? INT64_MAX
		    : position * 10 + digit;
	}
	*position_out = position;
	return len > 0;
}

/* "-500": the last bytes. */
static bool
parse_suffix(
    const char *text, size_t len, int64_t size, struct sh_http_range *range)
{
	int64_t count;

	if (!parse_position(text, len, &count))
		return false;
	range->begin = count < size ? size - count : 0;
	range->end = count > 0 ? size : 0;
	return true;
}

/* A range that cannot be had is empty. */
static bool
parse_range(
    const char *text, size_t len, int64_t size, struct sh_http_range *range)
{
	const char *dash = memchr(text, '-', len);
	size_t n = dash != NULL ? (size_t)(dash - text) : 0;
	int64_t last = INT64_MAX;

	if (dash == NULL)
		return false;
	if (n == 0)
		return parse_suffix(text + 1, len - 1, size, range);
	if (!parse_position(text, n, &range->begin))
		return false;
	if (n + 1 < len &&
	    (!parse_position(dash + 1, len - n - 1, &last) ||
		last < range->begin))
		return false;
	range->end = last < size ? last + 1 : size;
	return true;
}

/* Put one to the others, and let those that it touches become one with it. */
static void
add_range(struct ranges *ranges, struct sh_http_range range)
{
	int i, place = -1;

	for (i = 0; i < ranges->count;) {
		struct sh_http_range *other = &ranges->list[i];

		if (range.begin > other->end || other->begin > range.end) {
			i++;
			continue;
		}
		if (other->begin < range.begin)
			range.begin = other->begin;
		if (other->end > range.end)
			range.end = other->end;
		ranges->count--;
		memmove(other, other + 1,
		    (size_t)(ranges->count - i) * sizeof(*other));
		if (place < 0 || i < place)
			place = i;
		/* it has grown, and may touch those before */
		i = 0;
	}
	if (place < 0)
		place = ranges->count;
	memmove(&ranges->list[place + 1], &ranges->list[place],
	    (size_t)(ranges->count - place) * sizeof(range));
	ranges->list[place] = range;
	ranges->count++;
}

/* The first byte of "bytes=..." that is not of the unit, NULL when it is
 * another unit. */
static const char *
skip_unit(const char *text, size_t len)
{
	const char *equals = memchr(text, '=', len);

	if (equals == NULL ||
	    !sh_http_equal(text, (size_t)(equals - text), "bytes"))
		return NULL;
	return equals + 1;
}

int
sh_http_range_parse(const char *text, size_t len, int64_t size,
    struct sh_http_range ranges_out[SH_HTTP_RANGES_MAX])
{
	struct ranges ranges = { .list = ranges_out };
	const char *list = len > 0 ? skip_unit(text, len) : NULL, *item;
	struct sh_http_range range;
	size_t list_len, n;

	/* nothing has no parts */
	if (list == NULL || size == 0)
		return 0;
	list_len = len - (size_t)(list - text);
	while (sh_http_list_next(&list, &list_len, &item, &n)) {
		if (++ranges.asked > SH_HTTP_RANGES_MAX ||
		    !parse_range(item, n, size, &range))
			return 0;
		if (range.begin < range.end)
			add_range(&ranges, range);
	}
	if (ranges.asked == 0)
		return 0;
	return ranges.count > 0 ? ranges.count : -416;
}
