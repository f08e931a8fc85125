/*
 * This file takes the framing off bodies. The framing of chunks is read byte by
 * byte, so that it does not matter how they come; what is in them is not read.
 * RFC 9112 6.3 and 7.1.
 */
#include "config.h"

#include "proto/http_body.h"

#include "base/panic.h"
#include "proto/http_chars.h"

enum {
	DIGITS_MAX = 16,
	EXT_MAX = 256,        /* bytes of a chunk's extensions */
	EXT_TOTAL_FREE = 8192 /* of all; above it, at most those of the body */
};

enum state {
	DONE,
	PLAIN,      /* a body with a length */
	SIZE_FIRST, /* first digit of a chunk's size */
	SIZE,
	EXT_SEMICOLON, /* behind white space: only ';' may follow */
	EXT_NAME_FIRST,
	EXT_NAME,
	EXT_EQUALS, /* behind a name and white space: '=' or ';' */
	EXT_VALUE_FIRST,
	EXT_VALUE,
	EXT_QUOTED,
	EXT_ESCAPED,
	EXT_QUOTED_END,
	SIZE_LF,
	DATA,
	DATA_CR,
	DATA_LF,
	TRAILER_FIRST,
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	WRONG /* what follows a byte that may not stand there */
};

int
sh_http_body_begin(struct sh_http_body *body, enum sh_http_body_kind kind,
    uint64_t length, const struct sh_http_body_limits *limits,
    const char **why_out)
{
	*body = (struct sh_http_body){ .limits = *limits, .state = DONE };
	if (kind == SH_HTTP_BODY_CHUNKED)
		body->state = SIZE_FIRST;
	if (kind != SH_HTTP_BODY_LENGTH || length == 0)
		return 0;
	if (length > limits->size)
		return sh_http_refuse(why_out, 413, "the body is too long");
	body->state = PLAIN;
	body->left = length;
	return 0;
}

/* Behind a complete size, name or value: other states follow these. */
static enum state
after_element(char c, enum state behind_blank)
{
	switch (c) {
	case ';': return EXT_NAME_FIRST;
	case '\r': return SIZE_LF;
	case ' ':
	case '\t': return behind_blank;
	default: return WRONG;
	}
}

/* qdtext or its end: RFC 9110 5.6.4. */
static enum state
after_quoted(char c)
{
	if (c == '"')
		return EXT_QUOTED_END;
	if (c == '\\')
		return EXT_ESCAPED;
	return sh_http_is(SH_HTTP_VALUE, c) ? EXT_QUOTED : WRONG;
}

/* The state behind a byte of chunk extensions. */
static enum state
after_extension(enum state state, char c)
{
	bool token = sh_http_is(SH_HTTP_TOKEN, c);
	bool blank = c == ' ' || c == '\t';

	switch (state) {
	case EXT_SEMICOLON:
		if (blank)
			return state;
		return c == ';' ? EXT_NAME_FIRST : WRONG;
	case EXT_NAME_FIRST:
		if (blank)
			return state;
		return token ? EXT_NAME : WRONG;
	case EXT_NAME:
		if (token)
			return state;
		return c == '=' ? EXT_VALUE_FIRST
				: after_element(c, EXT_EQUALS);
	case EXT_EQUALS:
		if (blank)
			return state;
		if (c == '=')
			return EXT_VALUE_FIRST;
		return c == ';' ? EXT_NAME_FIRST : WRONG;
	case EXT_VALUE_FIRST:
		if (blank)
			return state;
		if (c == '"')
			return EXT_QUOTED;
		return token ? EXT_VALUE : WRONG;
	case EXT_VALUE: return token ? state : after_element(c, EXT_SEMICOLON);
	case EXT_QUOTED: return after_quoted(c);
	case EXT_ESCAPED:
		return sh_http_is(SH_HTTP_VALUE, c) ? EXT_QUOTED : WRONG;
	default: return after_element(c, EXT_SEMICOLON);
	}
}

static int
take_extension(struct sh_http_body *body, char c, const char **why_out)
{
	enum state next = after_extension(body->state, c);

	if (next == WRONG)
		return sh_http_refuse(
		    why_out, 400, "the extension of a chunk is malformed");
	body->state = (uint8_t)next;
	if (next == SIZE_LF)
		return 0;
	body->ext_size++;
	body->ext_total++;
	/* many tiny chunks with long extensions are an attack, too */
	if (body->ext_size > EXT_MAX ||
	    (body->ext_total > EXT_TOTAL_FREE &&
		body->ext_total - EXT_TOTAL_FREE > body->total))
		return sh_http_refuse(
		    why_out, 400, "the extensions of chunks are too long");
	return 0;
}

