/* This file writes JSON. */
#include "config.h"

#include "handlers/json.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

void
sh_json_init(struct sh_json *json, char *buf, size_t cap)
{
	*json = (struct sh_json){ .buf = buf, .cap = cap };
}

static void
put(struct sh_json *json, const char *text, size_t len)
{
	size_t room = json->len < json->cap ? json->cap - json->len : 0;

	if (room != 0 && len != 0)
		memcpy(json->buf + json->len, text, len < room ? len : room);
	json->len += len;
}

void
sh_json_raw(struct sh_json *json, const char *text)
{
	put(json, text, strlen(text));
}

/* What may not stand in a string as it is: RFC 8259, 7. */
static bool
is_special(unsigned char c)
{
	return c < 0x20 || c == '"' || c == '\\';
}

static void
put_escaped(struct sh_json *json, unsigned char c)
{
	static const char letters[] = "btn\0fr"; /* of 8 to 13 */
	char text[8] = { '\\', (char)c };
	size_t len = 2;

	if (c >= '\b' && c <= '\r' && letters[c - '\b'] != '\0')
		text[1] = letters[c - '\b'];
	else if (c < 0x20)
		len = (size_t)snprintf(text, sizeof(text), "\\u%04x", c);
	put(json, text, len);
}

void
sh_json_string(struct sh_json *json, const char *text, size_t len)
{
	size_t begin = 0, i;

	put(json, "\"", 1);
	for (i = 0; i < len; i++) {
		if (!is_special((unsigned char)text[i]))
			continue;
		put(json, text + begin, i - begin);
		put_escaped(json, (unsigned char)text[i]);
		begin = i + 1;
	}
	put(json, text + begin, len - begin);
	put(json, "\"", 1);
}

void
sh_json_int(struct sh_json *json, int64_t number)
{
	char text[24];

	put(json, text,
	    (size_t)snprintf(text, sizeof(text), "%" PRId64, number));
}

void
sh_json_id(struct sh_json *json, uint64_t number)
{
	char text[24];

	put(json, text,
	    (size_t)snprintf(text, sizeof(text), "\"%" PRIu64 "\"", number));
}
