/* This file reads and writes requests and answers of the control socket. */
#include "config.h"

#include "proc/control.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/panic.h"

static const char greeting[] = "shoal/1 ";

/* Copy a word of [a-z_-]. Its length, 0 when there is none or it is too
 * long. */
static size_t
take_word(char *to, size_t cap, const char *from, const char *end)
{
	size_t n = 0;

	while (from + n < end && n + 1 < cap &&
	    ((from[n] >= 'a' && from[n] <= 'z') || from[n] == '_' ||
		from[n] == '-')) {
		to[n] = from[n];
		n++;
	}
	to[n] = '\0';
	return n;
}

/* Read a decimal number that ends at a space or at the end of the line. */
static bool
take_number(const char **at, const char *end, int64_t *value_out)
{
	char text[24];
	char *stop;
	size_t n = 0;

	while (*at + n < end && (*at)[n] != ' ')
		n++;
	if (n == 0 || n >= sizeof(text))
		return false;
	memcpy(text, *at, n);
	text[n] = '\0';
	if (text[0] != '-' && (text[0] < '0' || text[0] > '9'))
		return false;
	errno = 0;
	*value_out = strtoll(text, &stop, 10);
	*at += n;
	return errno == 0 && stop == text + n;
}

/* Whether a byte of a text stands for itself. */
static bool
is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '%';
}

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Read two digits. The byte, or -1. */
static int
take_hex(const char *at, const char *end)
{
	int high, low;

	if (end - at < 2)
		return -1;
	high = hex_digit(at[0]);
	low = hex_digit(at[1]);
	return high < 0 || low < 0 ? -1 : high << 4 | low;
}

/* Read a text in quotes, without NUL. */
static bool
take_text(const char **at, const char *end, char *to)
{
	const char *from = *at + 1;
	size_t n = 0;

	for (; from < end && *from != '"'; from++) {
		int byte = is_plain(*from) ? *from : -1;

		if (*from == '%') {
			byte = take_hex(from + 1, end);
			from += 2;
		}
		if (byte <= 0 || n + 1 == SH_CONTROL_TEXT_MAX)
			return false;
		to[n++] = (char)byte;
	}
	if (from >= end)
		return false;
	to[n] = '\0';
	*at = from + 1;
	return true;
}

static bool
take_arg(struct sh_control_request *request, const char **at, const char *end)
{
	unsigned i = request->arg_count;
	size_t n;

	if (i == SH_CONTROL_ARGS_MAX || **at != ' ')
		return false;
	++*at;
	n = take_word(
	    request->args[i].key, sizeof(request->args[i].key), *at, end);
	*at += n;
	if (n == 0 || *at == end || **at != '=')
		return false;
	++*at;
	request->args[i].is_text = *at < end && **at == '"';
	if (request->args[i].is_text
		? !take_text(at, end, request->args[i].text)
		: !take_number(at, end, &request->args[i].value))
		return false;
	request->arg_count++;
	return true;
}

int
sh_control_parse(
    struct sh_control_request *request, const char *buf, size_t len)
{
	const char *end = len == 0 ? NULL : memchr(buf, '\n', len);
	const char *at = buf + sizeof(greeting) - 1;
	size_t n;

	if (end == NULL)
		return len < SH_CONTROL_LINE_MAX - 1 ? 0 : -SHOAL_EMSGSIZE;
	if (end + 1 - buf >= SH_CONTROL_LINE_MAX)
		return -SHOAL_EMSGSIZE;
	*request = (struct sh_control_request){ 0 };
	if (end < at || memcmp(buf, greeting, sizeof(greeting) - 1) != 0)
		return -SHOAL_EINVAL;
	n = take_word(request->verb, sizeof(request->verb), at, end);
	if (n == 0)
		return -SHOAL_EINVAL;
	for (at += n; at < end;)
		if (!take_arg(request, &at, end))
			return -SHOAL_EINVAL;
	return (int)(end + 1 - buf);
}

int64_t
sh_control_arg(
    const struct sh_control_request *request, const char *key, int64_t fallback)
{
	unsigned i;

	for (i = 0; i < request->arg_count; i++)
		if (!request->args[i].is_text &&
		    strcmp(request->args[i].key, key) == 0)
			return request->args[i].value;
	return fallback;
}

const char *
sh_control_text(const struct sh_control_request *request, const char *key)
{
	unsigned i;

	for (i = 0; i < request->arg_count; i++)
		if (request->args[i].is_text &&
		    strcmp(request->args[i].key, key) == 0)
			return request->args[i].text;
	return NULL;
}

void
sh_control_add(
    struct sh_control_request *request, const char *key, int64_t value)
{
	unsigned i = request->arg_count++;

	sh_assert(i < SH_CONTROL_ARGS_MAX);
	snprintf(request->args[i].key, sizeof(request->args[i].key), "%s", key);
	request->args[i].is_text = false;
	request->args[i].value = value;
}

int
sh_control_add_text(
    struct sh_control_request *request, const char *key, const char *text)
{
	unsigned i = request->arg_count;

	if (strlen(text) >= SH_CONTROL_TEXT_MAX)
		return -SHOAL_EMSGSIZE;
	sh_control_add(request, key, 0);
	request->args[i].is_text = true;
	snprintf(request->args[i].text, SH_CONTROL_TEXT_MAX, "%s", text);
	return 0;
}

/* Write a text as take_text() reads it; to has room for the longest. */
static void
format_text(const char *text, char *to)
{
	*to++ = '"';
	for (; *text != '\0'; text++)
		to += is_plain(*text)
		    ? sprintf(to, "%c", *text)
		    : sprintf(to, "%%%02X", (unsigned char)*text);
	strcpy(to, "\"");
}

int
sh_control_format(const struct sh_control_request *request, char *buf)
{
	int len =
	    snprintf(buf, SH_CONTROL_LINE_MAX, "%s%s", greeting, request->verb);
	unsigned i;

	for (i = 0; i < request->arg_count && len < SH_CONTROL_LINE_MAX; i++) {
		char value[3 * SH_CONTROL_TEXT_MAX];

		if (request->args[i].is_text)
			format_text(request->args[i].text, value);
		else
			snprintf(value, sizeof(value), "%lld",
			    (long long)request->args[i].value);
		len += snprintf(buf + len, (size_t)(SH_CONTROL_LINE_MAX - len),
		    " %s=%s", request->args[i].key, value);
	}
	if (len + 2 > SH_CONTROL_LINE_MAX)
		return -SHOAL_EMSGSIZE;
	buf[len++] = '\n';
	buf[len] = '\0';
	return len;
}

int
sh_control_parse_head(
    const char *buf, size_t len, int *status_out, size_t *body_len_out)
{
	const char *end = len == 0 ? NULL : memchr(buf, '\n', len);
	const char *at = buf + sizeof(greeting) - 1;
	int64_t status, body;

	if (end == NULL)
		return len < SH_CONTROL_HEAD_MAX ? 0 : -SHOAL_EINVAL;
	if (end < at || memcmp(buf, greeting, sizeof(greeting) - 1) != 0 ||
	    !take_number(&at, end, &status) || at == end || *at++ != ' ' ||
	    !take_number(&at, end, &body) || at != end)
		return -SHOAL_EINVAL;
	if (status < 0 || status > 255 || body < 0 ||
	    body > SH_CONTROL_BODY_MAX)
		return -SHOAL_EINVAL;
	*status_out = (int)status;
	*body_len_out = (size_t)body;
	return (int)(end + 1 - buf);
}
