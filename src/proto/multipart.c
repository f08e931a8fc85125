/*
 * This file finds the parts of a multipart body. What a part's head says is read
 * in multipart_head.c. RFC 2046 5.1.1.
 *
 * A delimiter, "\r\n--boundary", has a CR at its beginning only. So when bytes
 * turn out not to be one after all, none of them but the last can begin
 * another, and those before it are the same as the delimiter's: they are lent
 * from there, and nothing needs to be kept.
 */
#include "config.h"

#include "proto/multipart.h"

#include <stdbool.h>
#include <string.h>

#include "proto/http_chars.h"
#include "proto/multipart_head.h"

enum { CRLF_LEN = 2 };

enum state {
	PREAMBLE,
	BEHIND,  /* of a delimiter */
	DASH,    /* "--" ends the body */
	PADDING, /* white space up to the end of the line */
	LINE_LF,
	HEAD,
	DATA,
	EPILOGUE
};

/* Look for a delimiter that begins a line, and this is the beginning of one. */
static void
seek(struct sh_multipart *multipart, enum state state)
{
	multipart->state = (uint8_t)state;
	multipart->matched = multipart->foreign = CRLF_LEN;
}

static bool
is_boundary_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	    (c >= 'a' && c <= 'z') ||
	    (c != '\0' && strchr("'()+_,-./:=? ", c) != NULL);
}

int
sh_multipart_begin(struct sh_multipart *multipart, const char *boundary,
    size_t boundary_len, char *head, size_t head_size, unsigned field_max,
    const char **why_out)
{
	size_t i;

	if (boundary_len == 0 || boundary_len > SH_MULTIPART_BOUNDARY_MAX)
		return sh_http_refuse(
		    why_out, 400, "the boundary has not 1 to 70 bytes");
	for (i = 0; i < boundary_len; i++)
		if (!is_boundary_char(boundary[i]))
			return sh_http_refuse(why_out, 400,
			    "the boundary has a byte that may not be in one");
	if (boundary[boundary_len - 1] == ' ')
		return sh_http_refuse(
		    why_out, 400, "the boundary ends with a space");
	*multipart = (struct sh_multipart){
		.head = head, .head_size = head_size, .field_max = field_max
	};
	memcpy(multipart->delimiter, "\r\n--", 4);
	memcpy(multipart->delimiter + 4, boundary, boundary_len);
	multipart->delimiter_len = (uint8_t)(4 + boundary_len);
	seek(multipart, PREAMBLE);
	return 0;
}

/* Use what goes on with the delimiter that has begun. */
static size_t
match(struct sh_multipart *multipart, const char *data, size_t len)
{
	size_t n = 0;

	while (n < len && multipart->matched < multipart->delimiter_len &&
	    data[n] == multipart->delimiter[multipart->matched]) {
		multipart->matched++;
		n++;
	}
	return n;
}

/* Take in bytes that may be a delimiter, or are followed by one. */
static int
take_data(struct sh_multipart *multipart, const char *data, size_t len,
    size_t *used, const char **piece_out, size_t *piece_len_out)
{
	const char *cr;
	size_t n;

	if (multipart->matched > 0) {
		*used += match(multipart, data, len);
		if (multipart->matched == multipart->delimiter_len) {
			bool ends = multipart->state == DATA;

			multipart->state = BEHIND;
			return ends ? SH_MULTIPART_PART_END : SH_MULTIPART_MORE;
		}
		if (*used == len)
			return SH_MULTIPART_MORE;
		/* it was none; what has come of it is data */
		*piece_out = multipart->delimiter + multipart->foreign;
		*piece_len_out =
		    (size_t)(multipart->matched - multipart->foreign);
		multipart->matched = multipart->foreign = 0;
	} else {
		cr = memchr(data, '\r', len);
		n = cr != NULL ? (size_t)(cr - data) : len;
		*piece_out = data;
		*piece_len_out = n;
		*used = n;
		if (cr != NULL) {
			multipart->matched = 1;
			(*used)++;
		}
	}
	if (*piece_len_out > 0 && multipart->state == DATA)
		return SH_MULTIPART_DATA;
	return SH_MULTIPART_MORE;
}

/* The state behind a byte that follows a delimiter; negative when it may not
 * stand there. */
static int
after_delimiter(enum state state, char c)
{
	bool blank = c == ' ' || c == '\t';

	switch (state) {
	case BEHIND:
		if (c == '-')
			return DASH;
		/* fall through */
	case PADDING:
		if (blank)
			return PADDING;
		return c == '\r' ? LINE_LF : -1;
	case DASH: return c == '-' ? EPILOGUE : -1;
	default: return c == '\n' ? HEAD : -1;
	}
}

static int
take_delimiter(struct sh_multipart *multipart, char c, const char **why_out)
{
	int next = after_delimiter(multipart->state, c);

	if (next < 0)
		return sh_http_refuse(
		    why_out, 400, "the line of a boundary has more in it");
	multipart->state = (uint8_t)next;
	if (next == HEAD)
		multipart->head_len = multipart->field_count = 0;
	return next == EPILOGUE ? SH_MULTIPART_END : SH_MULTIPART_MORE;
}

/* Take in a byte of a part's head. */
static int
take_head(struct sh_multipart *multipart, char c,
    struct sh_multipart_part *part_out, const char **why_out)
{
	char *head = multipart->head;
	size_t n = multipart->head_len;
	int r;

	if (n == multipart->head_size)
		return sh_http_refuse(
		    why_out, 400, "the head of a part is too long");
	head[n++] = c;
	multipart->head_len = n;
	if (c != '\n')
		return SH_MULTIPART_MORE;
	if (n < 2 || head[n - 2] != '\r')
		return sh_http_refuse(why_out, 400,
		    "a line of a part's head does not end with CR LF");
	if (n > 2 && (n < 4 || head[n - 3] != '\n')) {
		if (multipart->field_count++ == multipart->field_max)
			return sh_http_refuse(why_out, 400,
			    "the head of a part has too many fields");
		return SH_MULTIPART_MORE;
	}
	r = sh_multipart_head_parse(head, n - 2, part_out, why_out);
	if (r < 0)
		return r;
	/* the end of the head may be that of a delimiter's line, too */
	seek(multipart, DATA);
	return SH_MULTIPART_PART;
}

int
sh_multipart_next(struct sh_multipart *multipart, const char *data, size_t len,
    size_t *consumed_out, struct sh_multipart_part *part_out,
    const char **piece_out, size_t *piece_len_out, const char **why_out)
{
	size_t at = 0, n;
	int event = SH_MULTIPART_MORE;

	*piece_out = NULL;
	*piece_len_out = 0;
	while (at < len && event == SH_MULTIPART_MORE) {
		n = 1;
		switch ((enum state)multipart->state) {
		case PREAMBLE:
		case DATA:
			n = 0;
			event = take_data(multipart, data + at, len - at, &n,
			    piece_out, piece_len_out);
			break;
		case HEAD:
			event =
			    take_head(multipart, data[at], part_out, why_out);
			break;
		case EPILOGUE:
			n = len - at;
			event = SH_MULTIPART_END;
			break;
		default: event = take_delimiter(multipart, data[at], why_out);
		}
		at += n;
	}
	if (event != SH_MULTIPART_DATA)
		*piece_len_out = 0;
	*consumed_out = at;
	return event;
}
