/* This file tests proto/http_body.c. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "proto/http_body.h"
#include "support/suite.h"

enum { ROOM = 1024 };

static const struct sh_http_body_limits roomy = { 100, 64, 4 };

/* What came of a body. */
struct outcome {
	int r;
	size_t used, len;
	const char *why;
	char bytes[ROOM];
};

struct stream {
	struct sh_http_body body;
	struct outcome outcome;
};

/* Some bytes have come, in memory of just their size. */
static void
come(struct stream *stream, const char *data, size_t len)
{
	struct outcome *outcome = &stream->outcome;
	char *exact = malloc(len > 0 ? len : 1);
	size_t at = 0, used, n;
	const char *piece;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, data, len);
	while (outcome->r == 0 && at < len) {
		outcome->r = sh_http_body_next(&stream->body, exact + at,
		    len - at, &used, &piece, &n, &outcome->why);
		ck_assert_uint_le(n, used);
		ck_assert_uint_le(used, len - at);
		ck_assert(outcome->r != 0 || used > 0);
		ck_assert(n == 0 ||
		    (piece >= exact + at && piece + n <= exact + at + used));
		ck_assert_uint_le(outcome->len + n, ROOM);
		if (n > 0)
			memcpy(outcome->bytes + outcome->len, piece, n);
		outcome->len += n;
		outcome->used += used;
		at += used;
	}
	free(exact);
}

static void
check_same(const struct outcome *whole, struct outcome *other, const char *data,
    size_t at)
{
	ck_assert_msg(other->r == whole->r, "%s at %zu: %d, whole %d", data, at,
	    other->r, whole->r);
	ck_assert_ptr_eq(other->why, whole->why);
	/* a byte that is refused, and those with it, are not counted */
	if (whole->r >= 0)
		ck_assert_uint_eq(other->used, whole->used);
	ck_assert_uint_eq(other->len, whole->len);
	ck_assert_mem_eq(other->bytes, whole->bytes, ROOM);
}

/* Whole, split at every point, and byte by byte. */
static struct outcome
decode(const struct sh_http_body *begin, const char *data, size_t len)
{
	struct stream whole = { .body = *begin }, other;
	size_t i;

	come(&whole, data, len);
	for (i = 0; i <= len; i++) {
		other = (struct stream){ .body = *begin };
		come(&other, data, i);
		come(&other, data + i, len - i);
		check_same(&whole.outcome, &other.outcome, data, i);
	}
	other = (struct stream){ .body = *begin };
	for (i = 0; i < len; i++)
		come(&other, data + i, 1);
	check_same(&whole.outcome, &other.outcome, data, i);
	return whole.outcome;
}

static struct outcome
decode_chunks(
    const struct sh_http_body_limits *limits, const char *data, size_t len)
{
	struct sh_http_body body;

	ck_assert_int_eq(
	    sh_http_body_begin(&body, SH_HTTP_BODY_CHUNKED, 0, limits, NULL),
	    0);
	return decode(&body, data, len);
}

struct accepted {
	const char *chunks, *bytes;
};

static const struct accepted accepted[] = {
	{ "0\r\n\r\n", "" },
	{ "0000000000000000\r\n\r\n", "" },
	{ "1\r\na\r\n0\r\n\r\n", "a" },
	{ "5\r\nhello\r\n06\r\n world\r\n0\r\n\r\n", "hello world" },
	{ "a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n",
	    "01234567890123456789" },
	{ "4\r\n\r\n\r\n\r\n0\r\n\r\n", "\r\n\r\n" },
	{ "1;a\r\nx\r\n0;b=c\r\n\r\n", "x" },
	{ "1;a;b=c;d\r\nx\r\n0\r\n\r\n", "x" },
	{ "1 ;\ta = b\t; c ;d=\"\"\r\nx\r\n0\r\n\r\n", "x" },
	{ "1;a=\"\t;\\\"\\\\ \xff\" ;b=\"c\";d\r\nx\r\n0\r\n\r\n", "x" },
	{ "0\r\nA: b\r\nC:\r\n\r\n", "" },
	{ "0\r\nA: \xff\t b \r\n\r\n", "" },
};

