/*
 * This file feeds arbitrary bytes to both parsers of the control socket's
 * language. A request that parses must format to one that parses the same,
 * and no prefix of a line may parse.
 */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "base/panic.h"
#include "proc/control.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
check_request(const char *text, size_t size)
{
	struct sh_control_request request, again;
	char line[SH_CONTROL_LINE_MAX];
	int taken = sh_control_parse(&request, text, size), len;
	unsigned i;

	if (taken <= 0)
		return;
	sh_assert((size_t)taken <= size && text[taken - 1] == '\n');
	sh_assert(sh_control_parse(&again, text, (size_t)taken - 1) == 0);
	len = sh_control_format(&request, line);
	sh_assert(len > 0 && len <= taken);
	sh_assert(sh_control_parse(&again, line, (size_t)len) == len);
	sh_assert(strcmp(request.verb, again.verb) == 0);
	sh_assert(request.arg_count == again.arg_count);
	for (i = 0; i < request.arg_count; i++) {
		sh_assert(strcmp(request.args[i].key, again.args[i].key) == 0);
		sh_assert(request.args[i].is_text == again.args[i].is_text);
		sh_assert(request.args[i].value == again.args[i].value);
		sh_assert(
		    strcmp(request.args[i].text, again.args[i].text) == 0);
	}
}

static void
check_head(const char *text, size_t size)
{
	size_t body_len;
	int status,
	    taken = sh_control_parse_head(text, size, &status, &body_len);

	if (taken <= 0)
		return;
	sh_assert((size_t)taken <= size && text[taken - 1] == '\n');
	sh_assert(status >= 0 && status <= 255);
	sh_assert(body_len <= SH_CONTROL_BODY_MAX);
	sh_assert(sh_control_parse_head(
		      text, (size_t)taken - 1, &status, &body_len) <= 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	check_request((const char *)data, size);
	check_head((const char *)data, size);
	return 0;
}
