/*
 * This file is what processes ask and answer about who has subscribed, as bytes. Pure:
 * no I/O, no clock. Bytes may come from anywhere.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sh_buf;

enum {
	SH_QUESTION_HEAD = 40, /* bytes; the topic is behind it */
	SH_ANSWER_HEAD = 56,   /* bytes; entries are behind it */
	/* of a part, head included: well below a quarter of the least ring */
	SH_ANSWER_MAX = 8 * 1024
};

/* Which process: of which server, and its incarnation. */
struct sh_asker {
	uint64_t node, incarnation;
};

struct sh_question {
	struct sh_asker from;
	uint64_t number; /* of the asker's */
	uint32_t round;  /* it is asked again while somebody has not answered */
	bool names;      /* a list is wanted, not only the number */
	const char *topic; /* lent, topic_len bytes */
	size_t topic_len;
};

/* A part of an answer. */
struct sh_answer {
	struct sh_asker from;
	uint64_t number;
	uint32_t round;
	uint32_t part;       /* from 0 on */
	bool last;           /* there is none behind it */
	uint64_t count;      /* of all that have subscribed, named or not */
	const void *entries; /* lent, see sh_entry_next() */
	size_t len;
};

/** Write the head of a question or answer; the topic or the entries go behind it. */
void sh_question_encode(
    const struct sh_question *question, uint8_t head[SH_QUESTION_HEAD]);
void
sh_answer_encode(const struct sh_answer *answer, uint8_t head[SH_ANSWER_HEAD]);
/** Read one, which lends from bytes. 0 or -SHOAL_EPROTO; the entries of an answer
 *  are whole then. */
int
sh_question_decode(struct sh_question *question, const void *bytes, size_t len);
int sh_answer_decode(struct sh_answer *answer, const void *bytes, size_t len);

/* One with a name. */
struct sh_entry {
	uint64_t id;
	const char *name; /* lent, no NUL behind it */
	size_t name_len;  /* at most 255 */
};

/** Append one. As sh_buf_add(). */
int sh_entry_add(struct sh_buf *to, uint64_t id, const char *name);
/** Bytes that the first entries take, whole ones, as many as fit into max. */
size_t sh_entries_fitting(const void *entries, size_t len, size_t max);
/** Take the next one: *entries and *len move on. False at the end, when it is cut
 *  off, and when the name is not UTF-8. */
bool
sh_entry_next(const uint8_t **entries, size_t *len, struct sh_entry *entry);
