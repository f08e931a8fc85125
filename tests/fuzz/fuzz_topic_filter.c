/*
 * This file gives arbitrary bytes, a line each, as a filter and a topic. Those that
 * are valid match as the plainest reading of the rules says.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/panic.h"
#include "topic/filter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Segment by segment, from the left; the ends are at NULs. */
static bool
matches(const char *filter, const char *topic)
{
	size_t f = strcspn(filter, "/"), t = strcspn(topic, "/");

	if (strcmp(filter, "#") == 0)
		return true;
	if ((f != 1 || *filter != '+') &&
	    (f != t || strncmp(filter, topic, f) != 0))
		return false;
	if (filter[f] == '\0')
		return topic[t] == '\0';
	if (topic[t] == '\0')
		return strcmp(filter + f, "/#") == 0;
	return matches(filter + f + 1, topic + t + 1);
}

static void
copy(char text[256], const uint8_t *data, size_t len)
{
	memcpy(text, data, len);
	text[len] = '\0';
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *end = size != 0 ? memchr(data, '\n', size) : NULL;
	size_t f = end != NULL ? (size_t)(end - data) : size;
	size_t t = f < size ? size - f - 1 : 0;
	const char *topic = (const char *)data + size - t;
	char texts[2][256];
	bool own;

	(void)sh_filter_matches((const char *)data, f, topic, t);
	if (!sh_filter_is_valid((const char *)data, f) ||
	    !sh_topic_is_formed(topic, t))
		return 0;
	copy(texts[0], data, f);
	copy(texts[1], data + size - t, t);
	own = texts[1][0] == '$' && strchr("+#", texts[0][0]) != NULL;
	sh_assert(sh_filter_matches((const char *)data, f, topic, t) ==
	    (!own && matches(texts[0], texts[1])));
	sh_assert(sh_topic_is_valid((const char *)data, f) ==
	    !sh_filter_is_wild((const char *)data, f));
	return 0;
}
