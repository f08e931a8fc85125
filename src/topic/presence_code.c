/* This file is questions and answers about subscribers, as bytes. */
#include "config.h"

#include "topic/presence_code.h"

#include <endian.h>
#include <string.h>

#include <shoal/error.h>

#include "base/buf.h"
#include "proto/utf8.h"

/* "shq1" and "sha1"; all numbers are little-endian. */
#define QUESTION_MAGIC 0x31716873u
#define ANSWER_MAGIC 0x31616873u

enum { ENTRY_HEAD = 9, NAMES = 1, LAST = 1 };

static uint8_t *
put32(uint8_t *at, uint32_t value)
{
	value = htole32(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static uint8_t *
put64(uint8_t *at, uint64_t value)
{
	value = htole64(value);
	memcpy(at, &value, sizeof(value));
	return at + sizeof(value);
}

static uint32_t
get32(const uint8_t **at)
{
	uint32_t value;

	memcpy(&value, *at, sizeof(value));
	*at += sizeof(value);
	return le32toh(value);
}

static uint64_t
get64(const uint8_t **at)
{
	uint64_t value;

	memcpy(&value, *at, sizeof(value));
	*at += sizeof(value);
	return le64toh(value);
}

void
sh_question_encode(
    const struct sh_question *question, uint8_t head[SH_QUESTION_HEAD])
{
	uint8_t *at = put32(head, QUESTION_MAGIC);

	at = put32(at, question->round);
	at = put64(at, question->from.node);
	at = put64(at, question->from.incarnation);
	at = put64(at, question->number);
	at = put32(at, question->names ? NAMES : 0);
	put32(at, (uint32_t)question->topic_len);
}

int
sh_question_decode(struct sh_question *question, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint32_t flags;

	if (len < SH_QUESTION_HEAD || get32(&at) != QUESTION_MAGIC)
		return -SHOAL_EPROTO;
	question->round = get32(&at);
	question->from.node = get64(&at);
	question->from.incarnation = get64(&at);
	question->number = get64(&at);
	flags = get32(&at);
	question->names = (flags & NAMES) != 0;
	question->topic_len = get32(&at);
	question->topic = (const char *)at;
	if (flags > NAMES || question->topic_len != len - SH_QUESTION_HEAD)
		return -SHOAL_EPROTO;
	return 0;
}

void
sh_answer_encode(const struct sh_answer *answer, uint8_t head[SH_ANSWER_HEAD])
{
	uint8_t *at = put32(head, ANSWER_MAGIC);

	at = put32(at, answer->round);
	at = put64(at, answer->from.node);
	at = put64(at, answer->from.incarnation);
	at = put64(at, answer->number);
	at = put64(at, answer->count);
	at = put32(at, answer->part);
	at = put32(at, answer->last ? LAST : 0);
	put64(at, answer->len);
}

int
sh_answer_decode(struct sh_answer *answer, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint32_t flags;

	if (len < SH_ANSWER_HEAD || get32(&at) != ANSWER_MAGIC)
		return -SHOAL_EPROTO;
	answer->round = get32(&at);
	answer->from.node = get64(&at);
	answer->from.incarnation = get64(&at);
	answer->number = get64(&at);
	answer->count = get64(&at);
	answer->part = get32(&at);
	flags = get32(&at);
	answer->last = (flags & LAST) != 0;
	answer->len = len - SH_ANSWER_HEAD;
	if (flags > LAST || get64(&at) != answer->len ||
	    sh_entries_fitting(at, answer->len, answer->len) != answer->len)
		return -SHOAL_EPROTO;
	answer->entries = at;
	return 0;
}

int
sh_entry_add(struct sh_buf *to, uint64_t id, const char *name)
{
	uint8_t entry[ENTRY_HEAD + UINT8_MAX];
	size_t len = strlen(name);

	if (len > UINT8_MAX)
		return -SHOAL_EMSGSIZE;
	*put64(entry, id) = (uint8_t)len;
	memcpy(entry + ENTRY_HEAD, name, len);
	return sh_buf_add(to, entry, ENTRY_HEAD + len);
}

bool
sh_entry_next(const uint8_t **entries, size_t *len, struct sh_entry *entry)
{
	const uint8_t *at = *entries;

	if (*len < ENTRY_HEAD)
		return false;
	entry->id = get64(&at);
	entry->name_len = *at++;
	entry->name = (const char *)at;
	if (entry->name_len > *len - ENTRY_HEAD ||
	    !sh_utf8_is_valid(entry->name, entry->name_len))
		return false;
	*entries = at + entry->name_len;
	*len -= ENTRY_HEAD + entry->name_len;
	return true;
}

size_t
sh_entries_fitting(const void *entries, size_t len, size_t max)
{
	const uint8_t *at = entries;
	size_t left = len, fitting = 0;
	struct sh_entry entry;

	while (sh_entry_next(&at, &left, &entry) && len - left <= max)
		fitting = len - left;
	return fitting;
}
