/*
 * This file is the encoding of a message on its way: a head of fixed fields,
 * little-endian, the topic and the key, each with a NUL behind it, and the data.
 *
 *	 0  version, type, flags, length of topic, of key, three zeros
 *	 8  sender, node, serial, epoch, offset, time, 8 bytes each
 *	56  topic NUL key NUL data
 */
#include "config.h"

#include "topic/publication.h"

#include <string.h>
#include <endian.h>

#include <shoal/error.h>
#include <shoal/topic.h>

#include "base/attr.h"
#include "base/panic.h"
#include "topic/filter.h"

enum {
	ENCODING = 1,
	/* in the byte of flags, besides those of the header file */
	HAS_KEY = 0x80,
	NUMBERS_AT = 8,
	NUMBERS = 6,
	FIXED = NUMBERS_AT + NUMBERS * 8
};

_Static_assert(FIXED + 2 * (SHOAL_TOPIC_MAX + 1) <= SH_PUBLICATION_HEADER_MAX,
    "the longest head has room");

/* FNV-1a, and what mixes its bits so that any of them may choose a place. */
uint64_t
sh_topic_hash(const char *topic, size_t len)
{
	uint64_t hash = 0xcbf29ce484222325;
	size_t i;

	for (i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)topic[i]) * 0x100000001b3;
	hash ^= hash >> 33;
	hash *= 0xff51afd7ed558ccd;
	hash ^= hash >> 33;
	return hash != 0 ? hash : 1;
}

static void
put_number(uint8_t *head, size_t i, uint64_t value)
{
	value = htole64(value);
	memcpy(head + NUMBERS_AT + i * sizeof(value), &value, sizeof(value));
}

static uint64_t
get_number(const uint8_t *head, size_t i)
{
	uint64_t value;

	memcpy(&value, head + NUMBERS_AT + i * sizeof(value), sizeof(value));
	return le64toh(value);
}

/* A text and the NUL behind it. Returns where it ends. */
static uint8_t *
put_text(uint8_t *at, const char *text, size_t len)
{
	if (len != 0)
		memcpy(at, text, len);
	at[len] = '\0';
	return at + len + 1;
}

size_t
sh_publication_encode(const struct sh_publication *publication, uint8_t *head)
{
	uint8_t *end = head + FIXED;

	sh_assert(publication->topic_len <= SHOAL_TOPIC_MAX &&
	    publication->key_len <= SHOAL_TOPIC_MAX);
	memset(head, 0, FIXED);
	head[0] = ENCODING;
	head[1] = publication->type;
	head[2] = publication->flags;
	head[3] = (uint8_t)publication->topic_len;
	put_number(head, 0, publication->sender);
	put_number(head, 1, publication->node);
	put_number(head, 2, publication->serial);
	put_number(head, 3, publication->epoch);
	put_number(head, 4, publication->offset);
	put_number(head, 5, (uint64_t)publication->time_ms);
	end = put_text(end, publication->topic, publication->topic_len);
	if (publication->key != NULL) {
		head[2] |= HAS_KEY;
		head[4] = (uint8_t)publication->key_len;
	}
	end = put_text(end, publication->key, head[4]);
	return (size_t)(end - head);
}

static void
get_numbers(struct sh_publication *publication, const uint8_t *head)
{
	publication->sender = get_number(head, 0);
	publication->node = get_number(head, 1);
	publication->serial = get_number(head, 2);
	publication->epoch = get_number(head, 3);
	publication->offset = get_number(head, 4);
	publication->time_ms = (int64_t)get_number(head, 5);
}

static bool
has_good_bytes(const uint8_t *head)
{
	bool typed = head[1] == SHOAL_WS_TEXT || head[1] == SHOAL_WS_BINARY;
	unsigned flags = SH_PUBLICATION_NOT_TO_SENDER | HAS_KEY;

	return head[0] == ENCODING && typed && (head[2] & ~flags) == 0 &&
	    ((head[2] & HAS_KEY) != 0 || head[4] == 0) &&
	    (head[5] | head[6] | head[7]) == 0;
}

int
sh_publication_decode(
    struct sh_publication *publication, const void *bytes, size_t len)
{
	const uint8_t *head = bytes;
	const char *topic, *key;
	size_t head_len;

	if (len < FIXED || !has_good_bytes(head))
		return -SHOAL_EPROTO;
	topic = (const char *)head + FIXED;
	key = topic + head[3] + 1;
	head_len = (size_t)FIXED + head[3] + 1 + head[4] + 1;
	if (len < head_len || topic[head[3]] != '\0' || key[head[4]] != '\0' ||
	    !sh_topic_is_formed(topic, head[3]))
		return -SHOAL_EPROTO;
	*publication = (struct sh_publication){
		.topic = topic,
		.topic_len = head[3],
		.hash = sh_topic_hash(topic, head[3]),
		.type = head[1],
		.flags = head[2] & (uint8_t)~HAS_KEY,
		.key = (head[2] & HAS_KEY) != 0 ? key : NULL,
		.key_len = head[4],
		.data = head + head_len,
		.len = len - head_len,
	};
	get_numbers(publication, head);
	return 0;
}
