/*
 * This file judges the conditions of a request. It does not know where tags
 * and dates come from. RFC 9110 8.8.3 and 13.
 */
#include "config.h"

#include "proto/http_condition.h"

#include <stddef.h>
#include <string.h>

#include "proto/http_date.h"

struct tag {
	const char *opaque; /* with its quotes */
	size_t len;
	bool weak;
};

static const char *
skip(const char *text, const char *bytes)
{
	return text + strspn(text, bytes);
}

/* What is behind an entity-tag, NULL when there is none. */
static const char *
take_tag(const char *text, struct tag *tag_out)
{
	const char *end;

	tag_out->weak = text[0] == 'W' && text[1] == '/';
	if (tag_out->weak)
		text += 2;
	if (text[0] != '"')
		return NULL;
	for (end = text + 1; *end != '"'; end++)
		if ((unsigned char)*end <= ' ' || *end == 0x7f)
			return NULL;
	tag_out->opaque = text;
	tag_out->len = (size_t)(end + 1 - text);
	return end + 1;
}

static bool
equals(const struct tag *a, const struct tag *b, bool strong)
{
	return a->len == b->len && memcmp(a->opaque, b->opaque, a->len) == 0 &&
	    !(strong && (a->weak || b->weak));
}

/* Whether a list has the tag; what is behind something malformed does not
 * count. "*" has any. */
static bool
list_has(const char *list, const char *etag, bool strong)
{
	struct tag own, tag;

	list = skip(list, " \t");
	if (list[0] == '*' && *skip(list + 1, " \t") == '\0')
		return true;
	if (etag == NULL || take_tag(etag, &own) == NULL)
		return false;
	for (;;) {
		list = take_tag(skip(list, ", \t"), &tag);
		if (list == NULL)
			return false;
		if (equals(&tag, &own, strong))
			return true;
		list = skip(list, " \t");
		if (*list != ',')
			return false;
	}
}

/* A date that is none is as if it were not there. */
static bool
parse_date(const char *text, const struct sh_http_validators *validators,
    int64_t *date_out)
{
	return text != NULL &&
	    sh_http_date_parse(text, strlen(text), validators->now, date_out) ==
	    0;
}

static bool
was_modified_since(
    const char *text, const struct sh_http_validators *validators)
{
	int64_t date;

	return !parse_date(text, validators, &date) ||
	    validators->modified > date;
}

static bool
was_not_modified_since(
    const char *text, const struct sh_http_validators *validators)
{
	int64_t date;

	return !parse_date(text, validators, &date) ||
	    validators->modified <= date;
}

int
sh_http_condition_judge(const struct sh_http_condition *condition,
    const struct sh_http_validators *validators)
{
	if (condition->if_match != NULL) {
		if (!list_has(condition->if_match, validators->etag, true))
			return 412;
	} else if (!was_not_modified_since(
		       condition->if_unmodified_since, validators)) {
		return 412;
	}
	if (condition->if_none_match != NULL) {
		if (list_has(condition->if_none_match, validators->etag, false))
			return condition->reads ? 304 : 412;
	} else if (condition->reads &&
	    !was_modified_since(condition->if_modified_since, validators)) {
		return 304;
	}
	return 0;
}

bool
sh_http_condition_allows_range(const struct sh_http_condition *condition,
    const struct sh_http_validators *validators)
{
	struct tag own, tag;
	const char *end;
	int64_t date;

	if (condition->if_range == NULL)
		return true;
	end = take_tag(condition->if_range, &tag);
	if (end != NULL)
		return *end == '\0' && validators->etag != NULL &&
		    take_tag(validators->etag, &own) != NULL &&
		    equals(&tag, &own, true);
	/* it may still change within this second: RFC 9110 8.8.2.2 */
	return parse_date(condition->if_range, validators, &date) &&
	    date == validators->modified && date < validators->now;
}
