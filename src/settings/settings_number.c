/*
 * This file tells what a number in a configuration is and whether libconfig
 * can hold it; libconfig itself overflows silently.
 */
#include "config.h"

#include "settings/settings_number.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdlib.h>

/* How many digits there are at p. */
static size_t
count_digits(const char *p, const char *end, bool hex)
{
	size_t n = 0;

	while (p + n < end &&
	    (hex ? isxdigit((unsigned char)p[n])
		 : isdigit((unsigned char)p[n])))
		n++;
	return n;
}

/* Type of a whole number with an optional L, END when it is none. */
static enum sh_token_type
classify_integer(const char *p, const char *end)
{
	bool hex = end - p > 2 && p[0] == '0' && (p[1] == 'x' || p[1] == 'X');
	size_t n;

	if (hex)
		p += 2;
	else if (p < end && (*p == '-' || *p == '+'))
		p++;
	n = count_digits(p, end, hex);
	p += n;
	if (n == 0)
		return SH_TOKEN_END;
	if (p == end)
		return SH_TOKEN_INT;
	if (*p++ == 'L' && (p == end || (*p == 'L' && p + 1 == end)))
		return SH_TOKEN_INT64;
	return SH_TOKEN_END;
}

/* Whether this is a decimal fraction: [-+] digits [. digits] [e digits]. */
static bool
is_fraction(const char *p, const char *end)
{
	size_t n;

	if (p < end && (*p == '-' || *p == '+'))
		p++;
	n = count_digits(p, end, false);
	p += n;
	if (p < end && *p == '.') {
		size_t more = count_digits(++p, end, false);

		p += more;
		n += more;
	}
	if (n != 0 && p < end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < end && (*p == '-' || *p == '+'))
			p++;
		n = count_digits(p, end, false);
		p += n;
	}
	return n != 0 && p == end;
}

enum sh_token_type
sh_number_classify(const char *p, const char *end)
{
	enum sh_token_type type = classify_integer(p, end);

	if (type == SH_TOKEN_END && is_fraction(p, end))
		type = SH_TOKEN_FLOAT;
	return type;
}

size_t
sh_number_measure(const char *p, const char *end)
{
	size_t n = 1;

	while (p + n < end &&
	    (isalnum((unsigned char)p[n]) || p[n] == '.' || p[n] == '_' ||
		((p[n] == '-' || p[n] == '+') &&
		    (p[n - 1] == 'e' || p[n - 1] == 'E'))))
		n++;
	return n;
}

bool
sh_number_fits(const char *text, enum sh_token_type type)
{
	long long n;
	double real;

	errno = 0;
	if (type == SH_TOKEN_FLOAT) {
		real = strtod(text, NULL);
		return real - real == 0.0; /* not infinite */
	}
	n = strtoll(text, NULL,
	    text[0] == '0' && (text[1] == 'x' || text[1] == 'X') ? 16 : 10);
	return errno == 0 &&
	    (type == SH_TOKEN_INT64 || (n >= INT_MIN && n <= INT_MAX));
}
