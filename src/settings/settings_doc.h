/*
 * This file is what is known about a loaded configuration besides its values:
 * where each of them was written.
 */
#pragma once

#include "settings/load.h"
#include "settings/settings.h"
#include "settings/settings_schema.h"

/* One group that the schema describes: the top, a history, a module, a listener
 * or a route. */
struct sh_record {
	enum sh_key_scope scope;
	uint32_t index; /* in the array of its scope */
	/* Of a route: its listener, and which one of its routes it is. */
	uint32_t listener, number;
	char *place;               /* where it begins; NULL for the top */
	char *places[SH_KEYS_MAX]; /* of values, by key; NULL: the default */
	bool failed;               /* some value is wrong */
};

struct sh_settings_doc {
	struct sh_settings *block; /* owned */
	struct sh_record
	    *records; /* the top, then histories, modules, listeners, each
				      with its routes behind it */
	size_t record_count;
};

/** Add a record; takes place. Lends until the next one is added. */
struct sh_record *sh_doc_add_record(struct sh_settings_doc *doc,
    enum sh_key_scope scope, uint32_t index, char *place);
/** Where a value was written, or NULL for a default. */
const char *
sh_record_place(const struct sh_record *record, const struct sh_key *key);
/** The same for messages: the nearest place that is known, or NULL. */
const char *
sh_record_error_place(const struct sh_record *record, const struct sh_key *key);
/** What to show as the origin: "file:line", "-s" or "default". Owner: the
 *  caller, free(3). */
char *sh_doc_origin(const struct sh_settings_doc *doc,
    const struct sh_record *record, const struct sh_key *key);
/** The record of the group that another is in. */
const struct sh_record *sh_doc_around(
    const struct sh_settings_doc *doc, const struct sh_record *record);
/** "listeners[0].", "listeners[0].routes[1]." or "". Returns buf. */
const char *
sh_record_prefix(const struct sh_record *record, char *buf, size_t cap);

enum { SH_RECORD_PREFIX_MAX = 48 };
