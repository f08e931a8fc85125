/*
 * This file finds what the head of a request says; the fields of the answer are
 * http_fields.c's.
 */
#include "config.h"

#include <string.h>

#include "proto/http_answer.h"
#include "session/http_request.h"

bool
sh_request_is(const struct shoal_request *req, const char *method)
{
	return strcmp(sh_request_text(req, req->head.method), method) == 0;
}

static bool
is_named(const struct shoal_request *req, const struct sh_http_field *field,
    const char *name, size_t len)
{
	return field->name.len == len &&
	    sh_http_same_name(sh_request_text(req, field->name), name, len);
}

/* The values of fields, beginning with the first one, as one text. */
static const char *
join(struct shoal_request *req, size_t first, const char *name, size_t len)
{
	const struct sh_http_head *head = &req->head;
	const struct sh_http_field *field;
	const char *between =
	    len == 6 && sh_http_same_name(name, "cookie", 6) ? "; " : ", ";
	size_t i, size = 0;
	char *text, *at;
	bool is_new;

	for (i = first; i < head->field_count; i++)
		if (is_named(req, &head->fields[i], name, len))
			size += head->fields[i].value.len + 2;
	text = sh_request_alloc_once(req, &head->fields[first], size, &is_new);
	if (text == NULL || !is_new)
		return text;
	for (at = text, i = first; i < head->field_count; i++) {
		field = &head->fields[i];
		if (!is_named(req, field, name, len))
			continue;
		if (i != first)
			at = stpcpy(at, between);
		memcpy(at, sh_request_text(req, field->value),
		    field->value.len + 1);
		at += field->value.len;
	}
	return text;
}

const char *
sh_request_field(struct shoal_request *req, const char *name)
{
	const struct sh_http_head *head = &req->head;
	size_t i, len = strlen(name), first = head->field_count, count = 0;

	for (i = 0; i < head->field_count; i++)
		if (is_named(req, &head->fields[i], name, len) && count++ == 0)
			first = i;
	if (count == 0)
		return NULL;
	if (count == 1)
		return sh_request_text(req, head->fields[first].value);
	return join(req, first, name, len);
}
