/*
 * This file reads what a client accepts: Accept-Encoding. It decides nothing.
 * RFC 9110 12.4.2 and 12.5.3.
 */
#include "config.h"

#include "proto/http_accept.h"

#include <stdbool.h>
#include <string.h>

#include "proto/http_chars.h"

/* "0.5", at most three digits behind the point: thousandths, or -1. */
static int
parse_quality(const char *text, size_t len)
{
	int quality, scale = 100;
	size_t i;

	if (len == 0 || len > 5 || (text[0] != '0' && text[0] != '1') ||
	    (len > 1 && text[1] != '.'))
		return -1;
	quality = (text[0] - '0') * SH_HTTP_QUALITY_MAX;
	for (i = 2; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return -1;
		quality += (text[i] - '0') * scale;
		scale /= 10;
	}
	return quality <= SH_HTTP_QUALITY_MAX ? quality : -1;
}

/* The weight behind the ';' of an element: "q=0.5". */
static int
parse_weight(const char *text, size_t len)
{
	sh_http_trim(&text, &len);
	if (len < 2 || (text[0] | 0x20) != 'q' || text[1] != '=')
		return -1;
	return parse_quality(text + 2, len - 2);
}

/* Cut an element into coding and quality; false when it is malformed. */
static bool
cut_element(const char *item, size_t *item_len, unsigned *quality_out)
{
	const char *mark = memchr(item, ';', *item_len), *coding = item;
	size_t n = mark != NULL ? (size_t)(mark - item) : *item_len;
	int quality = SH_HTTP_QUALITY_MAX;

	if (mark != NULL)
		quality = parse_weight(mark + 1, *item_len - n - 1);
	sh_http_trim(&coding, &n);
	if (quality < 0 || n == 0 ||
	    sh_http_span(SH_HTTP_TOKEN, coding, n) != n)
		return false;
	*item_len = n;
	*quality_out = (unsigned)quality;
	return true;
}

/* "x-gzip" is an old name of "gzip", RFC 9110 8.4.1.3. */
static bool
is_coding(const char *item, size_t len, const char *coding)
{
	if (sh_http_equal(item, len, coding))
		return true;
	return strcmp(coding, "gzip") == 0 &&
	    sh_http_equal(item, len, "x-gzip");
}

unsigned
sh_http_accept_quality(const char *list, size_t len, const char *coding)
{
	bool is_identity = strcmp(coding, "identity") == 0, any_said = false;
	/* of what is not said, only no coding at all is fine, and that is what
	 * a client that names others wants least */
	unsigned any = is_identity ? SH_HTTP_QUALITY_MIN : 0, quality;
	const char *item;
	size_t n;

	while (sh_http_list_next(&list, &len, &item, &n)) {
		if (!cut_element(item, &n, &quality))
			continue;
		if (is_coding(item, n, coding))
			return quality;
		if (n == 1 && item[0] == '*' && !any_said) {
			any = quality;
			any_said = true;
		}
	}
	return any;
}
