/*
 * This file writes JSON (RFC 8259) to a place of a certain size, and counts what
 * it would have taken: as snprintf(3) does.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sh_json {
	char *buf; /* lent */
	size_t cap;
	size_t len; /* bytes that were wanted, more than cap perhaps */
};

/** Start at the beginning of buf. */
void sh_json_init(struct sh_json *json, char *buf, size_t cap);
/** Write what is JSON already: braces, names. */
void sh_json_raw(struct sh_json *json, const char *text);
/** Write a string with its quotes; text is UTF-8, and may have any of it. */
void sh_json_string(struct sh_json *json, const char *text, size_t len);
/** Write a whole number; beyond 2^53 a reader may take it for another. */
void sh_json_int(struct sh_json *json, int64_t number);
/** Write a number that may be any of 64 bits: a string of digits, since
 *  JavaScript's numbers cannot hold it. */
void sh_json_id(struct sh_json *json, uint64_t number);