START_TEST(test_accepted)
{
	char behind[256];
	struct outcome outcome;
	size_t i, len;

	for (i = 0; i < SH_ARRAY_LEN(accepted); i++) {
		const char *chunks = accepted[i].chunks;

		len = strlen(chunks);
		outcome = decode_chunks(&roomy, chunks, len);
		ck_assert_msg(outcome.r == 1, "%s: %d, %s", chunks, outcome.r,
		    outcome.why);
		ck_assert_str_eq(outcome.bytes, accepted[i].bytes);
		ck_assert_uint_eq(outcome.used, len);
		/* what is behind it is not touched */
		snprintf(behind, sizeof(behind), "%s%s", chunks, chunks);
		outcome = decode_chunks(&roomy, behind, 2 * len);
		ck_assert_uint_eq(outcome.used, len);
		ck_assert_str_eq(outcome.bytes, accepted[i].bytes);
		outcome = decode_chunks(&roomy, chunks, len - 1);
		ck_assert_int_eq(outcome.r, 0);
		ck_assert_uint_eq(outcome.used, len - 1);
	}
}
END_TEST

struct refused {
	int status;
	const char *chunks;
	size_t len;
};

#define REFUSED(status, chunks)                       \
	{                                             \
		status, chunks, sizeof("" chunks) - 1 \
	}

static const struct refused refused[] = {
	/* sizes */
	REFUSED(400, "\r"),
	REFUSED(400, "\n"),
	REFUSED(400, " 1"),
	REFUSED(400, "+1"),
	REFUSED(400, "-1"),
	REFUSED(400, "g"),
	REFUSED(400, ";"),
	REFUSED(400, "0x1"),
	REFUSED(400, "1_0"),
	REFUSED(400, "1,"),
	REFUSED(400, "1\n"),
	REFUSED(400, "1\r\r"),
	REFUSED(400, "1\ra"),
	REFUSED(400, "1 \r"),
	REFUSED(400, "1\0"),
	REFUSED(400, "00000000000000001"),
	REFUSED(413, "ffffffffffffffff\r\n"),
	REFUSED(400, "10000000000000000"),
	REFUSED(400, "10000000000000005\r\n"),
	REFUSED(413, "65\r\n"),
	REFUSED(413, "1\r\na\r\nffffffffffffffff\r\n"),
	/* the ends of chunks */
	REFUSED(400, "1\r\nab"),
	REFUSED(400, "1\r\na\n"),
	REFUSED(400, "1\r\na\r\r"),
	REFUSED(400, "1\r\na1\r\n"),
	REFUSED(400, "1\r\na\r\n\r"),
	/* extensions */
	REFUSED(400, "1;\r"),
	REFUSED(400, "1;\n"),
	REFUSED(400, "1;;"),
	REFUSED(400, "1;="),
	REFUSED(400, "1;a\n"),
	REFUSED(400, "1;a\r\r"),
	REFUSED(400, "1;a\rb"),
	REFUSED(400, "1;a\0"),
	REFUSED(400, "1;a \r"),
	REFUSED(400, "1;a b"),
	REFUSED(400, "1;a/"),
	REFUSED(400, "1;a=\r"),
	REFUSED(400, "1;a=;"),
	REFUSED(400, "1;a==b"),
	REFUSED(400, "1;a=b\n"),
	REFUSED(400, "1;a=b c"),
	REFUSED(400, "1;a=b\""),
	REFUSED(400, "1;a=\"\r"),
	REFUSED(400, "1;a=\"\n"),
	REFUSED(400, "1;a=\"\0"),
	REFUSED(400, "1;a=\"\x7f"),
	REFUSED(400, "1;a=\"\\\r"),
	REFUSED(400, "1;a=\"\\\n"),
	REFUSED(400, "1;a=\"\"b"),
	REFUSED(400, "1;a=\"\" b"),
	REFUSED(400, "1;a=\"\"\n"),
	/* trailers */
	REFUSED(400, "0\r\n\n"),
	REFUSED(400, "0\r\n\r\r"),
	REFUSED(400, "0\r\n\ra"),
	REFUSED(400, "0\r\n A: b\r\n"),
	REFUSED(400, "0\r\nA: b\r\n c\r\n"),
	REFUSED(400, "0\r\nA : b\r\n"),
	REFUSED(400, "0\r\n: b\r\n"),
	REFUSED(400, "0\r\nA\r\n"),
	REFUSED(400, "0\r\nA: b\n"),
	REFUSED(400, "0\r\nA: b\rc"),
	REFUSED(400, "0\r\nA: \0"),
	REFUSED(400, "0\r\nGET / HTTP/1.1\r\n"),
};

START_TEST(test_refused)
{
	struct outcome outcome;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(refused); i++) {
		outcome =
		    decode_chunks(&roomy, refused[i].chunks, refused[i].len);
		ck_assert_msg(outcome.r == -refused[i].status, "%zu, %s: %d", i,
		    refused[i].chunks, outcome.r);
		ck_assert_ptr_nonnull(outcome.why);
	}
}
END_TEST

