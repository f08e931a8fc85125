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
	if (!take_number(at, end, &request->args[i].value))
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
		return len < SH_CONTROL_LINE_MAX ? 0 : -SHOAL_EMSGSIZE;
	if (end - buf >= SH_CONTROL_LINE_MAX)
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
		if (strcmp(request->args[i].key, key) == 0)
			return request->args[i].value;
	return fallback;
}

void
sh_control_add(
    struct sh_control_request *request, const char *key, int64_t value)
{
	unsigned i = request->arg_count++;

	sh_assert(i < SH_CONTROL_ARGS_MAX);
	snprintf(request->args[i].key, sizeof(request->args[i].key), "%s", key);
	request->args[i].value = value;
}

int
sh_control_format(const struct sh_control_request *request, char *buf)
{
	int len =
	    snprintf(buf, SH_CONTROL_LINE_MAX, "%s%s", greeting, request->verb);
	unsigned i;

	for (i = 0; i < request->arg_count && len < SH_CONTROL_LINE_MAX; i++)
		len += snprintf(buf + len, (size_t)(SH_CONTROL_LINE_MAX - len),
		    " %s=%lld", request->args[i].key,
		    (long long)request->args[i].value);
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
