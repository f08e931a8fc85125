/* This file tests proto/http_head.c, http_target.c and http_meaning.c. */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "proto/http_head.h"
#include "support/suite.h"

enum { FIELDS_MAX = 8 };

static const struct sh_http_limits roomy = { 4096, 1024, FIELDS_MAX };

/* What came of a head: the result and, in words, what is in it. */
struct outcome {
	int r;
	size_t len;
	const char *why;
	char words[512];
};

#define TEXT(text, len) (int)(len), (text)
#define PIECE(data, piece) TEXT((data) + (piece).off, (piece).len)

static void
describe(
    struct outcome *outcome, const struct sh_http_head *head, const char *data)
{
	static const char *const forms[] = { "origin", "absolute", "authority",
		"asterisk" };
	char body[32] = "none";
	size_t i, n;

	if (head->body == SH_HTTP_BODY_LENGTH)
		snprintf(body, sizeof(body), "%ju", (uintmax_t)head->body_len);
	if (head->body == SH_HTTP_BODY_CHUNKED)
		snprintf(body, sizeof(body), "chunked");
	n = (size_t)snprintf(outcome->words, sizeof(outcome->words),
	    "%.*s %s %.*s ?%.*s @%.*s %d %s%s%s %s", PIECE(data, head->method),
	    forms[head->form], PIECE(data, head->path),
	    PIECE(data, head->query), PIECE(data, head->host), head->minor,
	    head->keep_alive ? "keep" : "close",
	    head->expects_continue ? "+continue" : "",
	    head->upgrades ? "+upgrade" : "", body);
	for (i = 0; i < head->field_count && n < sizeof(outcome->words); i++)
		n += (size_t)snprintf(outcome->words + n,
		    sizeof(outcome->words) - n, " [%.*s]=[%.*s]",
		    PIECE(data, head->fields[i].name),
		    PIECE(data, head->fields[i].value));
	outcome->len = head->len;
}

/* Look at the first bytes, in memory of just their size and with a head that
 * others have used. */
static void
look(struct outcome *outcome, const struct sh_http_limits *limits,
    const char *data, size_t len, struct sh_http_progress *progress)
{
	struct sh_http_field *fields =
	    malloc((limits->field_count + 1) * sizeof(*fields));
	struct sh_http_head head;
	char *exact = malloc(len > 0 ? len : 1);

	ck_assert_ptr_nonnull(exact);
	ck_assert_ptr_nonnull(fields);
	memcpy(exact, data, len);
	memset(&head, 0xa5, sizeof(head));
	memset(fields, 0xa5, limits->field_count * sizeof(*fields));
	head.fields = fields;
	memset(outcome, 0, sizeof(*outcome));
	outcome->r = sh_http_head_parse(
	    &head, limits, exact, len, progress, &outcome->why);
	if (outcome->r == 1) {
		describe(outcome, &head, exact);
		ck_assert_uint_eq(progress->scanned + progress->line, 0);
	}
	free(exact);
	free(fields);
}

static void
check_same(const struct outcome *whole, const struct outcome *other,
    const char *data, size_t at)
{
	ck_assert_msg(other->r == whole->r, "%s at %zu: %d, whole %d", data, at,
	    other->r, whole->r);
	ck_assert_ptr_eq(other->why, whole->why);
	ck_assert_uint_eq(other->len, whole->len);
	ck_assert_str_eq(other->words, whole->words);
}

/* Whole, split at every point, and byte by byte. */
static struct outcome
parse_with(const struct sh_http_limits *limits, const char *data, size_t len)
{
	struct sh_http_progress progress = { 0 };
	struct outcome whole, other = { 0 };
	size_t i;

	look(&whole, limits, data, len, &progress);
	for (i = 0; i < len; i++) {
		memset(&progress, 0, sizeof(progress));
		look(&other, limits, data, i, &progress);
		if (other.r == 0)
			look(&other, limits, data, len, &progress);
		check_same(&whole, &other, data, i);
	}
	memset(&progress, 0, sizeof(progress));
	memset(&other, 0, sizeof(other));
	for (i = 0; i <= len && other.r == 0; i++)
		look(&other, limits, data, i, &progress);
	check_same(&whole, &other, data, i);
	return whole;
}

struct accepted {
	const char *head, *words;
};

#define GET(fields) "GET / HTTP/1.1\r\nHost: h\r\n" fields "\r\n"
#define TARGET(target) "GET " target " HTTP/1.1\r\nHost: h\r\n\r\n"
#define HOST(host) "GET / HTTP/1.1\r\nHost: " host "\r\n\r\n"