START_TEST(test_limits)
{
	static const char chunks[] = "3\r\nabc\r\n2\r\nde\r\n0\r\n"
				     "A: b\r\nC: d\r\n\r\n";
	struct sh_http_body_limits limits = { 5, 12, 2 };
	size_t len = strlen(chunks);

	ck_assert_int_eq(decode_chunks(&limits, chunks, len).r, 1);
	limits.size = 4;
	ck_assert_int_eq(decode_chunks(&limits, chunks, len).r, -413);
	limits.size = UINT64_MAX;
	ck_assert_int_eq(decode_chunks(&limits, chunks, len).r, 1);
	limits.trailer_size = 11;
	ck_assert_int_eq(decode_chunks(&limits, chunks, len).r, -431);
	limits.trailer_size = 12;
	limits.trailer_count = 1;
	ck_assert_int_eq(decode_chunks(&limits, chunks, len).r, -431);
	limits.trailer_count = 0;
	ck_assert_int_eq(decode_chunks(&limits, chunks, len).r, -431);
}
END_TEST

/* A chunk of a byte with an extension of so many, its semicolon included. */
static size_t
add_chunk(char *out, size_t ext)
{
	size_t n = (size_t)sprintf(out, "1;");

	memset(out + n, 'e', ext - 1);
	n += ext - 1;
	return n + (size_t)sprintf(out + n, "\r\nx\r\n");
}

START_TEST(test_long_extensions)
{
	static const struct sh_http_body_limits wide = { UINT64_MAX, 0, 0 };
	struct sh_http_body body;
	struct stream stream;
	char chunk[1024];
	size_t len = add_chunk(chunk, 256);
	int i;

	ck_assert_int_eq(decode_chunks(&roomy, chunk, len).r, 0);
	ck_assert_int_eq(
	    decode_chunks(&roomy, chunk, add_chunk(chunk, 257)).r, -400);
	/* many of them are refused sooner or later */
	sh_http_body_begin(&body, SH_HTTP_BODY_CHUNKED, 0, &wide, NULL);
	stream = (struct stream){ .body = body };
	len = add_chunk(chunk, 256);
	for (i = 0; i < 1000 && stream.outcome.r == 0; i++)
		come(&stream, chunk, len);
	ck_assert_int_eq(stream.outcome.r, -400);
	ck_assert_int_gt(i, 8192 / 256);
	ck_assert_int_lt(i, 40);
}
END_TEST

START_TEST(test_length)
{
	struct sh_http_body body;
	struct outcome outcome;
	const char *piece, *why = NULL;
	size_t used, n;

	ck_assert_int_eq(
	    sh_http_body_begin(&body, SH_HTTP_BODY_LENGTH, 5, &roomy, NULL), 0);
	outcome = decode(&body, "hello, world", 12);
	ck_assert_int_eq(outcome.r, 1);
	ck_assert_uint_eq(outcome.used, 5);
	ck_assert_str_eq(outcome.bytes, "hello");
	outcome = decode(&body, "hell", 4);
	ck_assert_int_eq(outcome.r, 0);
	ck_assert_str_eq(outcome.bytes, "hell");
	ck_assert_int_eq(
	    sh_http_body_begin(&body, SH_HTTP_BODY_LENGTH, 100, &roomy, &why),
	    0);
	ck_assert_ptr_null(why);
	ck_assert_int_eq(
	    sh_http_body_begin(&body, SH_HTTP_BODY_LENGTH, 101, &roomy, &why),
	    -413);
	ck_assert_ptr_nonnull(why);
	/* there is nothing of them, and nothing to wait for */
	sh_http_body_begin(&body, SH_HTTP_BODY_LENGTH, 0, &roomy, NULL);
	ck_assert_int_eq(
	    sh_http_body_next(&body, "x", 1, &used, &piece, &n, NULL), 1);
	ck_assert_uint_eq(used + n, 0);
	sh_http_body_begin(&body, SH_HTTP_BODY_NONE, 7, &roomy, NULL);
	ck_assert_int_eq(
	    sh_http_body_next(&body, "x", 1, &used, &piece, &n, NULL), 1);
	ck_assert_uint_eq(used + n, 0);
}
END_TEST

SH_SUITE("proto/http_body", test_accepted, test_refused, test_limits,
    test_long_extensions, test_length)