static int
take_size(struct sh_http_body *body, char c, const char **why_out)
{
	int digit = sh_hex_value(c);
	enum state next;

	if (digit >= 0) {
		if (body->digits == DIGITS_MAX)
			return sh_http_refuse(why_out, 400,
			    "the size of a chunk has too many digits");
		body->state = SIZE;
		body->digits++;
		/* fits: it is 16 times 4 bits */
		body->left = body->left << 4 | (unsigned)digit;
		return 0;
	}
	next = after_element(c, EXT_SEMICOLON);
	if (body->state == SIZE_FIRST || next == WRONG)
		return sh_http_refuse(
		    why_out, 400, "the size of a chunk is malformed");
	body->state = (uint8_t)next;
	body->ext_size = next == SIZE_LF ? 0 : 1;
	return 0;
}

/* The line with a chunk's size is complete. */
static int
begin_chunk(struct sh_http_body *body, const char **why_out)
{
	if (body->left > body->limits.size - body->total)
		return sh_http_refuse(why_out, 413, "the body is too long");
	body->total += body->left;
	body->state = body->left > 0 ? DATA : TRAILER_FIRST;
	body->digits = 0;
	body->ext_size = 0;
	return 0;
}

/* The state behind a byte of trailer fields, by the rules of other fields. */
static enum state
after_trailer(enum state state, char c)
{
	switch (state) {
	case TRAILER_FIRST:
		if (c == '\r')
			return LAST_LF;
		return sh_http_is(SH_HTTP_TOKEN, c) ? TRAILER_NAME : WRONG;
	case TRAILER_NAME:
		if (c == ':')
			return TRAILER_VALUE;
		return sh_http_is(SH_HTTP_TOKEN, c) ? state : WRONG;
	case TRAILER_VALUE:
		if (c == '\r')
			return TRAILER_LF;
		return sh_http_is(SH_HTTP_VALUE, c) ? state : WRONG;
	default: return c == '\n' ? TRAILER_FIRST : WRONG;
	}
}

static int
take_trailer(struct sh_http_body *body, char c, const char **why_out)
{
	enum state before = body->state, next = after_trailer(before, c);

	if (next == WRONG)
		return sh_http_refuse(
		    why_out, 400, "a trailer field is malformed");
	body->state = (uint8_t)next;
	if (next == LAST_LF)
		return 0;
	if (before == TRAILER_FIRST &&
	    body->trailer_count++ == body->limits.trailer_count)
		return sh_http_refuse(
		    why_out, 431, "there are too many trailer fields");
	if (body->trailer_size++ == body->limits.trailer_size)
		return sh_http_refuse(
		    why_out, 431, "the trailer fields are too long");
	return 0;
}

/* A byte that is the only one that may stand here. */
static int
expect(struct sh_http_body *body, char c, char wanted, enum state next,
    const char **why_out)
{
	if (c != wanted)
		return sh_http_refuse(
		    why_out, 400, "a chunk or its size has no proper end");
	body->state = (uint8_t)next;
	return 0;
}

/* Take in a byte of the framing. */
static int
take_byte(struct sh_http_body *body, char c, const char **why_out)
{
	int r;

	switch (body->state) {
	case SIZE_FIRST:
	case SIZE: return take_size(body, c, why_out);
	case SIZE_LF:
		r = expect(body, c, '\n', DATA, why_out);
		return r < 0 ? r : begin_chunk(body, why_out);
	case DATA_CR: return expect(body, c, '\r', DATA_LF, why_out);
	case DATA_LF: return expect(body, c, '\n', SIZE_FIRST, why_out);
	case TRAILER_FIRST:
	case TRAILER_NAME:
	case TRAILER_VALUE:
	case TRAILER_LF: return take_trailer(body, c, why_out);
	case LAST_LF: return expect(body, c, '\n', DONE, why_out);
	default: return take_extension(body, c, why_out);
	}
}

bool
sh_http_body_is_in_trailer(const struct sh_http_body *body)
{
	return body->state >= TRAILER_FIRST && body->state <= LAST_LF;
}

int
sh_http_body_next(struct sh_http_body *body, const char *data, size_t len,
    size_t *consumed_out, const char **piece_out, size_t *piece_len_out,
    const char **why_out)
{
	bool was_in_trailer = sh_http_body_is_in_trailer(body);
	size_t used = 0, n;
	int r;

	*consumed_out = *piece_len_out = 0;
	*piece_out = NULL;
	while (used < len && body->state > PLAIN && body->state != DATA) {
		r = take_byte(body, data[used], why_out);
		if (r < 0)
			return r;
		used++;
		if (!was_in_trailer && body->state == TRAILER_FIRST) {
			*consumed_out = used;
			return 0;
		}
	}
	if (used < len && body->state != DONE) {
		n = len - used < body->left ? len - used : (size_t)body->left;
		sh_assert(n > 0);
		*piece_out = data + used;
		*piece_len_out = n;
		used += n;
		body->left -= n;
		if (body->left == 0)
			body->state = body->state == PLAIN ? DONE : DATA_CR;
	}
	*consumed_out = used;
	return body->state == DONE ? 1 : 0;
}