static const struct accepted accepted[] = {
	{ GET(""), "GET origin / ? @h 1 keep none [Host]=[h]" },
	{ "\r\n\r\n" GET(""), "GET origin / ? @h 1 keep none [Host]=[h]" },
	{ "GET / HTTP/1.0\r\n\r\n", "GET origin / ? @ 0 close none" },
	{ "GET / HTTP/1.7\r\nHost:\r\n\r\n",
	    "GET origin / ? @ 1 keep none [Host]=[]" },
	{ "x!#-~ /a?b?c HTTP/1.1\r\nhOST:\t h:80 \t\r\n\r\n",
	    "x!#-~ origin /a ?b?c @h:80 1 keep none [hOST]=[h:80]" },
	{ TARGET("//a/%2e?"),
	    "GET origin //a/%2e ? @h 1 keep none [Host]=[h]" },
	{ TARGET("http://o/p?q"),
	    "GET absolute /p ?q @o 1 keep none [Host]=[h]" },
	{ TARGET("HTTPS://[::1]:8?q"),
	    "GET absolute  ?q @[::1]:8 1 keep none [Host]=[h]" },
	{ "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
	    "OPTIONS asterisk * ? @h 1 keep none [Host]=[h]" },
	{ "CONNECT o:1 HTTP/1.1\r\nHost: h\r\n\r\n",
	    "CONNECT authority  ? @o:1 1 keep none [Host]=[h]" },
	{ HOST("a-b.c%41,;"),
	    "GET origin / ? @a-b.c%41,; 1 keep none [Host]=[a-b.c%41,;]" },
	{ HOST("127.0.0.1:65535"),
	    "GET origin / ? @127.0.0.1:65535 1 keep none "
	    "[Host]=[127.0.0.1:65535]" },
	{ HOST("[fe80::1]"),
	    "GET origin / ? @[fe80::1] 1 keep none [Host]=[[fe80::1]]" },
	{ GET("A:\r\nB: \t \r\nC: a \t b \r\nD:\xff\r\n"),
	    "GET origin / ? @h 1 keep none [Host]=[h] [A]=[] [B]=[] "
	    "[C]=[a \t b] [D]=[\xff]" },
	{ GET("Content-Length: 0\r\n"),
	    "GET origin / ? @h 1 keep 0 [Host]=[h] [Content-Length]=[0]" },
	{ GET("content-length:009223372036854775807 \r\n"),
	    "GET origin / ? @h 1 keep 9223372036854775807 [Host]=[h] "
	    "[content-length]=[009223372036854775807]" },
	{ GET("Transfer-Encoding:\tChunked\t\r\n"),
	    "GET origin / ? @h 1 keep chunked [Host]=[h] "
	    "[Transfer-Encoding]=[Chunked]" },
	{ GET("Connection: te , ,Close\r\nConnection: keep-alive\r\n"),
	    "GET origin / ? @h 1 close none [Host]=[h] "
	    "[Connection]=[te , ,Close] [Connection]=[keep-alive]" },
	{ GET("Connection:closed\r\n"),
	    "GET origin / ? @h 1 keep none [Host]=[h] [Connection]=[closed]" },
	{ "GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
	    "GET origin / ? @ 0 keep none [Connection]=[Keep-Alive]" },
	{ "GET / HTTP/1.0\r\nConnection: close,keep-alive\r\n\r\n",
	    "GET origin / ? @ 0 close none [Connection]=[close,keep-alive]" },
	{ GET("Upgrade: x\r\nConnection: a, upgrade\r\n"),
	    "GET origin / ? @h 1 keep+upgrade none [Host]=[h] [Upgrade]=[x] "
	    "[Connection]=[a, upgrade]" },
	{ GET("Upgrade: x\r\n"),
	    "GET origin / ? @h 1 keep none [Host]=[h] [Upgrade]=[x]" },
	{ GET("Connection: upgrade\r\n"),
	    "GET origin / ? @h 1 keep none [Host]=[h] "
	    "[Connection]=[upgrade]" },
	{ "GET / HTTP/1.0\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
	    "GET origin / ? @ 0 close none [Upgrade]=[x] "
	    "[Connection]=[upgrade]" },
	{ GET("Expect: 100-Continue\r\nContent-Length: 1\r\n"),
	    "GET origin / ? @h 1 keep+continue 1 [Host]=[h] "
	    "[Expect]=[100-Continue] [Content-Length]=[1]" },
	{ GET("Expect: 100-continue\r\n"),
	    "GET origin / ? @h 1 keep none [Host]=[h] "
	    "[Expect]=[100-continue]" },
	{ "GET / HTTP/1.0\r\nExpect: 100-continue\r\n"
	  "Content-Length: 1\r\n\r\n",
	    "GET origin / ? @ 0 close 1 [Expect]=[100-continue] "
	    "[Content-Length]=[1]" },
};

