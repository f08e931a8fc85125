/*
 * This file is the text of a configuration as tokens with positions. libconfig
 * sees only what passed here, because it overflows integers silently, ends the
 * process on a bad include and reports open brackets at the end of the file.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include "base/attr.h"
#include "base/buf.h"
#include "settings/diagnostics.h"

enum sh_token_type {
	SH_TOKEN_END, /* never stored; what comes after the last */
	SH_TOKEN_NAME,
	SH_TOKEN_INT,
	SH_TOKEN_INT64,
	SH_TOKEN_FLOAT,
	SH_TOKEN_BOOL,
	SH_TOKEN_STRING, /* text includes the quotes; holds no line break */
	SH_TOKEN_EQUALS,
	SH_TOKEN_SEMICOLON,
	SH_TOKEN_COMMA,
	SH_TOKEN_BRACE_OPEN,
	SH_TOKEN_BRACE_CLOSE,
	SH_TOKEN_BRACKET_OPEN,
	SH_TOKEN_BRACKET_CLOSE,
	SH_TOKEN_PAREN_OPEN,
	SH_TOKEN_PAREN_CLOSE
};

struct sh_lex_pos {
	uint32_t file;         /* index into files */
	uint32_t line, column; /* from 1; columns count characters */
};

struct sh_token {
	enum sh_token_type type;
	struct sh_lex_pos pos;
	const char *text; /* in the file's text, not terminated */
	size_t len;
};

/* A file that was read, or another text with a name. */
struct sh_lexed_file {
	char *name;
	char *text;
	size_t len;
};

/* One setting: a named one of a group, or an element of a list or array. They
 * are kept in the order in which they begin, as a walk of libconfig's tree
 * meets them. */
struct sh_node {
	const struct sh_token *name; /* NULL for an element */
	const struct sh_token *value;
	size_t elder; /* 1 + index of the named sibling before, 0: none */
};

struct sh_lexed {
	struct sh_lexed_file *files;
	size_t file_count;
	struct sh_token *tokens;
	size_t token_count, token_cap;
	struct sh_node *nodes;
	size_t node_count, node_cap;
	bool follow; /* whether @include is obeyed */
};

/* The files being read, innermost first. */
struct sh_lex_frame {
	const struct sh_lex_frame *parent;
	const char *name;
	uint64_t device, inode;
	unsigned depth; /* 0 for the main file */
};

/** Read a file and what it includes into tokens. 0, or -errno of the main
 *  file, which is not in diags; what is wrong inside is. */
int sh_lexed_read(
    struct sh_lexed *lexed, const char *file, struct sh_diagnostics *diags);
/** Add the tokens of a text that is called name in messages; both copied. */
void sh_lexed_add_text(struct sh_lexed *lexed, const char *name,
    const char *text, size_t len, struct sh_diagnostics *diags);
/** Check the structure and fill in nodes. 0 or -SHOAL_ECONFIG. */
int sh_lexed_parse(struct sh_lexed *lexed, struct sh_diagnostics *diags);
/** Write the tokens as text, token i alone on line i + 1, for libconfig. */
void sh_lexed_emit(const struct sh_lexed *lexed, struct sh_buf *out);
void sh_lexed_fini(struct sh_lexed *lexed);

/** Make a copy of the text a file; its index. */
uint32_t sh_lexed_add_file(
    struct sh_lexed *lexed, const char *name, const char *text, size_t len);
/** Turn file into tokens; frame names it and its includers, or is NULL. */
void sh_lex_scan(struct sh_lexed *lexed, uint32_t file,
    const struct sh_lex_frame *frame, struct sh_diagnostics *diags);
/** Read the file that an @include at pos names, relative to the folder of the
 *  file of frame. */
void sh_lex_include(struct sh_lexed *lexed, const struct sh_lex_frame *frame,
    const struct sh_token *path, struct sh_diagnostics *diags);

/** "file:line:column" of a position. Owner: the caller, free(3). */
char *sh_lexed_place(const struct sh_lexed *lexed, struct sh_lex_pos pos);
/** Add an error with its source line and a mark below it. */
void sh_lexed_report(const struct sh_lexed *lexed, struct sh_lex_pos pos,
    struct sh_diagnostics *diags, const char *format, ...) SH_PRINTF(4, 5);
/** Append what a string token stands for. */
void sh_token_unescape(const struct sh_token *token, struct sh_buf *out);
