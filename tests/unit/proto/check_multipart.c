/* This file tests proto/multipart.c and multipart_head.c. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "proto/multipart.h"
#include "support/suite.h"

enum { ROOM = 1024, HEAD_SIZE = 160, FIELDS = 3 };

/* What came of a body: "(name|filename|type)data;" for each part, and "." at
 * the end. */
struct outcome {
	int r;
	const char *why;
	size_t len;
	char text[ROOM];
};

struct stream {
	struct sh_multipart multipart;
	char *head; /* of just its size */
	struct outcome outcome;
};

static void
begin(struct stream *stream, const char *boundary)
{
	*stream = (struct stream){ .head = malloc(HEAD_SIZE) };
	ck_assert_ptr_nonnull(stream->head);
	ck_assert_int_eq(
	    sh_multipart_begin(&stream->multipart, boundary, strlen(boundary),
		stream->head, HEAD_SIZE, FIELDS, NULL),
	    0);
}

static void
write_text(struct outcome *outcome, const char *text, size_t len)
{
	ck_assert_uint_le(outcome->len + len, ROOM);
	memcpy(outcome->text + outcome->len, text, len);
	outcome->len += len;
}

static void
write_event(struct outcome *outcome, const struct sh_multipart_part *part,
    const char *piece, size_t len)
{
	char text[512];

	switch (outcome->r) {
	case SH_MULTIPART_PART:
		snprintf(text, sizeof(text), "(%s|%s|%s)", part->name,
		    part->filename != NULL ? part->filename : "-",
		    part->type != NULL ? part->type : "-");
		write_text(outcome, text, strlen(text));
		break;
	case SH_MULTIPART_DATA:
		ck_assert_uint_gt(len, 0);
		write_text(outcome, piece, len);
		break;
	case SH_MULTIPART_PART_END: write_text(outcome, ";", 1); break;
	case SH_MULTIPART_END:
		if (outcome->len == 0 || outcome->text[outcome->len - 1] != '.')
			write_text(outcome, ".", 1);
		break;
	default: break;
	}
}

/* Some bytes have come, in memory of just their size. */
static void
come(struct stream *stream, const char *data, size_t len)
{
	struct outcome *outcome = &stream->outcome;
	struct sh_multipart_part part;
	char *exact = malloc(len > 0 ? len : 1);
	size_t at = 0, used, n;
	const char *piece;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, data, len);
	while (outcome->r >= 0 && at < len) {
		outcome->r = sh_multipart_next(&stream->multipart, exact + at,
		    len - at, &used, &part, &piece, &n, &outcome->why);
		ck_assert_uint_le(used, len - at);
		ck_assert(outcome->r != SH_MULTIPART_MORE || used == len - at);
		ck_assert((n > 0) == (outcome->r == SH_MULTIPART_DATA));
		write_event(outcome, &part, piece, n);
		at += used;
	}
	free(exact);
}

static void
check_same(const struct outcome *whole, struct stream *other, size_t at)
{
	const struct outcome *outcome = &other->outcome;

	ck_assert_msg((outcome->r < 0) == (whole->r < 0),
	    "at %zu: %d, whole %d", at, outcome->r, whole->r);
	ck_assert_ptr_eq(outcome->why, whole->why);
	ck_assert_uint_eq(outcome->len, whole->len);
	ck_assert_mem_eq(outcome->text, whole->text, ROOM);
	free(other->head);
}

/* Whole, split at every point, and byte by byte. */
static struct outcome
decode_with(const char *boundary, const char *data, size_t len)
{
	struct stream whole, other;
	size_t i;

	begin(&whole, boundary);
	come(&whole, data, len);
	free(whole.head);
	for (i = 0; i <= len; i++) {
		begin(&other, boundary);
		come(&other, data, i);
		come(&other, data + i, len - i);
		check_same(&whole.outcome, &other, i);
	}
	begin(&other, boundary);
	for (i = 0; i < len; i++)
		come(&other, data + i, 1);
	check_same(&whole.outcome, &other, i);
	return whole.outcome;
}

static struct outcome
decode(const char *data)
{
	return decode_with("b", data, strlen(data));
}

#define NAMED(rest) "Content-Disposition: form-data; name=" rest
/* One part with such a head. */
#define ONE(head) "--b\r\n" head "\r\n\r\nx\r\n--b--\r\n"

struct sample {
	const char *body, *text;
};

