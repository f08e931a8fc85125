/*
 * This file judges what the fields of a request mean for the message: length
 * of the body, host, connection, expectations. It does not look for lines.
 * RFC 9112 6 and 9, RFC 9110 7 and 10.1.1.
 */
#include "config.h"

#include "proto/http_meaning.h"

#include <string.h>

#include "proto/http_chars.h"
#include "proto/http_target.h"

/* Fields that are looked at here. */
enum kind { HOST, EXPECT, UPGRADE, CONNECTION, LENGTH, CODING, KINDS };

/* The first one of each kind, and how many there are. */
struct found {
	const struct sh_http_field *first[KINDS];
	size_t count[KINDS];
};

/* No two are equally long. */
static enum kind
kind_of(const char *name, size_t len)
{
	static const char *const names[KINDS] = {
		[HOST] = "host",
		[EXPECT] = "expect",
		[UPGRADE] = "upgrade",
		[CONNECTION] = "connection",
		[LENGTH] = "content-length",
		[CODING] = "transfer-encoding",
	};
	enum kind kind;

	switch (len) {
	case 4: kind = HOST; break;
	case 6: kind = EXPECT; break;
	case 7: kind = UPGRADE; break;
	case 10: kind = CONNECTION; break;
	case 14: kind = LENGTH; break;
	case 17: kind = CODING; break;
	default: return KINDS;
	}
	return sh_http_equal(name, len, names[kind]) ? kind : KINDS;
}

/* In one pass: there may be a hundred fields. */
static void
find_fields(
    struct found *found, const struct sh_http_head *head, const char *data)
{
	size_t i;

	memset(found, 0, sizeof(*found));
	for (i = 0; i < head->field_count; i++) {
		const struct sh_http_field *field = &head->fields[i];
		enum kind kind =
		    kind_of(data + field->name.off, field->name.len);

		if (kind != KINDS && found->count[kind]++ == 0)
			found->first[kind] = field;
	}
}

/* Digits only: no sign, no list, not even of the same twice. */
static int
parse_length(struct sh_http_head *head, const char *text, size_t len,
    const char **why_out)
{
	uint64_t number = 0;
	bool too_much = false;
	size_t i;

	for (i = 0; i < len; i++) {
		uint64_t digit = (uint64_t)(text[i] - '0');

		if (text[i] < '0' || text[i] > '9')
			break;
		if (number > (INT64_MAX - digit) / 10)
			too_much = true;
		else
			number = number * 10 + digit;
	}
	if (len == 0 || i != len)
		return sh_http_refuse(
		    why_out, 400, "Content-Length is not a number");
	if (too_much)
		return sh_http_refuse(
		    why_out, 413, "Content-Length is beyond all limits");
	head->body = SH_HTTP_BODY_LENGTH;
	head->body_len = number;
	return 0;
}

static int
judge_coding(struct sh_http_head *head, const char *data,
    const struct found *found, const char **why_out)
{
	const struct sh_http_field *coding = found->first[CODING];

	if (head->minor == 0)
		return sh_http_refuse(
		    why_out, 400, "Transfer-Encoding came in HTTP/1.0");
	if (found->count[CODING] > 1 ||
	    !sh_http_equal(
		data + coding->value.off, coding->value.len, "chunked"))
		return sh_http_refuse(
		    why_out, 501, "Transfer-Encoding is not just chunked");
	head->body = SH_HTTP_BODY_CHUNKED;
	return 0;
}

static int
judge_body(struct sh_http_head *head, const char *data,
    const struct found *found, const char **why_out)
{
	const struct sh_http_field *length = found->first[LENGTH];

	head->body = SH_HTTP_BODY_NONE;
	head->body_len = 0;
	if (found->count[CODING] != 0 && length != NULL)
		return sh_http_refuse(why_out, 400,
		    "there are Content-Length and Transfer-Encoding");
	if (found->count[CODING] != 0)
		return judge_coding(head, data, found, why_out);
	if (length == NULL)
		return 0;
	if (found->count[LENGTH] > 1)
		return sh_http_refuse(
		    why_out, 400, "there is more than one Content-Length");
	return parse_length(
	    head, data + length->value.off, length->value.len, why_out);
}

static int
judge_host(struct sh_http_head *head, const char *data,
    const struct found *found, const char **why_out)
{
	const struct sh_http_field *host = found->first[HOST];

	if (host == NULL)
		return head->minor == 0
		    ? 0
		    : sh_http_refuse(why_out, 400, "there is no Host");
	if (found->count[HOST] > 1)
		return sh_http_refuse(
		    why_out, 400, "there is more than one Host");
	if (!sh_http_host_is_valid(data + host->value.off, host->value.len))
		return sh_http_refuse(why_out, 400, "Host is malformed");
	/* RFC 9112 3.2.2: the target's own wins */
	if (head->form == SH_HTTP_ORIGIN || head->form == SH_HTTP_ASTERISK)
		head->host = host->value;
	return 0;
}

static int
judge_connection(struct sh_http_head *head, const char *data,
    const struct found *found, const char **why_out)
{
	const struct sh_http_field *field = found->first[CONNECTION];
	bool closes = false, keeps = head->minor > 0, upgrades = false;
	const char *list, *item;
	size_t list_len, n;

	for (; field != NULL;
	     field = sh_http_field_find(head, data, "connection", field)) {
		list = data + field->value.off;
		list_len = field->value.len;
		while (sh_http_list_next(&list, &list_len, &item, &n)) {
			if (sh_http_span(SH_HTTP_TOKEN, item, n) != n)
				return sh_http_refuse(why_out, 400,
				    "Connection is not a list of tokens");
			closes |= sh_http_equal(item, n, "close");
			keeps |= sh_http_equal(item, n, "keep-alive");
			upgrades |= sh_http_equal(item, n, "upgrade");
		}
	}
	head->keep_alive = keeps && !closes;
	/* RFC 9110 7.8: not in HTTP/1.0 */
	head->upgrades =
	    upgrades && head->minor > 0 && found->count[UPGRADE] != 0;
	return 0;
}

static int
judge_expectation(struct sh_http_head *head, const char *data,
    const struct found *found, const char **why_out)
{
	const struct sh_http_field *field = found->first[EXPECT];
	const char *list, *item;
	size_t list_len, n;
	bool expects = false;

	for (; field != NULL;
	     field = sh_http_field_find(head, data, "expect", field)) {
		list = data + field->value.off;
		list_len = field->value.len;
		while (sh_http_list_next(&list, &list_len, &item, &n)) {
			if (!sh_http_equal(item, n, "100-continue"))
				return sh_http_refuse(
				    why_out, 417, "Expect is not 100-continue");
			expects = true;
		}
	}
	/* RFC 9110 10.1.1: ignored in HTTP/1.0; without a body it is void */
	head->expects_continue = expects && head->minor > 0 &&
	    (head->body == SH_HTTP_BODY_CHUNKED || head->body_len > 0);
	return 0;
}

int
sh_http_head_judge(
    struct sh_http_head *head, const char *data, const char **why_out)
{
	struct found found;
	int r;

	find_fields(&found, head, data);
	r = judge_body(head, data, &found, why_out);
	if (r == 0)
		r = judge_host(head, data, &found, why_out);
	if (r == 0)
		r = judge_connection(head, data, &found, why_out);
	if (r == 0)
		r = judge_expectation(head, data, &found, why_out);
	return r;
}
