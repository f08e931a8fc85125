/*
 * This file reads what the head of a part says: RFC 7578 4, and how browsers
 * write it, which is the HTML standard, 4.10.21.8. Names become texts where
 * they stand, when all has been read.
 */
#include "config.h"

#include "proto/multipart_head.h"

#include <stdbool.h>
#include <string.h>

#include "proto/http_chars.h"
#include "proto/http_parameter.h"
#include "proto/multipart.h"

/* Bytes of the head. */
struct span {
	char *data; /* NULL: there are none */
	size_t len;
};

struct head {
	struct span disposition, type, encoding;
	struct span name, filename;
};

/* Where the value of a field is noted, NULL when nobody asks. */
static struct span *
find_field(struct head *head, const char *name, size_t len)
{
	if (sh_http_equal(name, len, "content-disposition"))
		return &head->disposition;
	if (sh_http_equal(name, len, "content-type"))
		return &head->type;
	if (sh_http_equal(name, len, "content-transfer-encoding"))
		return &head->encoding;
	return NULL;
}

/* Read a line, without its CR LF. */
static int
read_field(struct head *head, char *line, size_t len, const char **why_out)
{
	size_t name_len = sh_http_span(SH_HTTP_TOKEN, line, len);
	const char *value = line + name_len + 1;
	struct span *field;
	size_t value_len;

	if (name_len == 0 || name_len == len || line[name_len] != ':')
		return sh_http_refuse(
		    why_out, 400, "a field of a part is malformed");
	value_len = len - name_len - 1;
	if (sh_http_span(SH_HTTP_VALUE, value, value_len) < value_len)
		return sh_http_refuse(
		    why_out, 400, "a field of a part has a control character");
	sh_http_trim(&value, &value_len);
	field = find_field(head, line, name_len);
	if (field == NULL)
		return 0;
	if (field->data != NULL)
		return sh_http_refuse(why_out, 400, "a part has a field twice");
	field->data = line + (value - line);
	field->len = value_len;
	return 0;
}

static int
note_parameter(struct span *span, const struct span *field,
    const struct sh_http_parameter *parameter)
{
	if (span->data != NULL)
		return -400;
	span->data = field->data + (parameter->value - field->data);
	span->len = parameter->value_len;
	return 0;
}

static int
read_disposition(struct head *head, const char **why_out)
{
	const struct span *field = &head->disposition;
	const char *text = field->data, *word;
	struct sh_http_parameter parameter;
	size_t len = field->len, word_len;
	int r;

	if (text == NULL || !sh_http_word_take(&text, &len, &word, &word_len) ||
	    !sh_http_equal(word, word_len, "form-data"))
		return sh_http_refuse(
		    why_out, 400, "a part is not said to be form-data");
	while ((r = sh_http_parameter_next(&text, &len, &parameter)) > 0) {
		const char *name = parameter.name;
		size_t name_len = parameter.name_len;

		if (sh_http_equal(name, name_len, "name"))
			r = note_parameter(&head->name, field, &parameter);
		else if (sh_http_equal(name, name_len, "filename"))
			r = note_parameter(&head->filename, field, &parameter);
		if (r < 0)
			break;
	}
	if (r < 0)
		return sh_http_refuse(
		    why_out, 400, "the parameters of a part are malformed");
	if (head->name.data == NULL)
		return sh_http_refuse(why_out, 400, "a part has no name");
	return 0;
}

/* What other encodings hide must not be taken for data: RFC 7578 4.7. */
static int
check_encoding(const struct span *encoding, const char **why_out)
{
	static const char *const known[] = { "binary", "8bit", "7bit" };
	size_t i;

	if (encoding->data == NULL)
		return 0;
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++)
		if (sh_http_equal(encoding->data, encoding->len, known[i]))
			return 0;
	return sh_http_refuse(why_out, 400, "a part has a transfer encoding");
}

/* Bytes at the front that stand for another one, which is set; or 1. */
static size_t
decode_char(const char *text, size_t len, char *c_out)
{
	*c_out = text[0];
	if (len >= 2 && text[0] == '\\' &&
	    (text[1] == '"' || text[1] == '\\')) {
		*c_out = text[1];
		return 2;
	}
	if (len >= 3 && text[0] == '%') {
		/* with a -1 in it, it is none of these */
		int byte = sh_hex_value(text[1]) * 16 + sh_hex_value(text[2]);

		if (byte == '"' || byte == '\r' || byte == '\n') {
			*c_out = (char)byte;
			return 3;
		}
	}
	return 1;
}

/* Decode, and put a NUL where something else was: a quote, ';' or CR. */
static char *
finish_name(const struct span *span)
{
	char *text = span->data;
	size_t i = 0, n = 0;
	char c;

	if (text == NULL)
		return NULL;
	while (i < span->len) {
		i += decode_char(text + i, span->len - i, &c);
		text[n++] = c;
	}
	text[n] = '\0';
	return text;
}

/* The last segment of a path, of whatever system. */
static char *
drop_folders(char *path)
{
	char *name = path, *at;

	if (path == NULL)
		return NULL;
	for (at = path; *at != '\0'; at++)
		if (*at == '/' || *at == '\\')
			name = at + 1;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		name += strlen(name);
	return name;
}

int
sh_multipart_head_parse(char *head, size_t len,
    struct sh_multipart_part *part_out, const char **why_out)
{
	struct head found = { .name = { NULL, 0 } };
	char *line = head, *end;
	int r;

	while (line < head + len) {
		end = memchr(line, '\n', len - (size_t)(line - head));
		r = read_field(&found, line, (size_t)(end - line) - 1, why_out);
		if (r < 0)
			return r;
		line = end + 1;
	}
	r = check_encoding(&found.encoding, why_out);
	if (r == 0)
		r = read_disposition(&found, why_out);
	if (r < 0)
		return r;
	if (found.type.data != NULL)
		found.type.data[found.type.len] = '\0';
	part_out->type = found.type.data;
	part_out->name = finish_name(&found.name);
	part_out->filename = drop_folders(finish_name(&found.filename));
	return 0;
}
