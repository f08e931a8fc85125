/*
 * This file writes the effective settings in a normal form that loads again to
 * the same values; it does not write the schema.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "settings/settings_doc.h"
#include "settings/settings_group.h"
#include "settings/settings_value.h"
#include "settings/settings_writer.h"

enum { VALUE_MAX = 1 << 24, PARTS_MAX = 8 };

struct dump {
	const struct sh_settings_doc *doc;
	const struct sh_record *record;
	struct sh_writer writer;
};

static const char *
text_at(const struct dump *dump, struct sh_text text)
{
	return sh_settings_text(dump->doc->block, text);
}

/* Append a string in the syntax of the writer. */
static void
quote(const struct dump *dump, const char *text, struct sh_buf *out)
{
	if (dump->writer.json)
		sh_buf_json(out, text);
	else
		sh_text_quote(text, out);
}

/* libconfig knows a fraction by its point. */
static void
format_real(double real, struct sh_buf *out)
{
	char *text = sh_xprintf("%.17g", real);
	size_t digits = strcspn(text, ".e");

	if (text[digits] == '.')
		sh_buf_puts(out, text);
	else
		sh_buf_printf(
		    out, "%.*s.0%s", (int)digits, text, text + digits);
	free(text);
}

/* Of a handler or module. A switch is none, and one that is not set tells so. */
static bool
is_secret(const struct dump *dump, const struct sh_settings_item *item)
{
	return sh_setting_is_secret(text_at(dump, item->path)) &&
	    item->type != SH_TYPE_BOOL &&
	    (item->type != SH_TYPE_STRING ||
		text_at(dump, item->text)[0] != '\0');
}

static void
format_item(const struct dump *dump, const struct sh_settings_item *item,
    struct sh_buf *out)
{
	bool wide = item->number < INT32_MIN || item->number > INT32_MAX;

	if (is_secret(dump, item)) {
		quote(dump, SH_SECRET_SHOWN, out);
		return;
	}
	switch ((enum sh_settings_type)item->type) {
	case SH_TYPE_BOOL:
		sh_buf_puts(out, item->number != 0 ? "true" : "false");
		break;
	case SH_TYPE_INT:
		sh_buf_printf(out, "%" PRId64 "%s", item->number,
		    wide && !dump->writer.json ? "L" : "");
		break;
	case SH_TYPE_FLOAT: format_real(item->real, out); break;
	case SH_TYPE_STRING: quote(dump, text_at(dump, item->text), out); break;
	}
}

static void
write_value(struct dump *dump, const char *name, struct sh_buf *value,
    const char *origin)
{
	char *text = sh_buf_take(value);

	sh_writer_value(
	    &dump->writer, name, text != NULL ? text : "\"\"", origin);
	free(text);
}

/* The items from first to end that share what stands at path + at up to the
 * next '.', '[' or end; *len_out is its length. */
static uint32_t
find_run(const struct dump *dump, struct sh_settings_group group, size_t at,
    size_t *len_out)
{
	const struct sh_settings *block = dump->doc->block;
	const char *path =
	    text_at(dump, sh_settings_item(block, group, 0)->path);
	size_t len = at + (path[at] == '[' ? 1 : 0);
	uint32_t n;

	len += strcspn(path + len, ".[");
	for (n = 1; n < group.count; n++) {
		const char *other =
		    text_at(dump, sh_settings_item(block, group, n)->path);

		if (strncmp(other, path, len) != 0 ||
		    strchr(".[", other[len]) == NULL)
			break;
	}
	*len_out = len;
	return n;
}

/* Write elements that hold nothing, so that the next has its index again. */
static void
fill_list(struct dump *dump, unsigned long from, unsigned long to)
{
	for (; from < to; from++) {
		sh_writer_open_group(&dump->writer, NULL);
		sh_writer_close(&dump->writer);
	}
}

