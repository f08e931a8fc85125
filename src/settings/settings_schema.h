/*
 * This file is the one table of keys that a configuration may hold. Reading,
 * overrides, the dump, the list of keys and the tests of the documentation go
 * by it.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which group a key belongs to, and so which struct it is stored in. */
enum sh_key_scope {
	SH_SCOPE_TOP,      /* struct sh_settings */
	SH_SCOPE_MODULE,   /* struct sh_settings_module */
	SH_SCOPE_LISTENER, /* struct sh_settings_listener */
	SH_SCOPE_ROUTE,    /* struct sh_settings_route */
	SH_SCOPE_HISTORY   /* struct sh_settings_history */
};

/* A list of groups that a scope has: `listeners', and `routes' in it; or a group of
 * it, which has keys besides: `topics.history'. */
struct sh_key_list {
	const char *name; /* NULL ends the table */
	enum sh_key_scope in, scope;
};

/* What a value looks like. STRING and PATH are stored as struct sh_text,
 * STRINGS and CONFIG as struct sh_settings_group, all others as int64_t. */
enum sh_key_type {
	SH_KEY_STRING,
	SH_KEY_STRINGS, /* a list of them, or one */
	SH_KEY_PATH,    /* absolute */
	SH_KEY_INT,
	SH_KEY_DURATION, /* milliseconds */
	SH_KEY_SIZE,     /* bytes */
	SH_KEY_MODE,     /* permissions, octal, as a string */
	SH_KEY_WORD,     /* one of words and nothing else; true and false are
			    words that stand there without quotes */
	SH_KEY_CONFIG    /* a group whose keys the handler knows */
};

enum {
	SH_KEY_REQUIRED = 1u << 0,
	SH_KEY_RESTART = 1u << 1,  /* a running master cannot change it */
	SH_KEY_INHERITS = 1u << 2, /* default: the key of this path, or of
				      from, in the scope around */
	SH_KEY_TCP = 1u << 3,      /* of listeners with this protocol only */
	SH_KEY_HTTP = 1u << 4,
	SH_KEY_SECRET = 1u << 5 /* what it is set to is not shown */
};

/* Stands in a dump for a secret that is set. */
#define SH_SECRET_SHOWN "(not shown)"

struct sh_word {
	const char *name; /* NULL ends a list */
	int64_t value;
};

struct sh_key {
	enum sh_key_scope scope;
	const char *path; /* inside its scope: "keepalive.idle" */
	enum sh_key_type type;
	unsigned flags;
	int64_t min, max;            /* of numbers, in base units */
	const char *from;            /* what is inherited; NULL: path */
	const char *fallback;        /* as written, without quotes; or NULL */
	const struct sh_word *words; /* allowed besides; or NULL */
	size_t offset;               /* in the struct of the scope */
	const char *doc;             /* one line */
};

enum { SH_KEYS_MAX = 128 }; /* more than there are; sizes arrays by key */

/** The table; ends with path == NULL. Keys of one group stand together. */
extern const struct sh_key sh_keys[];
/** The lists of groups; ends with name == NULL. */
extern const struct sh_key_list sh_key_lists[];

/** The list with this name in a scope, or NULL. */
const struct sh_key_list *
sh_key_list_find(enum sh_key_scope scope, const char *name);
/** The scope that groups of a scope stand in. */
enum sh_key_scope sh_scope_around(enum sh_key_scope scope);
/** The key that a key with SH_KEY_INHERITS has its default from. */
const struct sh_key *sh_key_parent(const struct sh_key *key);

/** The key with this path in a scope, or NULL. */
const struct sh_key *sh_key_find(enum sh_key_scope scope, const char *path);
/** Whether a path is a group that keys of the scope live in. */
bool sh_key_is_group(enum sh_key_scope scope, const char *path);
/** The names that may stand in the group at path ("" for the scope itself),
 *  a NULL-terminated list of strings. Owner: the caller, sh_key_names_free().*/
char **sh_key_names(enum sh_key_scope scope, const char *path);
void sh_key_names_free(char **names);
/** "; did you mean 'x'?", "; known here: a, b" or "" for a wrong name in the
 *  group at path. Owner: the caller, free(3). */
char *
sh_key_advice(enum sh_key_scope scope, const char *path, const char *wrong);
/** "listeners[].", "listeners[].routes[]." and so on; "" for the top. */
const char *sh_scope_prefix(enum sh_key_scope scope);
/** Whether two keys live in the same innermost group. */
bool sh_key_is_beside(const struct sh_key *a, const struct sh_key *b);
