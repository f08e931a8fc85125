/* This file tests proto/framing.c. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "proto/framing.h"
#include "support/suite.h"

enum { PACKETS_MAX = 64 };

#define TERMINATOR(text, ...)                                         \
	{                                                             \
		.size = sizeof(struct shoal_framing),                 \
		.type = SHOAL_FRAMING_TERMINATOR, .terminator = text, \
		__VA_ARGS__                                           \
	}
#define FIELD(how, ...)                                                 \
	{                                                               \
		.size = sizeof(struct shoal_framing),                   \
		.type = SHOAL_FRAMING_LENGTH, .field = how, __VA_ARGS__ \
	}
#define LENGTH(how, ...) FIELD(SHOAL_LENGTH_##how, __VA_ARGS__)
#define FUNCTION(fn, ...)                                                 \
	{                                                                 \
		.size = sizeof(struct shoal_framing),                     \
		.type = SHOAL_FRAMING_FUNCTION, .length = fn, __VA_ARGS__ \
	}

/* What a stream was cut into: the lengths, and how it ended. */
struct cut {
	size_t packets[PACKETS_MAX], count;
	size_t rest; /* bytes of a packet that is not there yet */
	int error;
};

/* A stream that comes in portions; like a connection's buffer. */
struct stream {
	const struct sh_framing *framing;
	const char *data;
	size_t begin, end; /* of what has come and was not cut off yet */
	size_t scanned;
	struct cut cut;
};

/* Some more bytes have come. */
static void
come(struct stream *stream, size_t n)
{
	struct cut *cut = &stream->cut;
	size_t len, left, had;
	char *exact;
	int r = 1;

	stream->end += n;
	while (r == 1 && cut->error == 0) {
		left = stream->end - stream->begin;
		/* an allocation of the exact size shows a read past it */
		exact = malloc(left + 1);
		memcpy(exact + 1, stream->data + stream->begin, left);
		had = stream->scanned;
		r = sh_framing_find(
		    stream->framing, exact + 1, left, &stream->scanned, &len);
		free(exact);
		ck_assert_uint_ge(stream->scanned, r == 1 ? 0 : had);
		if (r == 1) {
			ck_assert_uint_ge(len, 1);
			ck_assert_uint_le(len, left);
			ck_assert_uint_le(len, stream->framing->max);
			ck_assert_uint_eq(stream->scanned, 0);
			ck_assert_uint_lt(cut->count, PACKETS_MAX);
			cut->packets[cut->count++] = len;
			stream->begin += len;
		} else if (r == 0 && len != 0) {
			ck_assert_uint_gt(len, left);
		}
	}
	cut->error = r < 0 ? r : cut->error;
	cut->rest = stream->end - stream->begin;
}

/* Cut a stream that comes in the given portions, and then the rest. */
static struct cut
cut_at(const struct shoal_framing *framing, const char *data, size_t len,
    size_t first, size_t second)
{
	struct sh_framing flat = sh_framing_from_public(framing);
	struct stream stream = { .framing = &flat, .data = data };

	come(&stream, first);
	come(&stream, second - first);
	come(&stream, len - second);
	stream.cut.rest = len - stream.begin;
	return stream.cut;
}

static struct cut
cut_bytewise(const struct shoal_framing *framing, const char *data, size_t len)
{
	struct sh_framing flat = sh_framing_from_public(framing);
	struct stream stream = { .framing = &flat, .data = data };
	size_t i;

	for (i = 0; i < len; i++)
		come(&stream, 1);
	stream.cut.rest = len - stream.begin;
	return stream.cut;
}

static void
assert_same(const struct cut *got, const struct cut *expected)
{
	ck_assert_int_eq(got->error, expected->error);
	ck_assert_uint_eq(got->count, expected->count);
	ck_assert_uint_eq(got->rest, expected->rest);
	ck_assert_mem_eq(got->packets, expected->packets,
	    sizeof(got->packets[0]) * got->count);
}

/* "3 4+2" for packets of 3 and 4 bytes and two bytes more. */
static void
format_cut(const struct cut *cut, char *text, size_t cap)
{
	size_t at = 0, i;

	text[0] = '\0';
	for (i = 0; i < cut->count; i++)
		at += (size_t)snprintf(text + at, cap - at, "%s%zu",
		    i != 0 ? " " : "", cut->packets[i]);
	if (cut->error != 0)
		snprintf(text + at, cap - at, "!%s",
		    cut->error == -SHOAL_EPROTO         ? "proto"
			: cut->error == -SHOAL_EMSGSIZE ? "size"
							: "?");
	else if (cut->rest != 0)
		snprintf(text + at, cap - at, "+%zu", cut->rest);
}

