/* This file tests topic/publication.c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/topic.h>

#include "base/attr.h"
#include "support/suite.h"
#include "topic/publication.h"

static char longest[SHOAL_TOPIC_MAX + 1];

static struct sh_publication
make_full(void)
{
	return (struct sh_publication){
		.topic = "chat/42",
		.topic_len = 7,
		.hash = sh_topic_hash("chat/42", 7),
		.type = SHOAL_WS_BINARY,
		.flags = SH_PUBLICATION_NOT_TO_SENDER,
		.sender = 0x0102030405060708,
		.node = UINT64_MAX,
		.serial = 7,
		.epoch = 8,
		.offset = 9,
		.time_ms = -1,
		.key = "k",
		.key_len = 1,
		.data = "a\0b",
		.len = 3,
	};
}

/* In an allocation of its own, which shows a read past it. Yours. */
static char *
encode(const struct sh_publication *publication, size_t *len_out)
{
	uint8_t head[SH_PUBLICATION_HEADER_MAX];
	size_t n = sh_publication_encode(publication, head);
	char *bytes = malloc(n + publication->len);

	ck_assert_uint_le(n, SH_PUBLICATION_HEADER_MAX);
	memcpy(bytes, head, n);
	if (publication->len != 0)
		memcpy(bytes + n, publication->data, publication->len);
	*len_out = n + publication->len;
	return bytes;
}

static void
assert_text(const char *text, size_t len, const char *as, size_t as_len)
{
	ck_assert_uint_eq(len, as_len);
	ck_assert((text == NULL) == (as == NULL));
	if (text == NULL)
		return;
	ck_assert_int_eq(memcmp(text, as, len), 0);
	ck_assert_int_eq(text[len], '\0');
}

static void
assert_same(const struct sh_publication *a, const struct sh_publication *b)
{
	assert_text(a->topic, a->topic_len, b->topic, b->topic_len);
	assert_text(a->key, a->key_len, b->key, b->key_len);
	ck_assert_uint_eq(a->hash, b->hash);
	ck_assert_uint_eq(a->type, b->type);
	ck_assert_uint_eq(a->flags, b->flags);
	ck_assert_uint_eq(a->sender, b->sender);
	ck_assert_uint_eq(a->node, b->node);
	ck_assert_uint_eq(a->serial, b->serial);
	ck_assert_uint_eq(a->epoch, b->epoch);
	ck_assert_uint_eq(a->offset, b->offset);
	ck_assert_int_eq(a->time_ms, b->time_ms);
	ck_assert_uint_eq(a->len, b->len);
	if (a->len != 0)
		ck_assert_int_eq(memcmp(a->data, b->data, a->len), 0);
}

static void
assert_survives(const struct sh_publication *publication)
{
	struct sh_publication read;
	size_t len;
	char *bytes = encode(publication, &len);

	ck_assert_int_eq(sh_publication_decode(&read, bytes, len), 0);
	assert_same(&read, publication);
	free(bytes);
}

START_TEST(test_survives)
{
	struct sh_publication full = make_full(), small = { 0 };

	assert_survives(&full);
	full.key = "";
	full.key_len = 0;
	assert_survives(&full);
	small.topic = "$a";
	small.topic_len = 2;
	small.hash = sh_topic_hash("$a", 2);
	small.type = SHOAL_WS_TEXT;
	assert_survives(&small);
	memset(longest, 'x', SHOAL_TOPIC_MAX);
	full.topic = full.key = longest;
	full.topic_len = full.key_len = SHOAL_TOPIC_MAX;
	full.hash = sh_topic_hash(longest, SHOAL_TOPIC_MAX);
	assert_survives(&full);
}
END_TEST

/* A head that is cut off anywhere is refused, data that is cut off is shorter. */
START_TEST(test_cut_off)
{
	struct sh_publication full = make_full(), read;
	size_t len, at;
	char *bytes = encode(&full, &len);

	for (at = 0; at < len; at++) {
		char *exact = malloc(at != 0 ? at : 1);
		int r;

		memcpy(exact, bytes, at);
		r = sh_publication_decode(&read, exact, at);
		ck_assert_int_eq(r, at < len - full.len ? -SHOAL_EPROTO : 0);
		free(exact);
	}
	free(bytes);
}
END_TEST

/* Bytes of the head that have to be what they are. */
START_TEST(test_refused)
{
	static const struct {
		size_t at;
		uint8_t value;
	} rows[] = {
		{ 0, 0 }, { 0, 2 },             /* version */
		{ 1, 0 }, { 1, 3 }, { 1, 8 },   /* type */
		{ 2, 2 }, { 2, 0x81 | 0x40 },   /* flags */
		{ 2, 1 },                       /* a length of no key */
		{ 3, 0 }, { 3, 6 }, { 3, 8 },   /* length of the topic */
		{ 4, 0 }, { 4, 2 }, { 4, 255 }, /* of the key */
		{ 5, 1 }, { 6, 1 }, { 7, 1 },   /* nothing yet */
		{ 56, '/' }, { 60, '\n' }, { 61, '+' }, { 62, 0xff },
		{ 63, 'x' }, { 65, 'x' }, /* the NULs */
	};
	struct sh_publication full = make_full(), read;
	size_t len, i;
	char *bytes = encode(&full, &len);

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		char before = bytes[rows[i].at];

		bytes[rows[i].at] = (char)rows[i].value;
		ck_assert_msg(
		    sh_publication_decode(&read, bytes, len) == -SHOAL_EPROTO,
		    "row %zu", i);
		bytes[rows[i].at] = before;
	}
	ck_assert_int_eq(sh_publication_decode(&read, bytes, len), 0);
	free(bytes);
}
END_TEST

START_TEST(test_hash)
{
	/* what other machines compute too: it never changes */
	ck_assert_uint_eq(sh_topic_hash("a", 1), sh_topic_hash("ab", 1));
	ck_assert_uint_ne(sh_topic_hash("a", 1), sh_topic_hash("b", 1));
	ck_assert_uint_ne(sh_topic_hash("", 0), 0);
	ck_assert_uint_eq(sh_topic_hash("chat/42", 7), 0x0e0906cffe12d0ae);
}
END_TEST

SH_SUITE(
    "topic/publication", test_survives, test_cut_off, test_refused, test_hash)
