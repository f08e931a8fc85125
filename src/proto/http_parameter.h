/*
 * This file reads values with parameters, as those of Content-Type and
 * Content-Disposition: RFC 9110 5.6.6. It allocates nothing and does not know
 * what they mean.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* name=value, as it was sent. */
struct sh_http_parameter {
	const char *name, *value; /* value without its quotes */
	size_t name_len, value_len;
	bool quoted; /* backslashes in value are still there */
};

/** Take the word in front of the parameters off: "text/html", "form-data". What
 *  is left of text are the parameters. Whether there is one; its bytes are not
 *  looked at. */
bool sh_http_word_take(
    const char **text, size_t *len, const char **word, size_t *word_len);
/** Take the next parameter off. 1 with one, 0 at the end, -400 when they are
 *  malformed: a name that is no token, a value that is neither a token nor a
 *  quoted string, white space around '='. */
int sh_http_parameter_next(
    const char **text, size_t *len, struct sh_http_parameter *parameter_out);
/** Find a parameter of a whole value; name is in lower case. 1 with it, 0 when
 *  there is none, -400 when there are two of them, or the value is
 *  malformed. */
int sh_http_parameter_find(const char *text, size_t len, const char *name,
    struct sh_http_parameter *parameter_out);
/** Write a value without the backslashes of a quoted string: RFC 9110 5.6.4.
 *  out has to hold value_len bytes and may be the value itself. The length;
 *  there is no NUL behind it. */
size_t
sh_http_parameter_decode(char *out, const struct sh_http_parameter *parameter);
/** Whether a value is of a media type, "text/html", whatever its parameters;
 *  type is in lower case. */
bool sh_http_media_type_is(const char *text, size_t len, const char *type);
