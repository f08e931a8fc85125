/*
 * This file takes bodies of multipart/form-data apart, while they come: RFC
 * 7578 and RFC 2046 5.1. It keeps the head of a part and nothing of its data,
 * in memory that it is lent, and does no I/O.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

enum {
	SH_MULTIPART_BOUNDARY_MAX = 70, /* bytes: RFC 2046 5.1.1 */
	SH_MULTIPART_DELIMITER_MAX = 4 + SH_MULTIPART_BOUNDARY_MAX
};

/* What has come of a body. */
enum sh_multipart_event {
	SH_MULTIPART_MORE, /* nothing; more bytes are needed */
	SH_MULTIPART_PART, /* a part begins */
	SH_MULTIPART_DATA, /* some bytes of it */
	SH_MULTIPART_PART_END,
	SH_MULTIPART_END /* the last part was the last */
};

/* The head of a part; with a NUL behind each, and none in it. */
struct sh_multipart_part {
	const char *name;
	/* NULL: it is no file. Without folders: what is behind the last '/' or
	 * '\', but never "." or "..", for which it is "". */
	const char *filename;
	const char *type; /* Content-Type, as sent; NULL: none */
};

/* Where the body is. */
struct sh_multipart {
	char delimiter[SH_MULTIPART_DELIMITER_MAX]; /* "\r\n--boundary" */
	uint8_t delimiter_len;
	uint8_t matched; /* bytes of the delimiter that have come */
	uint8_t foreign; /* the first of them that are not the part's */
	uint8_t state;
	unsigned field_count, field_max; /* of this head */
	char *head;                      /* of this part, lent */
	size_t head_len, head_size;
};

/** Begin. head is lent for the life of the parser; its size, and a number of
 *  fields, are the limits of a part's head. 0, or -400 for a boundary that has
 *  not 1 to 70 bytes of those that may stand in one, or a space at its end. */
int sh_multipart_begin(struct sh_multipart *multipart, const char *boundary,
    size_t boundary_len, char *head, size_t head_size, unsigned field_max,
    const char **why_out);
/** Take in bytes as far as the next event. Of len bytes *consumed_out were used.
 *  With SH_MULTIPART_PART, part_out is set, and lent until the next call;
 *  with SH_MULTIPART_DATA, *piece_out and *piece_len_out, which is not 0: lent
 *  out of data or of multipart until the next call.
 *
 *  SH_MULTIPART_MORE comes when all bytes are used, and only then. After
 *  SH_MULTIPART_END it comes again, and uses all bytes: what is in front of the
 *  first part and behind the last one is ignored. A body is complete if that
 *  was reached.
 *
 *  In names, "%22", "%0D" and "%0A" become what browsers have written so, and
 *  so do '\"' and '\\' of others. filename* is ignored: RFC 7578 4.2.
 *
 *  An event, or -400, with *why_out, if not NULL, a constant sentence; nothing
 *  else may be done then. */
int sh_multipart_next(struct sh_multipart *multipart, const char *data,
    size_t len, size_t *consumed_out, struct sh_multipart_part *part_out,
    const char **piece_out, size_t *piece_len_out, const char **why_out);