/* A stream comes whole, byte by byte and in every three portions. */
static void
check_stream(const struct shoal_framing *framing, const char *data, size_t len,
    const char *expected)
{
	struct cut whole = cut_at(framing, data, len, 0, 0), other;
	char text[256];
	size_t i, j;

	ck_assert_int_eq(sh_framing_check(framing, NULL), 0);
	format_cut(&whole, text, sizeof(text));
	ck_assert_str_eq(text, expected);
	other = cut_bytewise(framing, data, len);
	assert_same(&other, &whole);
	for (i = 0; i <= len; i++) {
		for (j = i; j <= len; j++) {
			other = cut_at(framing, data, len, i, j);
			assert_same(&other, &whole);
		}
	}
}

/* Netstrings: "3:abc,". */
static ssize_t
measure_netstring(const void *data, size_t len, void *arg)
{
	const char *text = data;
	size_t i, number = 0;

	++*(unsigned *)arg;
	for (i = 0; i < len && i < 5; i++) {
		if (text[i] == ':')
			return i != 0 ? (ssize_t)(i + number + 2) : -1;
		if (text[i] < '0' || text[i] > '9')
			return -SHOAL_EINVAL;
		number = number * 10 + (size_t)(text[i] - '0');
	}
	return 0;
}

static unsigned calls;

struct stream_case {
	struct shoal_framing framing;
	const char *data;
	size_t len;
	const char *expected;
};

#define S(text) text, sizeof(text) - 1

static void
check_streams(const struct stream_case *cases, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		check_stream(&cases[i].framing, cases[i].data, cases[i].len,
		    cases[i].expected);
}

START_TEST(terminators_end_packets)
{
	static const struct stream_case cases[] = {
		{ TERMINATOR("\r\n"), S(""), "" },
		{ TERMINATOR("\r\n"), S("abc"), "+3" },
		{ TERMINATOR("\r\n"), S("a\r\nbc\r\n\r\nd"), "3 4 2+1" },
		{ TERMINATOR("\r\n"), S("a\rb\n\r\r\n\r"), "7+1" },
		{ TERMINATOR("\n"), S("\n\nabc\n"), "1 1 4" },
		/* the first one counts, also where they overlap */
		{ TERMINATOR("aab"), S("aaabaabab"), "4 3+2" },
		{ TERMINATOR("aa"), S("aaaaa"), "2 2+1" },
		{ TERMINATOR("12345678"), S("1234567123456781"), "15+1" },
		{ TERMINATOR("\0\0", .terminator_len = 2), S("a\0b\0\0\0\0"),
		    "5 2" },
		{ TERMINATOR("ab", .terminator_len = 1), S("abba"), "1 3" },
		{ TERMINATOR("\xff\xfe"), S("\xff\xff\xfe\x80\xff\xfe"),
		    "3 3" },
		/* the limit counts the terminator */
		{ TERMINATOR("\r\n", .max = 5), S("abc\r\nab\r\n"), "5 4" },
		{ TERMINATOR("\r\n", .max = 5), S("abc\r\nabcd"), "5+4" },
		{ TERMINATOR("\r\n", .max = 5), S("abc\r\nabcd\r\n"),
		    "5!size" },
		{ TERMINATOR("\r\n", .max = 2), S("\r\n\r\n"), "2 2" },
		{ TERMINATOR("\n", .max = 1), S("\n\nx\n"), "1 1!size" },
	};

	check_streams(cases, SH_ARRAY_LEN(cases));
}
END_TEST

