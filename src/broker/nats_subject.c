/* This file is how topics and filters become subjects of NATS, and back. */
#include "config.h"

#include "broker/nats_subject.h"

#include <stdio.h>
#include <string.h>

#include <shoal/topic.h>

static const char hex_digits[] = "0123456789ABCDEF";

static bool
is_plain(unsigned char c)
{
	return c > ' ' && c != 0x7f && strchr("%.*>", c) == NULL;
}

static char *
put_byte(char *to, unsigned char c)
{
	if (is_plain(c)) {
		*to++ = (char)c;
		return to;
	}
	*to++ = '%';
	*to++ = hex_digits[c >> 4];
	*to++ = hex_digits[c & 15];
	return to;
}

size_t
sh_nats_root(const char *prefix, char *root, size_t cap)
{
	char *to = root;

	for (; *prefix != '\0'; prefix++) {
		if ((size_t)(to - root) + 5 > cap)
			return 0;
		if (*prefix != '.')
			to = put_byte(to, (unsigned char)*prefix);
		else if (to != root && to[-1] != '.')
			*to++ = '.';
	}
	if (to != root && to[-1] != '.')
		*to++ = '.';
	*to = '\0';
	return (size_t)(to - root);
}

size_t
sh_nats_subject(const char *topic, size_t len, char *to)
{
	char *at = to;
	size_t i;

	for (i = 0; i < len; i++) {
		if (topic[i] == '/')
			*at++ = '.';
		else
			at = put_byte(at, (unsigned char)topic[i]);
	}
	*at = '\0';
	return (size_t)(at - to);
}

size_t
sh_nats_filter_subject(
    const char *filter, size_t len, char *to, size_t *parent_out)
{
	size_t n = sh_nats_subject(filter, len, to), i;

	for (i = 0; i < n; i++)
		if (to[i] == '+')
			to[i] = '*';
	*parent_out = 0;
	if (len == 0 || filter[len - 1] != '#')
		return n;
	to[n - 1] = '>';
	if (n > 2)
		*parent_out = n - 2;
	return n;
}

static int
digit_of(char c)
{
	const char *at = c == '\0' ? NULL : strchr(hex_digits, c);

	return at == NULL ? -1 : (int)(at - hex_digits);
}

bool
sh_nats_topic_of(const char *subject, char *topic)
{
	size_t n = 0;
	int high, low;

	for (; *subject != '\0'; subject++) {
		if (n == SHOAL_TOPIC_MAX)
			return false;
		topic[n] = *subject == '.' ? '/' : *subject;
		if (*subject == '%') {
			high = digit_of(subject[1]);
			low = high < 0 ? -1 : digit_of(subject[2]);
			if (low < 0)
				return false;
			topic[n] = (char)(high << 4 | low);
			subject += 2;
		}
		n++;
	}
	topic[n] = '\0';
	return n != 0;
}

void
sh_nats_stream_name(const char *text, char *to, size_t cap)
{
	size_t i;

	for (i = 0; i + 1 < cap && text[i] != '\0'; i++) {
		char c = text[i];
		bool plain = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
		    (c >= 'a' && c <= 'z') || c == '-';

		to[i] = plain ? c : '_';
	}
	to[i] = '\0';
}