static const struct sample accepted[] = {
	{ "--b--", "." },
	{ "--b--\r\n", "." },
	{ ONE(NAMED("a")), "(a|-|-)x;." },
	{ ONE(NAMED("\"a\"")), "(a|-|-)x;." },
	{ ONE(NAMED("\"\"")), "(|-|-)x;." },
	{ ONE("content-DISPOSITION:FORM-data;NAME=a"), "(a|-|-)x;." },
	{ ONE(NAMED("a ; x=y ; filename=\"f\"")), "(a|f|-)x;." },
	{ ONE(NAMED("a; filename=\"\"")), "(a||-)x;." },
	{ ONE("Content-Type: text/plain;charset=UTF-8 \r\n" NAMED("a")),
	    "(a|-|text/plain;charset=UTF-8)x;." },
	{ ONE(NAMED("a") "\r\nContent-Type:"), "(a|-|)x;." },
	{ ONE(NAMED("a") "\r\nX: y\r\nContent-Transfer-Encoding: 8BIT"),
	    "(a|-|-)x;." },
	/* what stands for other bytes */
	{ ONE(NAMED("\"%22%0d%0A%20%\"")), "(\"\r\n%20%|-|-)x;." },
	{ ONE(NAMED("a; filename=\"%22\\\"; \\\\x.\"")), "(a|x.|-)x;." },
	{ ONE(NAMED("a; filename=\"\\\";\\x\"")), "(a|x|-)x;." },
	{ ONE(NAMED("\"\\a\\\"%2\"")), "(\\a\"%2|-|-)x;." },
	{ ONE(NAMED("a; filename=\"\xc3\xa4.txt\"")), "(a|\xc3\xa4.txt|-)x;." },
	/* what tries to name another folder */
	{ ONE(NAMED("a; filename=\"/etc/passwd\"")), "(a|passwd|-)x;." },
	{ ONE(NAMED("a; filename=\"C:\\a\\b.c\"")), "(a|b.c|-)x;." },
	{ ONE(NAMED("a; filename=\"../..\"")), "(a||-)x;." },
	{ ONE(NAMED("a; filename=\"..\"")), "(a||-)x;." },
	{ ONE(NAMED("a; filename=.")), "(a||-)x;." },
	{ ONE(NAMED("a; filename=\"...\"")), "(a|...|-)x;." },
	{ ONE(NAMED("a; filename=\"b/\"")), "(a||-)x;." },
	{ ONE(NAMED("a; filename*=UTF-8''evil")), "(a|-|-)x;." },
	{ ONE(NAMED("a; filename*=UTF-8''evil; filename=f")), "(a|f|-)x;." },
	/* where parts begin and end */
	{ "--b\r\n" NAMED("a") "\r\n\r\n\r\n--b--", "(a|-|-);." },
	{ "--b\r\n" NAMED("a") "\r\n\r\n--b--", "(a|-|-);." },
	{ "--b\r\n" NAMED("a") "\r\n\r\n--\r\n--b--", "(a|-|-)--;." },
	{ "--b\r\n" NAMED("a") "\r\n\r\n\r\n\r\n--b--", "(a|-|-)\r\n;." },
	{ "--b \t\r\n" NAMED("a") "\r\n\r\nx\r\n--b-- \t\r\n", "(a|-|-)x;." },
	{ "--b\r\n" NAMED("a") "\r\n\r\n1\r\n--b\r\n" NAMED(
	      "b") "\r\n\r\n2\r\n--b--",
	    "(a|-|-)1;(b|-|-)2;." },
	{ "--b\r\n" NAMED(
	      "a") "\r\n\r\n"
		   "\r\r\n\r\n-\r\n--\r\n-\r--b\r\n--a --b\n--b\r\r\n--b--",
	    "(a|-|-)\r\r\n\r\n-\r\n--\r\n-\r--b\r\n--a --b\n--b\r;." },
	/* what is around them */
	{ "preamble\r\n--a\r\n--b\r\n" NAMED("a") "\r\n\r\nx\r\n--b--epi\r\n"
						  "--b\r\nlogue\r\n--b--",
	    "(a|-|-)x;." },
	{ "\r\n--b--", "." },
	{ "--b--\r\n--b--\r\n", "." },
	{ "x--b\r\n--b--", "." },
};

START_TEST(test_accepted)
{
	struct outcome outcome;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(accepted); i++) {
		outcome = decode(accepted[i].body);
		ck_assert_msg(
		    outcome.r >= 0, "%s: %s", accepted[i].body, outcome.why);
		outcome.text[outcome.len] = '\0';
		ck_assert_str_eq(outcome.text, accepted[i].text);
	}
}
END_TEST

