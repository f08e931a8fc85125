/* This file reads and writes durations and sizes, and finds near words. */
#pragma once

#include <stddef.h>
#include <stdint.h>

/** Read "30s", "1m30s", "250ms", "2h", "1d" as milliseconds. A unit is
 *  required; units must fall. 0, -SHOAL_EINVAL, or -ERANGE past 2^53. */
int sh_duration_parse(const char *text, int64_t *ms_out);
/** Write milliseconds the way a person would: "1m30s". Returns buf. */
const char *sh_duration_format(int64_t ms, char *buf, size_t cap);
/** Read "64k", "8M", "1G", "512" as bytes; k, M and G are powers of 1024.
 *  0, -SHOAL_EINVAL, -ERANGE past 2^53. */
int sh_size_parse(const char *text, int64_t *bytes_out);
/** Write bytes with the largest unit that divides them. Returns buf. */
const char *sh_size_format(int64_t bytes, char *buf, size_t cap);
/** Damerau-Levenshtein distance of two short words, at most 99. */
unsigned sh_word_distance(const char *a, const char *b);
/** The word of a NULL-terminated list that the reader probably meant, or NULL.
 *  Owner: lends from the list. */
const char *sh_word_nearest(const char *word, const char *const *words);
