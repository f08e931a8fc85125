/*
 * This file finds the lines of a request's head and takes them apart. What the
 * fields mean together is for http_meaning.c.
 */
#include "config.h"

#include "proto/http_head.h"

#include <string.h>

#include "base/panic.h"
#include "proto/http_chars.h"
#include "proto/http_meaning.h"
#include "proto/http_target.h"

/* Of empty lines before the request line: RFC 9112 2.2. */
enum { LEADING_MAX = 8 };

static struct sh_http_text
slice(size_t off, size_t len)
{
	return (struct sh_http_text){ (uint32_t)off, (uint32_t)len };
}

/* "HTTP/1.1"; 0 or negated status. */
static int
parse_version(struct sh_http_head *head, const char *text, size_t len,
    const char **why_out)
{
	if (len != 8 || memcmp(text, "HTTP/", 5) != 0 || text[5] < '0' ||
	    text[5] > '9' || text[6] != '.' || text[7] < '0' || text[7] > '9')
		return sh_http_refuse(
		    why_out, 400, "the request line ends in no version");
	if (text[5] != '1')
		return sh_http_refuse(
		    why_out, 505, "the version of HTTP is not 1.0 or 1.1");
	head->minor = text[7] == '0' ? 0 : 1;
	return 0;
}

static int
parse_request_line(struct sh_http_head *head, const char *data, size_t begin,
    size_t len, const char **why_out)
{
	const char *line = data + begin, *space;
	size_t method = sh_http_span(SH_HTTP_TOKEN, line, len), target;
	int r;

	if (method == 0 || (method < len && line[method] != ' '))
		return sh_http_refuse(
		    why_out, 400, "the request line begins with no method");
	target = method + 1;
	space = method < len ? memchr(line + target, ' ', len - target) : NULL;
	if (space == NULL || space == line + target)
		return sh_http_refuse(
		    why_out, 400, "the request line has no target or version");
	head->method = slice(begin, method);
	head->target = slice(begin + target, (size_t)(space - line) - target);
	r = parse_version(
	    head, space + 1, (size_t)(line + len - space) - 1, why_out);
	return r < 0 ? r : sh_http_target_parse(head, data, why_out);
}

/* Why there is no colon behind the name, which has so many bytes. */
static const char *
blame_name(const char *line, size_t len, size_t name)
{
	if (name == 0 && (line[0] == ' ' || line[0] == '\t'))
		return "a field goes on in another line";
	if (name == len)
		return "a field has no colon";
	if (line[name] == ' ' || line[name] == '\t')
		return "a field has white space before its colon";
	return "a field has a name that is no token";
}

static int
parse_field(struct sh_http_field *field, const char *data, size_t begin,
    size_t len, const char **why_out)
{
	const char *line = data + begin, *value;
	size_t name = sh_http_span(SH_HTTP_TOKEN, line, len), value_len;

	if (name == 0 || name == len || line[name] != ':')
		return sh_http_refuse(
		    why_out, 400, blame_name(line, len, name));
	value = line + name + 1;
	value_len = len - name - 1;
	if (sh_http_span(SH_HTTP_VALUE, value, value_len) != value_len)
		return sh_http_refuse(
		    why_out, 400, "a field has a control character");
	sh_http_trim(&value, &value_len);
	field->name = slice(begin, name);
	field->value = slice((size_t)(value - data), value_len);
	return 0;
}

/* Where the line has to have its end. */
static size_t
limit_of_line(const struct sh_http_limits *limits,
    const struct sh_http_progress *progress)
{
	size_t head = limits->head_size, line = limits->line_size;

	if (head > SH_HTTP_HEAD_MAX)
		head = SH_HTTP_HEAD_MAX;
	if (progress->line != progress->begin || line >= head)
		return head;
	line += progress->begin + 2;
	return line < head ? line : head;
}

/* Find the end of the line, which is *line_len_out bytes long without its
 * CRLF. 1, 0 when it is not there, or negated status. */