START_TEST(test_accepted)
{
	char behind[1024];
	struct outcome outcome;
	size_t i, len;

	for (i = 0; i < SH_ARRAY_LEN(accepted); i++) {
		len = strlen(accepted[i].head);
		outcome = parse_with(&roomy, accepted[i].head, len);
		ck_assert_msg(outcome.r == 1, "%s: %d, %s", accepted[i].head,
		    outcome.r, outcome.why);
		ck_assert_str_eq(outcome.words, accepted[i].words);
		ck_assert_uint_eq(outcome.len, len);
		/* what is behind it does not matter, and before it is
		 * complete there is nothing */
		snprintf(
		    behind, sizeof(behind), "%s\r\n\t\n", accepted[i].head);
		outcome = parse_with(&roomy, behind, strlen(behind));
		ck_assert_str_eq(outcome.words, accepted[i].words);
		ck_assert_uint_eq(outcome.len, len);
		outcome = parse_with(&roomy, accepted[i].head, len - 1);
		ck_assert_int_eq(outcome.r, 0);
	}
}
END_TEST

struct refused {
	int status;
	const char *head;
	size_t len;
};

#define REFUSED(status, head)                     \
	{                                         \
		status, head, sizeof("" head) - 1 \
	}
#define FIELD(status, field) REFUSED(status, GET(field))

