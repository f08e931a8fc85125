/*
 * This file is the syntax of topics and filters, and who matches whom. Who has
 * subscribed to what is in the table (table.c), which walks along segments too.
 */
#include "config.h"

#include "topic/filter.h"

#include <string.h>

#include <shoal/topic.h>

#include "proto/utf8.h"

/* C0, DEL and C1, which is two bytes in UTF-8. */
static bool
has_controls(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c == 0x7f)
			return true;
		if (c == 0xc2 && i + 1 < len &&
		    (unsigned char)text[i + 1] < 0xa0)
			return true;
	}
	return false;
}

size_t
sh_segment_len(const char *text, size_t len)
{
	const char *slash = len != 0 ? memchr(text, '/', len) : NULL;

	return slash != NULL ? (size_t)(slash - text) : len;
}

static bool
is_wildcard(const char *segment, size_t len)
{
	return len == 1 && (segment[0] == '+' || segment[0] == '#');
}

/* Segments are not empty, and wildcards stand where they may, if at all. */
static bool
has_good_segments(const char *text, size_t len, bool wildcards)
{
	size_t at = 0;

	for (;;) {
		const char *segment = text + at;
		size_t n = sh_segment_len(segment, len - at);

		if (n == 0)
			return false;
		at += n;
		if (is_wildcard(segment, n)) {
			if (!wildcards || (segment[0] == '#' && at != len))
				return false;
		} else if (memchr(segment, '+', n) != NULL ||
		    memchr(segment, '#', n) != NULL) {
			return false;
		}
		if (at == len)
			return true;
		at++; /* the slash */
	}
}

static bool
is_formed(const char *text, size_t len, bool wildcards)
{
	return len != 0 && len <= SHOAL_TOPIC_MAX &&
	    has_good_segments(text, len, wildcards) &&
	    !has_controls(text, len) && sh_utf8_is_valid(text, len);
}

bool
sh_topic_is_formed(const char *topic, size_t len)
{
	return is_formed(topic, len, false);
}

bool
sh_topic_is_valid(const char *topic, size_t len)
{
	return is_formed(topic, len, false) && topic[0] != '$';
}

bool
sh_filter_is_valid(const char *filter, size_t len)
{
	return is_formed(filter, len, true) && filter[0] != '$';
}

bool
sh_filter_is_wild(const char *filter, size_t len)
{
	return len != 0 &&
	    (memchr(filter, '+', len) != NULL ||
		memchr(filter, '#', len) != NULL);
}

/* Past a segment and the slash behind it. */
static void
go_on(const char **text, size_t *len, size_t segment_len)
{
	size_t n = segment_len < *len ? segment_len + 1 : segment_len;

	*text += n;
	*len -= n;
}

/* Whether a segment of what is left of a topic begins with '$'. */
static bool
has_aside(const char *topic, size_t len)
{
	while (len != 0) {
		if (topic[0] == '$')
			return true;
		go_on(&topic, &len, sh_segment_len(topic, len));
	}
	return false;
}

/* asides: wildcards stand for segments that begin with '$', too, but the first. */
static bool
matches(const char *filter, size_t filter_len, const char *topic,
    size_t topic_len, bool asides)
{
	if (topic_len != 0 && topic[0] == '$' && filter_len != 0 &&
	    (filter[0] == '+' || filter[0] == '#'))
		return false;
	while (filter_len != 0) {
		size_t f = sh_segment_len(filter, filter_len);
		size_t t = sh_segment_len(topic, topic_len);

		/* also what is before it: then nothing is left of the topic */
		if (f == 1 && filter[0] == '#')
			return asides || !has_aside(topic, topic_len);
		if (t == 0)
			return false;
		if (f == 1 && filter[0] == '+') {
			if (!asides && topic[0] == '$')
				return false;
		} else if (f != t || memcmp(filter, topic, f) != 0) {
			return false;
		}
		go_on(&filter, &filter_len, f);
		go_on(&topic, &topic_len, t);
	}
	return topic_len == 0;
}

bool
sh_filter_matches(
    const char *filter, size_t filter_len, const char *topic, size_t topic_len)
{
	return matches(filter, filter_len, topic, topic_len, true);
}

bool
sh_filter_keeps(
    const char *filter, size_t filter_len, const char *topic, size_t topic_len)
{
	return matches(filter, filter_len, topic, topic_len, false);
}
