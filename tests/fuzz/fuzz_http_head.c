/*
 * This file parses arbitrary bytes as heads of requests. Whole, byte by byte
 * and in portions they must give the same request or the same refusal. What a
 * request holds is decoded as paths and forms are. The first bytes choose:
 *
 *	0	limit of the head, in steps of 16 bytes; 0 is roomy
 *	1	limit of the request line, in steps of 4; 0 is roomy
 *	2	limit of the fields
 *	3	seed of the portions
 */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proto/http_head.h"
#include "proto/uri.h"

enum { PARAMETERS = 4, FIELDS_MAX = 256, INPUT_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
	int r;
	const char *why;
	struct sh_http_head head; /* all 0 but after a 1 */
	struct sh_http_field fields[FIELDS_MAX];
};

static struct outcome *
parse(const struct sh_http_limits *limits, const char *data, size_t size,
    size_t portion, uint32_t seed)
{
	struct outcome *outcome = sh_xcalloc(1, sizeof(*outcome));
	struct sh_http_field *fields = sh_xcalloc(FIELDS_MAX, sizeof(*fields));
	struct sh_http_progress progress = { 0 };
	struct sh_http_head head;
	size_t len = 0;

	while (outcome->r == 0 && len < size) {
		size_t n = size;

		seed = seed * 1664525 + 1013904223;
		if (portion != 0)
			n = 1 + (seed >> 16) % portion;
		len = n < size - len ? len + n : size;
		/* between calls the head belongs to others */
		memset(&head, (int)seed, sizeof(head));
		memset(fields, (int)seed, FIELDS_MAX * sizeof(*fields));
		head.fields = fields;
		outcome->r = sh_http_head_parse(
		    &head, limits, data, len, &progress, &outcome->why);
		sh_assert(progress.scanned <= len);
	}
	if (outcome->r == 1) {
		sh_assert(progress.begin + progress.scanned == 0);
		outcome->head = head;
		memcpy(outcome->fields, fields,
		    head.field_count * sizeof(*fields));
	}
	free(fields);
	return outcome;
}

static void
check_text(
    const struct sh_http_head *head, const char *data, struct sh_http_text text)
{
	sh_assert(text.off <= head->len && text.len <= head->len - text.off);
	sh_assert(memchr(data + text.off, '\r', text.len) == NULL);
	sh_assert(memchr(data + text.off, '\n', text.len) == NULL);
	sh_assert(memchr(data + text.off, '\0', text.len) == NULL);
}

static void
check_uri(const char *path, size_t len, const char *query, size_t query_len)
{
	char *out = sh_xcalloc(len + 2, 1);
	char *form = sh_xcalloc(query_len + 1, 1);
	struct sh_uri_pair pair;
	int n = sh_uri_path_decode(out, len + 2, path, len, NULL);

	if (n >= 0) {
		sh_assert(n > 0 && out[0] == '/' && strlen(out) == (size_t)n);
		sh_assert(strstr(out, "/../") == NULL);
		sh_assert(strstr(out, "/./") == NULL);
		sh_assert(n < 3 || strcmp(out + n - 3, "/..") != 0);
		sh_assert(n < 2 || strcmp(out + n - 2, "/.") != 0);
	}
	while (sh_uri_pair_next(&query, &query_len, &pair)) {
		sh_assert(sh_uri_form_decode(form, pair.name, pair.name_len) <=
		    pair.name_len);
		if (pair.value != NULL)
			sh_uri_form_decode(form, pair.value, pair.value_len);
	}
	free(form);
	free(out);
}

static void
check_head(const struct outcome *outcome, const struct sh_http_limits *limits,
    const char *data, size_t size)
{
	const struct sh_http_head *head = &outcome->head;
	size_t i;

	sh_assert(head->len <= size && head->len <= limits->head_size);
	sh_assert(head->field_count <= limits->field_count);
	sh_assert(memcmp(data + head->len - 4, "\r\n\r\n", 4) == 0);
	sh_assert(head->body_len <= INT64_MAX);
	check_text(head, data, head->method);
	check_text(head, data, head->target);
	check_text(head, data, head->path);
	check_text(head, data, head->query);
	check_text(head, data, head->host);
	for (i = 0; i < head->field_count; i++) {
		check_text(head, data, outcome->fields[i].name);
		check_text(head, data, outcome->fields[i].value);
	}
	check_uri(data + head->path.off, head->path.len, data + head->query.off,
	    head->query.len);
}

static void
check_same_text(struct sh_http_text a, struct sh_http_text b)
{
	sh_assert(a.off == b.off && a.len == b.len);
}

static void
check_same(const struct outcome *whole, struct outcome *other)
{
	const struct sh_http_head *a = &whole->head, *b = &other->head;

	sh_assert(other->r == whole->r && other->why == whole->why);
	check_same_text(a->method, b->method);
	check_same_text(a->target, b->target);
	check_same_text(a->path, b->path);
	check_same_text(a->query, b->query);
	check_same_text(a->host, b->host);
	sh_assert(a->form == b->form && a->minor == b->minor);
	sh_assert(a->keep_alive == b->keep_alive);
	sh_assert(a->expects_continue == b->expects_continue);
	sh_assert(a->upgrades == b->upgrades);
	sh_assert(a->body == b->body && a->body_len == b->body_len);
	sh_assert(a->len == b->len && a->field_count == b->field_count);
	sh_assert(
	    memcmp(whole->fields, other->fields, sizeof(whole->fields)) == 0);
	free(other);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sh_http_limits limits = { INPUT_MAX, INPUT_MAX, FIELDS_MAX };
	const char *text = (const char *)data + PARAMETERS;
	struct outcome *whole;
	uint32_t seed;

	if (size < PARAMETERS || size > INPUT_MAX)
		return 0;
	if (data[0] != 0)
		limits.head_size = data[0] * (size_t)16;
	if (data[1] != 0)
		limits.line_size = data[1] * (size_t)4;
	limits.field_count = data[2];
	seed = data[3];
	size -= PARAMETERS;
	whole = parse(&limits, text, size, 0, 0);
	if (whole->r == 1)
		check_head(whole, &limits, text, size);
	sh_assert((whole->r < 0) == (whole->why != NULL));
	check_same(whole, parse(&limits, text, size, 1, 0));
	check_same(whole, parse(&limits, text, size, 7, seed));
	check_same(whole, parse(&limits, text, size, 64, seed));
	check_uri(text, size, text, size);
	free(whole);
	return 0;
}
