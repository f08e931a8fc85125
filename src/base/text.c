/* This file reads and writes durations and sizes, and finds near words. */
#include "config.h"

#include "base/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"

static const int64_t NUMBER_MAX = (int64_t)1 << 53;

static const struct {
	const char *name;
	int64_t ms;
} duration_units[] = {
	{ "d", 86400000 },
	{ "h", 3600000 },
	{ "m", 60000 },
	{ "s", 1000 },
	{ "ms", 1 },
};

/* Read decimal digits. The count of them, 0 when there is none. */
static size_t
read_digits(const char *text, int64_t *value_out)
{
	size_t n = 0;
	int64_t value = 0;

	for (; text[n] >= '0' && text[n] <= '9'; n++)
		if (value <= NUMBER_MAX)
			value = value * 10 + (text[n] - '0');
	*value_out = value;
	return n;
}

/* Index of the unit at text, not before first; -1 when there is none. */
static int
find_duration_unit(const char *text, size_t len, size_t first)
{
	size_t i;

	for (i = first; i < SH_ARRAY_LEN(duration_units); i++)
		if (strlen(duration_units[i].name) == len &&
		    strncmp(text, duration_units[i].name, len) == 0)
			return (int)i;
	return -1;
}

int
sh_duration_parse(const char *text, int64_t *ms_out)
{
	int64_t total = 0, n;
	size_t next = 0;

	do {
		size_t digits = read_digits(text, &n);
		size_t letters;
		int unit;

		if (digits == 0)
			return -SHOAL_EINVAL;
		text += digits;
		letters = strcspn(text, "0123456789");
		unit = find_duration_unit(text, letters, next);
		if (unit < 0)
			return -SHOAL_EINVAL;
		if (n > (NUMBER_MAX - total) / duration_units[unit].ms)
			return -ERANGE;
		total += n * duration_units[unit].ms;
		next = (size_t)unit + 1;
		text += letters;
	} while (*text != '\0');
	*ms_out = total;
	return 0;
}

const char *
sh_duration_format(int64_t ms, char *buf, size_t cap)
{
	size_t i, len = 0;

	snprintf(buf, cap, "0s");
	for (i = 0; i < SH_ARRAY_LEN(duration_units) && len < cap; i++) {
		int64_t n = ms / duration_units[i].ms;

		if (n == 0)
			continue;
		len += (size_t)snprintf(buf + len, cap - len, "%lld%s",
		    (long long)n, duration_units[i].name);
		ms %= duration_units[i].ms;
	}
	return buf;
}

int
sh_size_parse(const char *text, int64_t *bytes_out)
{
	int64_t n;
	size_t digits = read_digits(text, &n);
	unsigned shift;

	if (digits == 0)
		return -SHOAL_EINVAL;
	text += digits;
	switch (*text) {
	case '\0': shift = 0; break;
	case 'k':
	case 'K': shift = 10; break;
	case 'M':
	case 'm': shift = 20; break;
	case 'G':
	case 'g': shift = 30; break;
	default: return -SHOAL_EINVAL;
	}
	if (text[0] != '\0' && text[1] != '\0')
		return -SHOAL_EINVAL;
	if (n > NUMBER_MAX >> shift)
		return -ERANGE;
	*bytes_out = n << shift;
	return 0;
}

const char *
sh_size_format(int64_t bytes, char *buf, size_t cap)
{
	static const char *const units[] = { "", "k", "M", "G" };
	size_t i = 0;

	while (bytes != 0 && bytes % 1024 == 0 && i + 1 < SH_ARRAY_LEN(units)) {
		bytes /= 1024;
		i++;
	}
	snprintf(buf, cap, "%lld%s", (long long)bytes, units[i]);
	return buf;
}

enum { WORD_MAX = 40, TOO_FAR = 99 };

static unsigned
min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;

	return m < c ? m : c;
}

unsigned
sh_word_distance(const char *a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t la = strlen(a), lb = strlen(b), i, j;

	if (la > WORD_MAX || lb > WORD_MAX)
		return TOO_FAR;
	for (i = 0; i <= la; i++)
		d[i][0] = (unsigned)i;
	for (j = 0; j <= lb; j++)
		d[0][j] = (unsigned)j;
	for (i = 1; i <= la; i++) {
		for (j = 1; j <= lb; j++) {
			unsigned cost = a[i - 1] != b[j - 1];

			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1,
			    d[i - 1][j - 1] + cost);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[la][lb];
}

const char *
sh_word_nearest(const char *word, const char *const *words)
{
	const char *best = NULL;
	unsigned best_distance = TOO_FAR;

	for (; *words != NULL; words++) {
		unsigned distance = sh_word_distance(word, *words);

		if (distance < best_distance) {
			best = *words;
			best_distance = distance;
		}
	}
	/* beyond a third of its letters it is another word */
	return best_distance <= 1 + strlen(word) / 3 ? best : NULL;
}