static int
find_line(const struct sh_http_limits *limits,
    struct sh_http_progress *progress, const char *data, size_t len,
    size_t *line_len_out, const char **why_out)
{
	bool first = progress->line == progress->begin;
	size_t limit = limit_of_line(limits, progress), begin = progress->line;
	size_t stop = len < limit ? len : limit;
	const char *lf = NULL;

	/* who speaks something else, TLS perhaps, sends no line end */
	if (first && stop > begin && data[begin] != '\r' &&
	    !sh_http_is(SH_HTTP_TOKEN, data[begin]))
		return sh_http_refuse(
		    why_out, 400, "the request line begins with no method");
	/* the empty line is worth a look of its own */
	if (begin + 2 <= stop && memcmp(data + begin, "\r\n", 2) == 0)
		lf = data + begin + 1;
	else if (stop > progress->scanned)
		lf = memchr(
		    data + progress->scanned, '\n', stop - progress->scanned);
	if (lf == NULL && stop == limit)
		return first
		    ? sh_http_refuse(
			  why_out, 414, "the request line is too long")
		    : sh_http_refuse(why_out, 431, "the head is too long");
	if (lf == NULL) {
		progress->scanned = (uint32_t)stop;
		return 0;
	}
	if (lf == data + begin || lf[-1] != '\r')
		return sh_http_refuse(
		    why_out, 400, "a line of the head ends without CR");
	*line_len_out = (size_t)(lf - data) - begin - 1;
	return 1;
}

/* Take in the line, which is there. 1 when it is the last one, 0 when another
 * follows, or negated status. */
static int
take_line(struct sh_http_head *head, const struct sh_http_limits *limits,
    struct sh_http_progress *progress, const char *data, size_t line_len,
    const char **why_out)
{
	size_t begin = progress->line, next = begin + line_len + 2;
	bool first = begin == progress->begin;
	int r = 0;

	if (first && line_len == 0) {
		if (next > LEADING_MAX)
			return sh_http_refuse(why_out, 400,
			    "there are empty lines before the request line");
		progress->begin = (uint32_t)next;
	} else if (first) {
		r = parse_request_line(head, data, begin, line_len, why_out);
	} else if (line_len == 0) {
		r = 1;
	} else if (progress->field_count == limits->field_count) {
		r = sh_http_refuse(why_out, 431, "there are too many fields");
	} else {
		r = parse_field(&head->fields[progress->field_count], data,
		    begin, line_len, why_out);
		progress->field_count++;
	}
	progress->line = progress->scanned = (uint32_t)next;
	return r;
}

/* 1 at the end of the head, 0 when it is not there, or negated status. */
static int
take_lines(struct sh_http_head *head, const struct sh_http_limits *limits,
    struct sh_http_progress *progress, const char *data, size_t len,
    const char **why_out)
{
	size_t line_len;
	int r;

	do {
		r = find_line(limits, progress, data, len, &line_len, why_out);
		if (r <= 0)
			return r;
		r = take_line(head, limits, progress, data, line_len, why_out);
	} while (r == 0);
	return r;
}

int
sh_http_head_parse(struct sh_http_head *head,
    const struct sh_http_limits *limits, const char *data, size_t len,
    struct sh_http_progress *progress, const char **why_out)
{
	static const struct sh_http_progress none = { 0 };
	bool resumed = progress->line != progress->begin;
	int r;

	sh_assert(limits->head_size > 0);
	r = take_lines(head, limits, progress, data, len, why_out);
	if (r <= 0)
		return r;
	/* what earlier calls took in is gone: once more, all of it */
	if (resumed) {
		*progress = none;
		r = take_lines(head, limits, progress, data, len, why_out);
		sh_assert(r == 1);
	}
	head->len = progress->line;
	head->field_count = progress->field_count;
	r = sh_http_head_judge(head, data, why_out);
	if (r < 0)
		return r;
	*progress = none;
	return 1;
}

const struct sh_http_field *
sh_http_field_find(const struct sh_http_head *head, const char *data,
    const char *name, const struct sh_http_field *after)
{
	const struct sh_http_field *end = head->fields + head->field_count;
	const struct sh_http_field *field =
	    after != NULL ? after + 1 : head->fields;

	for (; field < end; field++)
		if (sh_http_equal(
			data + field->name.off, field->name.len, name))
			return field;
	return NULL;
}