/* Write items whose paths have been written up to at. */
static void
dump_items(struct dump *dump, struct sh_settings_group group, size_t at)
{
	const struct sh_settings *block = dump->doc->block;
	unsigned long next = 0;

	while (group.count > 0) {
		const struct sh_settings_item *item =
		    sh_settings_item(block, group, 0);
		const char *path = text_at(dump, item->path);
		size_t end;
		struct sh_settings_group run = { group.first,
			find_run(dump, group, at, &end) };
		char *name = path[at] == '['
		    ? NULL
		    : sh_xprintf("%.*s", (int)(end - at), path + at);
		struct sh_buf value;

		if (name == NULL) {
			unsigned long index = strtoul(path + at + 1, NULL, 10);

			fill_list(dump, next, index);
			next = index + 1;
		}
		if (path[end] == '\0') {
			sh_buf_init(&value, VALUE_MAX);
			format_item(dump, item, &value);
			write_value(
			    dump, name, &value, text_at(dump, item->origin));
		} else {
			if (path[end] == '.')
				sh_writer_open_group(&dump->writer, name);
			else
				sh_writer_open_list(&dump->writer, name);
			dump_items(dump, run, end + (path[end] == '.'));
			sh_writer_close(&dump->writer);
		}
		free(name);
		group.first += run.count;
		group.count -= run.count;
	}
}

/* Where the values of a record are stored. */
static const char *
base_of(const struct dump *dump)
{
	const struct sh_settings *block = dump->doc->block;

	switch (dump->record->scope) {
	case SH_SCOPE_HISTORY:
		return (const char *)sh_settings_history(
		    block, dump->record->index);
	case SH_SCOPE_MODULE:
		return (const char *)sh_settings_module(
		    block, dump->record->index);
	case SH_SCOPE_ROUTE:
		return (const char *)block + block->routes_off +
		    dump->record->index * sizeof(struct sh_settings_route);
	case SH_SCOPE_LISTENER:
		return (const char *)sh_settings_listener(
		    block, dump->record->index);
	default: return (const char *)block;
	}
}

/* Programs read bytes; people read units. */
static void
format_number(const struct dump *dump, const struct sh_key *key, int64_t number,
    struct sh_buf *out)
{
	if (dump->writer.json && key->type == SH_KEY_SIZE && number >= 0)
		sh_buf_printf(out, "%" PRId64, number);
	else
		sh_key_format(key, number, out);
}

static void
dump_key(struct dump *dump, const struct sh_key *key, const char *name)
{
	const char *slot = base_of(dump) + key->offset;
	struct sh_settings_group group;
	struct sh_buf value;
	struct sh_text text;
	int64_t number;
	char *origin;

	if (key->type == SH_KEY_CONFIG || key->type == SH_KEY_STRINGS) {
		memcpy(&group, slot, sizeof(group));
		if (key->type == SH_KEY_CONFIG)
			sh_writer_open_group(&dump->writer, name);
		else
			sh_writer_open_list(&dump->writer, name);
		dump_items(dump, group, 0);
		sh_writer_close(&dump->writer);
		return;
	}
	sh_buf_init(&value, VALUE_MAX);
	if (sh_key_is_text(key)) {
		memcpy(&text, slot, sizeof(text));
		/* a dump is shown to others; what loads it has to say it */
		quote(dump,
		    (key->flags & SH_KEY_SECRET) != 0 && text.off != 0
			? SH_SECRET_SHOWN
			: text_at(dump, text),
		    &value);
	} else {
		memcpy(&number, slot, sizeof(number));
		format_number(dump, key, number, &value);
	}
	origin = sh_doc_origin(dump->doc, dump->record, key);
	write_value(dump, name, &value, origin);
	free(origin);
}

static void dump_list(struct dump *dump, const struct sh_key_list *list,
    const char *name, const struct sh_record *around);

/* Close and open groups on the way from one key's group to another's. Both
 * are paths; the names after the last dot do not count. Returns the name. */