static const struct refused refused[] = {
	/* the request line */
	REFUSED(400, "\n"),
	REFUSED(400, " "),
	REFUSED(400, "\x16\x03\x01"),
	REFUSED(400, "\r\n\r\n\r\n\r\n\r\n"),
	REFUSED(400, "GET / HTTP/1.1\n"),
	REFUSED(400, "GET / HTTP/1.1\r\r\n"),
	REFUSED(400, "GET /\r HTTP/1.1\r\n"),
	REFUSED(400, "GET\r\n"),
	REFUSED(400, "GET \r\n"),
	REFUSED(400, "GET /\r\n"),
	REFUSED(400, "GET / \r\n"),
	REFUSED(400, "GET  / HTTP/1.1\r\n"),
	REFUSED(400, "GET /  HTTP/1.1\r\n"),
	REFUSED(400, "GET / HTTP/1.1 \r\n"),
	REFUSED(400, "GET\t/ HTTP/1.1\r\n"),
	REFUSED(400, "GET /\tHTTP/1.1\r\n"),
	REFUSED(400, "G(T / HTTP/1.1\r\n"),
	REFUSED(400, "GET / http/1.1\r\n"),
	REFUSED(400, "GET / HTTP/1\r\n"),
	REFUSED(400, "GET / HTTP/1.10\r\n"),
	REFUSED(400, "GET / HTTP/11\r\n"),
	REFUSED(400, "GET / HTTP/1,1\r\n"),
	REFUSED(400, "GET / HTTP/1.x\r\n"),
	REFUSED(505, "GET / HTTP/0.9\r\n"),
	REFUSED(505, "GET / HTTP/3.0\r\n"),
	REFUSED(505, "PRI * HTTP/2.0\r\n"),
	/* its target */
	REFUSED(400, "GET /\0 HTTP/1.1\r\n"),
	REFUSED(400, "GET /\x7f HTTP/1.1\r\n"),
	REFUSED(400, "GET /\xc3\xa4 HTTP/1.1\r\n"),
	REFUSED(400, "GET /a#b HTTP/1.1\r\n"),
	REFUSED(400, "GET a HTTP/1.1\r\n"),
	REFUSED(400, "GET ?a HTTP/1.1\r\n"),
	REFUSED(400, "GET * HTTP/1.1\r\n"),
	REFUSED(400, "options * HTTP/1.1\r\n"),
	REFUSED(400, "OPTIONS ** HTTP/1.1\r\n"),
	REFUSED(400, "GET h:80 HTTP/1.1\r\n"),
	REFUSED(400, "GET ftp://h/ HTTP/1.1\r\n"),
	REFUSED(400, "GET http:/h/ HTTP/1.1\r\n"),
	REFUSED(400, "GET http:///a HTTP/1.1\r\n"),
	REFUSED(400, "GET http://:80/a HTTP/1.1\r\n"),
	REFUSED(400, "GET http://u@h/ HTTP/1.1\r\n"),
	REFUSED(400, "GET http://h:x/ HTTP/1.1\r\n"),
	REFUSED(400, "CONNECT / HTTP/1.1\r\n"),
	REFUSED(400, "CONNECT h HTTP/1.1\r\n"),
	REFUSED(400, "CONNECT h: HTTP/1.1\r\n"),
	REFUSED(400, "CONNECT :1 HTTP/1.1\r\n"),
	REFUSED(400, "CONNECT h:65536 HTTP/1.1\r\n"),
	REFUSED(400, "CONNECT http://h/ HTTP/1.1\r\n"),
	/* lines and names of fields */
	FIELD(400, "A: b\n"),
	FIELD(400, "A: b\r\r\n"),
	FIELD(400, "A: b\rC: d\r\n"),
	FIELD(400, "A: b\nC: d\r\n"),
	FIELD(400, "A : b\r\n"),
	FIELD(400, "A\t: b\r\n"),
	FIELD(400, " A: b\r\n"),
	FIELD(400, "A: b\r\n c\r\n"),
	FIELD(400, "A: b\r\n\tc\r\n"),
	FIELD(400, "A: b\r\n \r\n"),
	FIELD(400, "A\r\n"),
	FIELD(400, ": b\r\n"),
	FIELD(400, "A\0: b\r\n"),
	FIELD(400, "A(: b\r\n"),
	FIELD(400, "\xc3\xa4: b\r\n"),
	FIELD(400, "A: \0\r\n"),
	FIELD(400, "A: b\0c\r\n"),
	FIELD(400,
	    "A: \x0b"
	    "b\r\n"),
	FIELD(400, "A: \x7f\r\n"),
	REFUSED(400, "GET / HTTP/1.1\r\nHost: h\r\n\n"),
	/* the host */
	REFUSED(400, "GET / HTTP/1.1\r\n\r\n"),
	REFUSED(400, "GET http://h/ HTTP/1.1\r\n\r\n"),
	FIELD(400, "Host: h\r\n"),
	REFUSED(400, "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n"),
	REFUSED(400, HOST("a b")),
	REFUSED(400, HOST("a/b")),
	REFUSED(400, HOST("u@h")),
	REFUSED(400, HOST(":80")),
	REFUSED(400, HOST("h:80:80")),
	REFUSED(400, HOST("h:+80")),
	REFUSED(400, HOST("h:99999999999999999999")),
	REFUSED(400, HOST("h%4")),
	REFUSED(400, HOST("h%zz")),
	REFUSED(400, HOST("::1")),
	REFUSED(400, HOST("[::1")),
	REFUSED(400, HOST("[]")),
	REFUSED(400, HOST("[::1]x")),
	REFUSED(400, HOST("[127.0.0.1]")),
	REFUSED(400, HOST("[::1%25eth0]")),
	/* the length of the body */
	FIELD(400, "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
	FIELD(400, "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
	FIELD(400, "Transfer-Encoding: x\r\nContent-Length: 0\r\n"),
	FIELD(400, "Content-Length: 5\r\nContent-Length: 5\r\n"),
	FIELD(400, "Content-Length: 5\r\ncontent-length: 6\r\n"),
	FIELD(400, "Content-Length: 5, 5\r\n"),
	FIELD(400, "Content-Length: 5,\r\n"),
	FIELD(400, "Content-Length: +5\r\n"),
	FIELD(400, "Content-Length: -5\r\n"),
	FIELD(400, "Content-Length: 0x5\r\n"),
	FIELD(400, "Content-Length: 5a\r\n"),
	FIELD(400, "Content-Length: 5 5\r\n"),
	FIELD(400, "Content-Length: 5.0\r\n"),
	FIELD(400, "Content-Length:\r\n"),
	FIELD(400, "Content-Length : 5\r\n"),
	FIELD(400, "Content-Length: 99999999999999999999x\r\n"),
	FIELD(413, "Content-Length: 9223372036854775808\r\n"),
	FIELD(413, "Content-Length: 18446744073709551621\r\n"),
	FIELD(501, "Transfer-Encoding: xchunked\r\n"),
	FIELD(501, "Transfer-Encoding: chunkedx\r\n"),
	FIELD(501, "Transfer-Encoding: chunked, identity\r\n"),
	FIELD(501, "Transfer-Encoding: identity, chunked\r\n"),
	FIELD(501, "Transfer-Encoding: gzip, chunked\r\n"),
	FIELD(501, "Transfer-Encoding: chunked,\r\n"),
	FIELD(501, "Transfer-Encoding: chunked;a=b\r\n"),
	FIELD(501, "Transfer-Encoding: \"chunked\"\r\n"),
	FIELD(501, "Transfer-Encoding: identity\r\n"),
	FIELD(501, "Transfer-Encoding:\r\n"),
	FIELD(501,
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
	FIELD(501,
	    "Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\n"),
	FIELD(400, "Transfer-Encoding : chunked\r\n"),
	FIELD(400, " Transfer-Encoding: chunked\r\n"),
	FIELD(400, "Transfer-Encoding\t: chunked\r\n"),
	FIELD(400,
	    "Transfer-Encoding: \x0b"
	    "chunked\r\n"),
	FIELD(400, "Transfer-Encoding:\r\n chunked\r\n"),
	FIELD(400, "X: y\rTransfer-Encoding: chunked\r\n"),
	FIELD(400, "X: y\nTransfer-Encoding: chunked\r\n"),
	REFUSED(400, "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
	/* the rest */
	FIELD(400, "Connection: a b\r\n"),
	FIELD(400, "Connection: close;\r\n"),
	FIELD(417, "Expect: 101-continue\r\n"),
	FIELD(417, "Expect: 100-continue, x\r\n"),
	FIELD(417, "Expect: 100-continue\r\nExpect: x\r\n"),
};

START_TEST(test_refused)
{
	struct outcome outcome;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(refused); i++) {
		outcome = parse_with(&roomy, refused[i].head, refused[i].len);
		ck_assert_msg(outcome.r == -refused[i].status, "%zu, %s: %d", i,
		    refused[i].head, outcome.r);
		ck_assert_ptr_nonnull(outcome.why);
	}
}
END_TEST

static int
parse_limited(size_t head_size, size_t line_size, size_t fields)
{
	static const char head[] =
	    "\r\nGET / HTTP/1.1\r\nHost: h\r\nA:\r\n\r\n";
	struct sh_http_limits limits = { head_size, line_size, fields };

	return parse_with(&limits, head, strlen(head)).r;
}

START_TEST(test_limits)
{
	enum { HEAD = 2 + 16 + 9 + 4 + 2, LINE = 14 };
	size_t size;

	ck_assert_int_eq(parse_limited(HEAD, LINE, 2), 1);
	ck_assert_int_eq(parse_limited(HEAD, SIZE_MAX, 3), 1);
	ck_assert_int_eq(parse_limited(SIZE_MAX, LINE, 2), 1);
	ck_assert_int_eq(parse_limited(HEAD, LINE - 1, 2), -414);
	ck_assert_int_eq(parse_limited(HEAD, 0, 2), -414);
	ck_assert_int_eq(parse_limited(HEAD, LINE, 1), -431);
	ck_assert_int_eq(parse_limited(HEAD, LINE, 0), -431);
	for (size = 1; size < 2 + 16; size++)
		ck_assert_int_eq(parse_limited(size, LINE, 2), -414);
	for (; size < HEAD; size++)
		ck_assert_int_eq(parse_limited(size, LINE, 2), -431);
}
END_TEST

START_TEST(test_endless_line)
{
	static const struct sh_http_limits limits = { 200, 100, 4 };
	char data[300];

	memset(data, 'a', sizeof(data));
	ck_assert_int_eq(parse_with(&limits, data, 101).r, 0);
	ck_assert_int_eq(parse_with(&limits, data, 102).r, -414);
	ck_assert_int_eq(parse_with(&limits, data, 300).r, -414);
	memcpy(data, "GET / HTTP/1.1\r\n", 16);
	ck_assert_int_eq(parse_with(&limits, data, 199).r, 0);
	ck_assert_int_eq(parse_with(&limits, data, 200).r, -431);
	ck_assert_int_eq(parse_with(&limits, data, 300).r, -431);
}
END_TEST

START_TEST(test_find)
{
	static const char data[] = GET("a: 1\r\nB: 2\r\nA: 3\r\n");
	struct sh_http_field fields[FIELDS_MAX];
	struct sh_http_head head = { .fields = fields };
	struct sh_http_progress progress = { 0 };
	const struct sh_http_field *field;

	ck_assert_int_eq(sh_http_head_parse(&head, &roomy, data, strlen(data),
			     &progress, NULL),
	    1);
	field = sh_http_field_find(&head, data, "a", NULL);
	ck_assert_ptr_eq(field, &fields[1]);
	field = sh_http_field_find(&head, data, "a", field);
	ck_assert_ptr_eq(field, &fields[3]);
	ck_assert_ptr_null(sh_http_field_find(&head, data, "a", field));
	ck_assert_ptr_null(sh_http_field_find(&head, data, "aa", NULL));
	ck_assert_int_eq(
	    sh_http_head_parse(&head, &roomy, "\n", 1, &progress, NULL), -400);
}
END_TEST

SH_SUITE("proto/http_head", test_accepted, test_refused, test_limits,
    test_endless_line, test_find)