START_TEST(lengths_are_read)
{
	static const struct stream_case cases[] = {
		{ LENGTH(U8, .body = 1), S("\0\1a\3abc\2a"), "1 2 4+2" },
		{ LENGTH(U8), S("\1\2a\4abc"), "1 2 4" },
		{ LENGTH(U16BE, .body = 2), S("\0\1a\0\3abc\0"), "3 5+1" },
		{ LENGTH(U16LE, .body = 2), S("\1\0a\3\0abc"), "3 5" },
		{ LENGTH(U24BE, .body = 3), S("\0\0\2ab\0\0"), "5+2" },
		{ LENGTH(U24LE, .body = 4), S("\2\0\0\7ab\1\0\0\0a"), "6 5" },
		{ LENGTH(U32BE, .body = 4), S("\0\0\0\0\0\0\0\1a"), "4 5" },
		{ LENGTH(U32LE, .body = 4), S("\1\0\0\0a"), "5" },
		{ LENGTH(U64BE, .body = 8), S("\0\0\0\0\0\0\0\1a"), "9" },
		{ LENGTH(U64LE, .body = 8), S("\1\0\0\0\0\0\0\0a"), "9" },
		/* a tag before it: counts all, itself and data, or data */
		{ LENGTH(U16BE, .offset = 1), S("t\0\4at\0\3"), "4 3" },
		{ LENGTH(U16BE, .offset = 1, .body = 1), S("t\0\3at\0\2"),
		    "4 3" },
		{ LENGTH(U16BE, .offset = 1, .body = 3), S("t\0\1at\0\0"),
		    "4 3" },
		/* more header behind it */
		{ LENGTH(U8, .body = 4), S("\1...a\0...\0"), "5 4+1" },
	};

	check_streams(cases, SH_ARRAY_LEN(cases));
}
END_TEST

START_TEST(bad_lengths_are_refused)
{
	static const struct stream_case cases[] = {
		{ LENGTH(U8), S("\0"), "!proto" },
		{ LENGTH(U8), S("\1\0"), "1!proto" },
		{ LENGTH(U32BE), S("\0\0\0\3abc"), "!proto" },
		{ LENGTH(U16BE, .offset = 2, .body = 1), S("ab\0\2abc"),
		    "!proto" },
		{ LENGTH(U16BE, .offset = 2, .body = 1), S("ab\0\3"), "4" },
		{ LENGTH(U8, .body = 1, .max = 4), S("\3abc\4"), "4!size" },
		{ LENGTH(U8, .max = 4), S("\4abc\5"), "4!size" },
		/* as large as can be, and a sum that would overflow */
		{ LENGTH(U32BE, .body = 4), S("\xff\xff\xff\xff"), "!size" },
		{ LENGTH(U64BE, .body = 8), S("\xff\xff\xff\xff\xff\xff\xff"),
		    "+7" },
		{ LENGTH(U64BE, .body = 8),
		    S("\xff\xff\xff\xff\xff\xff\xff\xff"), "!size" },
		{ LENGTH(U64BE, .body = 8),
		    S("\xff\xff\xff\xff\xff\xff\xff\xf8"), "!size" },
		{ LENGTH(U64LE), S("\0\0\0\0\0\0\0\x80"), "!size" },
		/* the default of max is 2 MiB */
		{ LENGTH(U32BE), S("\0\x20\0\0"), "+4" },
		{ LENGTH(U32BE), S("\0\x20\0\1"), "!size" },
		{ LENGTH(U32BE, .body = 4, .max = 4), S("\0\0\0\0\0\0\0\1"),
		    "4!size" },
	};

	check_streams(cases, SH_ARRAY_LEN(cases));
}
END_TEST

START_TEST(functions_are_asked)
{
	static const struct stream_case cases[] = {
		{ FUNCTION(measure_netstring, .arg = &calls),
		    S("3:abc,0:,12:hello world!,1"), "6 3 16+1" },
		{ FUNCTION(measure_netstring, .arg = &calls), S("1:a,:"),
		    "4!proto" },
		{ FUNCTION(measure_netstring, .arg = &calls), S("1:a,x"),
		    "4!proto" },
		{ FUNCTION(measure_netstring, .arg = &calls, .max = 6),
		    S("3:abc,4:abcd,"), "6!size" },
		/* no length within the limit */
		{ FUNCTION(measure_netstring, .arg = &calls, .max = 3),
		    S("0000:,"), "!size" },
		{ FUNCTION(measure_netstring, .arg = &calls, .max = 3), S("1"),
		    "+1" },
	};

	check_streams(cases, SH_ARRAY_LEN(cases));
}
END_TEST

START_TEST(a_function_that_told_is_left_alone)
{
	static const struct shoal_framing framing =
	    FUNCTION(measure_netstring, .arg = &calls);
	struct cut cut;

	calls = 0;
	cut = cut_bytewise(&framing, S("12:hello world!,3:abc,"));
	ck_assert_uint_eq(cut.count, 2);
	/* "1", "12", "12:", and "3", "3:" */
	ck_assert_uint_eq(calls, 5);
}
END_TEST

START_TEST(a_known_length_is_told_early)
{
	static const struct shoal_framing framing =
	    LENGTH(U16BE, .offset = 1, .body = 3);
	struct sh_framing flat = sh_framing_from_public(&framing);
	size_t scanned = 0, len = 77;

	ck_assert_int_eq(sh_framing_find(&flat, "t\1", 2, &scanned, &len), 0);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(sh_framing_find(&flat, "t\1\0", 3, &scanned, &len), 0);
	ck_assert_uint_eq(len, 259);
}
END_TEST