static const char *
move_to(struct dump *dump, const char *from, const char *to)
{
	size_t i, shared = 0;
	const char *dot;

	for (i = 0; from[i] != '\0' && from[i] == to[i]; i++)
		if (from[i] == '.')
			shared = i + 1;
	for (dot = strchr(from + shared, '.'); dot != NULL;
	     dot = strchr(dot + 1, '.'))
		sh_writer_close(&dump->writer);
	to += shared;
	while ((dot = strchr(to, '.')) != NULL) {
		char *name = sh_xprintf("%.*s", (int)(dot - to), to);

		sh_writer_open_group(&dump->writer, name);
		free(name);
		to = dot + 1;
	}
	return to;
}

/* Whether a key means something for a listener's protocol. */
static bool
has_use(const struct dump *dump, const struct sh_key *key)
{
	unsigned other = SH_KEY_TCP | SH_KEY_HTTP;

	if (dump->record->scope != SH_SCOPE_LISTENER ||
	    (key->flags & other) == 0)
		return true;
	return (key->flags &
		   (sh_settings_listener(dump->doc->block, dump->record->index)
				   ->protocol == SH_PROTOCOL_HTTP
			   ? SH_KEY_HTTP
			   : SH_KEY_TCP)) != 0;
}

/* Lists that stand in the group of the last key before that is left. Returns the
 * path of what was written last. */
static const char *
dump_lists_beside(
    struct dump *dump, const struct sh_record *record, const struct sh_key *key)
{
	const struct sh_key_list *list;
	const char *at = key->path, *dot = strrchr(at, '.');

	for (list = sh_key_lists; dot != NULL && list->name != NULL; list++) {
		if (list->in != record->scope ||
		    strncmp(list->name, at, (size_t)(dot + 1 - at)) != 0 ||
		    (key[1].path != NULL && sh_key_is_beside(key, &key[1])))
			continue;
		dump_list(dump, list, move_to(dump, at, list->name), record);
		dump->record = record;
		at = list->name;
	}
	return at;
}

static void
dump_record(struct dump *dump, const struct sh_record *record)
{
	const struct sh_key_list *list;
	const struct sh_key *key;
	const char *at = "";

	dump->record = record;
	for (key = sh_keys; key->path != NULL; key++) {
		if (key->scope != record->scope || !has_use(dump, key))
			continue;
		dump_key(dump, key, move_to(dump, at, key->path));
		at = dump_lists_beside(dump, record, key);
	}
	move_to(dump, at, "");
	for (list = sh_key_lists; list->name != NULL; list++)
		if (list->in == record->scope &&
		    strchr(list->name, '.') == NULL)
			dump_list(dump, list, list->name, record);
}

/* The list of groups in another one, where one may be. */
static void
dump_list(struct dump *dump, const struct sh_key_list *list, const char *name,
    const struct sh_record *around)
{
	size_t i;

	if (list->scope == SH_SCOPE_ROUTE &&
	    sh_settings_listener(dump->doc->block, around->index)->protocol !=
		SH_PROTOCOL_HTTP)
		return;
	sh_writer_open_list(&dump->writer, name);
	for (i = 0; i < dump->doc->record_count; i++) {
		const struct sh_record *record = &dump->doc->records[i];

		if (record->scope != list->scope ||
		    sh_doc_around(dump->doc, record) != around)
			continue;
		sh_writer_open_group(&dump->writer, NULL);
		dump_record(dump, record);
		sh_writer_close(&dump->writer);
	}
	sh_writer_close(&dump->writer);
}

void
sh_settings_dump(const struct sh_settings_doc *doc,
    const struct sh_settings_dump_options *options, struct sh_buf *out)
{
	struct dump dump = { .doc = doc };

	sh_writer_begin(&dump.writer, out, options->json, options->origin);
	dump_record(&dump, &doc->records[0]);
	sh_writer_end(&dump.writer);
}
