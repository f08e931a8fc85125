/*
 * This file judges the conditions of a request: If-Match and the like, RFC 9110
 * 13.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Values of the fields, NULL for those that are not there. */
struct sh_http_condition {
	const char *if_match, *if_none_match;
	const char *if_modified_since, *if_unmodified_since;
	const char *if_range;
	bool reads; /* the method is GET or HEAD */
};

/* What there is. */
struct sh_http_validators {
	const char *etag; /* "\"...\"" or "W/\"...\""; NULL: none */
	int64_t modified; /* seconds since 1970 */
	int64_t now;      /* likewise */
};

/** Judge, in the order of RFC 9110 13.2.2. 0: go on; 304 or 412. */
int sh_http_condition_judge(const struct sh_http_condition *condition,
    const struct sh_http_validators *validators);
/** Whether If-Range lets a Range be obeyed. */
bool sh_http_condition_allows_range(const struct sh_http_condition *condition,
    const struct sh_http_validators *validators);
