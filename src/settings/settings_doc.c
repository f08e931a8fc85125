/*
 * This file keeps where the values of a configuration were written; it does
 * not read them.
 */
#include "config.h"

#include "settings/settings_doc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "settings/settings_tree.h"

struct sh_record *
sh_doc_add_record(struct sh_settings_doc *doc, enum sh_key_scope scope,
    uint32_t index, char *place)
{
	struct sh_record *record;

	doc->records = sh_xgrow(
	    doc->records, doc->record_count + 1, sizeof(*doc->records));
	record = &doc->records[doc->record_count++];
	*record = (struct sh_record){
		.scope = scope, .index = index, .place = place
	};
	return record;
}

const char *
sh_record_place(const struct sh_record *record, const struct sh_key *key)
{
	return record->places[key - sh_keys];
}

const char *
sh_record_error_place(const struct sh_record *record, const struct sh_key *key)
{
	const char *place = sh_record_place(record, key);

	return place != NULL ? place : record->place;
}

const struct sh_record *
sh_doc_around(const struct sh_settings_doc *doc, const struct sh_record *record)
{
	size_t i;

	for (i = 0; i < doc->record_count; i++)
		if (record->scope == SH_SCOPE_ROUTE &&
		    doc->records[i].scope == SH_SCOPE_LISTENER &&
		    doc->records[i].index == record->listener)
			return &doc->records[i];
	return &doc->records[0];
}

char *
sh_doc_origin(const struct sh_settings_doc *doc, const struct sh_record *record,
    const struct sh_key *key)
{
	const char *place = sh_record_place(record, key);

	while (place == NULL && (key->flags & SH_KEY_INHERITS) != 0) {
		key = sh_key_parent(key);
		record = sh_doc_around(doc, record);
		place = sh_record_place(record, key);
	}
	return place != NULL ? sh_place_line(place) : sh_xstrdup("default");
}

const char *
sh_record_prefix(const struct sh_record *record, char *buf, size_t cap)
{
	if (record->scope == SH_SCOPE_TOP)
		buf[0] = '\0';
	else if (record->scope == SH_SCOPE_ROUTE)
		snprintf(buf, cap, "listeners[%u].routes[%u].",
		    record->listener, record->number);
	else
		snprintf(buf, cap, "%s[%u].",
		    record->scope == SH_SCOPE_MODULE        ? "modules"
			: record->scope == SH_SCOPE_HISTORY ? "topics.history"
							    : "listeners",
		    record->index);
	return buf;
}

void
sh_settings_doc_free(struct sh_settings_doc **doc_ptr)
{
	struct sh_settings_doc *doc = *doc_ptr;
	size_t i, k;

	*doc_ptr = NULL;
	if (doc == NULL)
		return;
	for (i = 0; i < doc->record_count; i++) {
		free(doc->records[i].place);
		for (k = 0; k < SH_KEYS_MAX; k++)
			free(doc->records[i].places[k]);
	}
	free(doc->records);
	free(doc->block);
	free(doc);
}

const struct sh_settings *
sh_settings_doc_value(const struct sh_settings_doc *doc)
{
	return doc->block;
}

const char *
sh_settings_doc_place(const struct sh_settings_doc *doc, const char *path)
{
	const struct sh_key *key;

	for (key = sh_keys; key->path != NULL; key++)
		if (key->scope == SH_SCOPE_TOP && strcmp(key->path, path) == 0)
			return sh_record_place(&doc->records[0], key);
	return NULL;
}