/* Where nothing has been found nothing is looked at again: what has been
 * scanned is overwritten with what would be found. */
START_TEST(scanned_bytes_are_not_read_again)
{
	static const struct shoal_framing framing = TERMINATOR("\r\n");
	struct sh_framing flat = sh_framing_from_public(&framing);
	size_t scanned = 0, len;
	char data[64];

	memset(data, '.', sizeof(data));
	ck_assert_int_eq(sh_framing_find(&flat, data, 60, &scanned, &len), 0);
	ck_assert_uint_eq(scanned, 59);
	memset(data, '\r', 59);
	memset(data + 1, '\n', 58);
	ck_assert_int_eq(sh_framing_find(&flat, data, 64, &scanned, &len), 0);
	ck_assert_uint_eq(scanned, 63);
}
END_TEST

START_TEST(framings_are_checked)
{
	static const struct {
		struct shoal_framing framing;
		const char *why;
	} cases[] = {
		{ { .size = sizeof(struct shoal_framing) }, NULL },
		{ { .size = sizeof(struct shoal_framing), .max = SIZE_MAX },
		    NULL },
		{ { .type = SHOAL_FRAMING_RAW }, "its size is not set" },
		{ { .size = sizeof(struct shoal_framing),
		      .type = (enum shoal_framing_type)4 },
		    "there is no such type" },
		{ TERMINATOR(NULL), "it has no terminator" },
		{ TERMINATOR(NULL, .terminator_len = 2),
		    "it has no terminator" },
		{ TERMINATOR(""), "it has no terminator" },
		{ TERMINATOR("12345678"), NULL },
		{ TERMINATOR("123456789"),
		    "the terminator has more than 8 bytes" },
		{ TERMINATOR("1", .terminator_len = 9),
		    "the terminator has more than 8 bytes" },
		{ TERMINATOR("12", .max = 1),
		    "max is less than the terminator" },
		{ TERMINATOR("12", .max = 1 << 30), NULL },
		{ TERMINATOR("12", .max = (1 << 30) + 1),
		    "max is more than 1 GiB" },
		{ FIELD((enum shoal_length_field)0),
		    "there is no such length field" },
		{ FIELD((enum shoal_length_field)5),
		    "there is no such length field" },
		{ FIELD((enum shoal_length_field)17),
		    "there is no such length field" },
		{ FIELD((enum shoal_length_field) - 4),
		    "there is no such length field" },
		{ LENGTH(U32BE, .max = 4), NULL },
		{ LENGTH(U32BE, .max = 3),
		    "the length field does not fit into max" },
		{ LENGTH(U32BE, .offset = 1, .max = 4),
		    "the length field does not fit into max" },
		{ LENGTH(U32BE, .offset = SIZE_MAX - 1),
		    "the length field does not fit into max" },
		{ LENGTH(U32BE, .body = SIZE_MAX), "body is more than max" },
		{ LENGTH(U32BE, .body = 4, .max = 4), NULL },
		{ LENGTH(U32BE, .body = 5, .max = 4), "body is more than max" },
		{ LENGTH(U32BE, .offset = 2, .body = 2), NULL },
		{ LENGTH(U32BE, .offset = 2, .body = 3),
		    "body ends inside the length field" },
		{ LENGTH(U32BE, .offset = 2, .body = 5),
		    "body ends inside the length field" },
		{ LENGTH(U32BE, .offset = 2, .body = 6), NULL },
		{ FUNCTION(NULL), "it has no function" },
		{ FUNCTION(measure_netstring), NULL },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		const char *why = NULL;
		int r = sh_framing_check(&cases[i].framing, &why);

		ck_assert_int_eq(r, cases[i].why != NULL ? -SHOAL_EINVAL : 0);
		ck_assert_pstr_eq(why, cases[i].why);
	}
}
END_TEST

START_TEST(nothing_is_raw)
{
	ck_assert_int_eq(sh_framing_from_public(NULL).type, SHOAL_FRAMING_RAW);
}
END_TEST

SH_SUITE("proto/framing", terminators_end_packets, lengths_are_read,
    bad_lengths_are_refused, functions_are_asked,
    a_function_that_told_is_left_alone, a_known_length_is_told_early,
    scanned_bytes_are_not_read_again, framings_are_checked, nothing_is_raw)