static const char *const refused[] = {
	/* the line of a boundary */
	"--bb",
	"--b\n",
	"--b\rx",
	"--b x",
	"--b-x",
	"--b-\r\n",
	"--b -",
	/* heads */
	"--b\r\n\r\n",
	"--b\r\n\n",
	"--b\r\n\r\r\n\r\n",
	ONE("X: y"),
	ONE("Content-Disposition: attachment; name=a"),
	ONE("Content-Disposition: form-data"),
	ONE("Content-Disposition: form-data; filename=a"),
	ONE("Content-Disposition:"),
	ONE("Content-Disposition : form-data; name=a"),
	ONE(" Content-Disposition: form-data; name=a"),
	ONE(NAMED("a;\r\n filename=b")),
	ONE(NAMED("a") "\r\n" NAMED("a")),
	ONE(NAMED("a") "\r\nContent-Type: a/b\r\nContent-type: a/b"),
	ONE(NAMED("a; name=a")),
	ONE(NAMED("a; filename=a; filename=a")),
	ONE(NAMED("\"a")),
	ONE(NAMED("\"a\\\"")),
	ONE(NAMED("a b")),
	ONE(NAMED("a;b")),
	ONE(NAMED("")),
	ONE(NAMED("\"\x01\"")),
	ONE(NAMED("\"\r\"")),
	ONE(NAMED("a") "\r\nX"),
	ONE(NAMED("a") "\r\n: y"),
	ONE(NAMED("a") "\nX: y"),
	ONE(NAMED("ab") "\nX: y"),
	ONE(NAMED("a") "\r\nContent-Transfer-Encoding: base64"),
	ONE(NAMED("a") "\r\nContent-Transfer-Encoding:"),
};

START_TEST(test_refused)
{
	struct outcome outcome;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(refused); i++) {
		outcome = decode(refused[i]);
		ck_assert_msg(
		    outcome.r == -400, "%s: %d", refused[i], outcome.r);
		ck_assert_ptr_nonnull(outcome.why);
	}
}
END_TEST

START_TEST(test_nul)
{
	static const char head[] = "--b\r\n" NAMED("\"\0\"") "\r\n\r\n";
	static const char data[] = "--b\r\n" NAMED("a") "\r\n\r\n\0\r\n--b--";
	struct outcome outcome = decode_with("b", head, sizeof(head) - 1);

	ck_assert_int_eq(outcome.r, -400);
	outcome = decode_with("b", data, sizeof(data) - 1);
	ck_assert_uint_eq(outcome.len, 10);
	ck_assert_mem_eq(outcome.text, "(a|-|-)\0;.", 10);
}
END_TEST

/* A part whose head has so many bytes, the empty line included. */
static struct outcome
decode_head(size_t size)
{
	char body[ROOM] = "--b\r\n" NAMED("");
	size_t at = strlen(body), end = strlen("--b\r\n") + size - 4;

	while (at < end)
		body[at++] = 'n';
	strcpy(body + at, "\r\n\r\n");
	return decode(body);
}

START_TEST(test_limits)
{
	ck_assert_int_ge(decode_head(HEAD_SIZE).r, 0);
	ck_assert_int_eq(decode_head(HEAD_SIZE + 1).r, -400);
	ck_assert_int_eq(
	    decode(ONE("A: a\r\nB: b\r\n" NAMED("a"))).r, SH_MULTIPART_END);
	ck_assert_int_eq(
	    decode(ONE("A: a\r\nB: b\r\nC: c\r\n" NAMED("a"))).r, -400);
}
END_TEST

START_TEST(test_boundary)
{
	static const char longest[] = "0123456789012345678901234567890123456789"
				      "012345678901234567890123456789";
	static const char odd[] = "'()+_,-./:=? x";
	static const struct {
		const char *boundary;
		size_t len;
	} wrong[] = { { "", 0 }, { longest, 71 }, { "a ", 2 }, { " ", 1 },
		{ "a\"", 2 }, { "a\0", 2 }, { "a\r", 2 }, { "\xc3\xa4", 2 },
		{ "a;", 2 }, { "a@", 2 } };
	struct sh_multipart multipart;
	char head[HEAD_SIZE], body[ROOM];
	const char *why;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(wrong); i++) {
		why = NULL;
		ck_assert_int_eq(
		    sh_multipart_begin(&multipart, wrong[i].boundary,
			wrong[i].len, head, sizeof(head), FIELDS, &why),
		    -400);
		ck_assert_ptr_nonnull(why);
	}
	snprintf(body, sizeof(body),
	    "--%s\r\n" NAMED("a") "\r\n\r\n--%.69s\r\n--%s--", longest, longest,
	    longest);
	ck_assert_uint_eq(decode_with(longest, body, strlen(body)).len,
	    strlen("(a|-|-);.") + 71);
	snprintf(body, sizeof(body), "--%s--", odd);
	ck_assert_int_eq(
	    decode_with(odd, body, strlen(body)).r, SH_MULTIPART_END);
}
END_TEST

/* A body that ends too early is never taken for a whole one. */
START_TEST(test_cut)
{
	static const char body[] = ONE(NAMED("a"));
	size_t i, end = strlen(body) - 2;

	for (i = 0; i < end; i++) {
		struct outcome outcome = decode_with("b", body, i);

		ck_assert_int_ge(outcome.r, 0);
		ck_assert_ptr_null(memchr(outcome.text, '.', outcome.len));
	}
}
END_TEST

SH_SUITE("proto/multipart", test_accepted, test_refused, test_nul, test_limits,
    test_boundary, test_cut)
