/*
 * This file is the language of the control socket, and its parser; it sends
 * nothing. A request is one line, "shoal/1 VERB key=value ...\n", where a value
 * is a number, or a text in quotes with %XX for what is not plain ASCII; the
 * answer is a line "shoal/1 STATUS LENGTH\n" and LENGTH bytes of text.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SH_CONTROL_LINE_MAX = 512, /* of a request, with newline and NUL */
	SH_CONTROL_VERB_MAX = 24,
	SH_CONTROL_ARGS_MAX = 8,
	SH_CONTROL_TEXT_MAX = 64, /* of a value, with its NUL */
	SH_CONTROL_HEAD_MAX = 64, /* of an answer's first line */
	SH_CONTROL_BODY_MAX = 4 << 20
};

struct sh_control_request {
	char verb[SH_CONTROL_VERB_MAX];
	unsigned arg_count;
	struct {
		char key[24];
		bool is_text;
		int64_t value;
		char text[SH_CONTROL_TEXT_MAX];
	} args[SH_CONTROL_ARGS_MAX];
};

/** Read a request from what has come so far. The bytes it took; 0 when the
 *  line is not complete; -SHOAL_EINVAL; -SHOAL_EMSGSIZE. */
int sh_control_parse(
    struct sh_control_request *request, const char *buf, size_t len);
/** Value of an argument that is a number, or fallback. */
int64_t sh_control_arg(const struct sh_control_request *request,
    const char *key, int64_t fallback);
/** Value of an argument that is a text, or NULL. Lent. */
const char *
sh_control_text(const struct sh_control_request *request, const char *key);
/** Write a request; buf has SH_CONTROL_LINE_MAX. Its length, or
 *  -SHOAL_EMSGSIZE; every request that was parsed has room. */
int sh_control_format(const struct sh_control_request *request, char *buf);
/** Add an argument. */
void sh_control_add(
    struct sh_control_request *request, const char *key, int64_t value);
/** Add an argument that is a text. 0, or -SHOAL_EMSGSIZE when it is too long. */
int sh_control_add_text(
    struct sh_control_request *request, const char *key, const char *text);
/** Read the first line of an answer. The bytes it took; 0 when it is not
 *  complete; -SHOAL_EINVAL. */
int sh_control_parse_head(
    const char *buf, size_t len, int *status_out, size_t *body_len_out);
