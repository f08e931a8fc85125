/*
 * This file writes the schema, for people and for programs; it does not write
 * values.
 */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/mem.h"
#include "settings/load.h"
#include "settings/settings_schema.h"
#include "settings/settings_value.h"

enum { COLUMNS = 4, CELL_MAX = 1024 };

static const char *const type_names[] = {
	[SH_KEY_STRING] = "string",
	[SH_KEY_STRINGS] = "strings",
	[SH_KEY_PATH] = "path",
	[SH_KEY_INT] = "integer",
	[SH_KEY_DURATION] = "duration",
	[SH_KEY_SIZE] = "size",
	[SH_KEY_MODE] = "mode",
	[SH_KEY_WORD] = "word",
	[SH_KEY_CONFIG] = "group",
};

static char *
describe(const struct sh_key *key,
    void (*write)(const struct sh_key *key, struct sh_buf *out))
{
	struct sh_buf text;

	sh_buf_init(&text, CELL_MAX);
	write(key, &text);
	return sh_buf_take(&text);
}

/* One row of the table; the last cell is as long as it is. */
struct row {
	char *cells[COLUMNS];
	const char *doc;
};

static struct row
make_row(const struct sh_key *key)
{
	struct row row = { .doc = key->doc };

	row.cells[0] =
	    sh_xprintf("%s%s", sh_scope_prefix(key->scope), key->path);
	row.cells[1] = describe(key, sh_key_describe_values);
	row.cells[2] = describe(key, sh_key_describe_fallback);
	row.cells[3] = sh_xstrdup(
	    (key->flags & SH_KEY_RESTART) != 0 ? "restart" : "reload");
	return row;
}

static struct row
make_heading(void)
{
	return (struct row){ .cells = { sh_xstrdup("key"), sh_xstrdup("value"),
				 sh_xstrdup("default"), sh_xstrdup("change") },
		.doc = "meaning" };
}

static void
free_row(struct row *row)
{
	size_t i;

	for (i = 0; i < COLUMNS; i++)
		free(row->cells[i]);
}

/* A very long list of words would push everything else to the right. */
static void
widen(size_t *widths, const struct row *row)
{
	static const size_t widest[COLUMNS] = { 46, 36, 32, 10 };
	size_t i;

	for (i = 0; i < COLUMNS; i++) {
		size_t len = strlen(row->cells[i]);

		if (len > widths[i] && len <= widest[i])
			widths[i] = len;
	}
}

static void
write_row(const struct row *row, const size_t *widths, struct sh_buf *out)
{
	size_t i, column = 0, wanted = 0;

	for (i = 0; i < COLUMNS; i++) {
		sh_buf_printf(out, "%*s%s",
		    (int)(wanted > column ? wanted - column : 0), "",
		    row->cells[i]);
		column = (wanted > column ? wanted : column) +
		    strlen(row->cells[i]) + 2;
		sh_buf_puts(out, "  ");
		wanted += widths[i] + 2;
	}
	sh_buf_printf(out, "%*s%s\n",
	    (int)(wanted > column ? wanted - column : 0), "", row->doc);
}

static void
dump_table(struct sh_buf *out)
{
	struct row heading = make_heading(), rows[SH_KEYS_MAX];
	size_t widths[COLUMNS] = { 0 }, i, count = 0;

	for (; sh_keys[count].path != NULL; count++) {
		rows[count] = make_row(&sh_keys[count]);
		widen(widths, &rows[count]);
	}
	write_row(&heading, widths, out);
	for (i = 0; i < count; i++) {
		if (i == 0 || !sh_key_is_beside(&sh_keys[i - 1], &sh_keys[i]))
			sh_buf_puts(out, "\n");
		write_row(&rows[i], widths, out);
		free_row(&rows[i]);
	}
	free_row(&heading);
}

static void
write_words(const struct sh_key *key, struct sh_buf *out)
{
	const struct sh_word *word = key->words;

	sh_buf_puts(out, ", \"words\": [");
	for (; word != NULL && word->name != NULL; word++) {
		sh_buf_puts(out, word == key->words ? "" : ", ");
		sh_buf_json(out, word->name);
	}
	sh_buf_puts(out, "]");
}

static void
write_json_key(const struct sh_key *key, struct sh_buf *out)
{
	sh_buf_printf(out, "{ \"path\": \"%s%s\", \"type\": \"%s\"",
	    sh_scope_prefix(key->scope), key->path, type_names[key->type]);
	if (key->max != 0 && key->type != SH_KEY_MODE)
		sh_buf_printf(out,
		    ", \"min\": %" PRId64 ", \"max\": %" PRId64 "%s", key->min,
		    key->max,
		    key->type == SH_KEY_DURATION   ? ", \"unit\": \"ms\""
			: key->type == SH_KEY_SIZE ? ", \"unit\": \"bytes\""
						   : "");
	write_words(key, out);
	sh_buf_puts(out, ", \"default\": ");
	if (key->fallback != NULL)
		sh_buf_json(out, key->fallback);
	else
		sh_buf_puts(out, "null");
	sh_buf_printf(out, ", \"required\": %s, \"inherits\": ",
	    (key->flags & SH_KEY_REQUIRED) != 0 ? "true" : "false");
	if ((key->flags & SH_KEY_INHERITS) != 0)
		sh_buf_printf(out, "\"%s%s\"",
		    sh_scope_prefix(sh_scope_around(key->scope)),
		    sh_key_parent(key)->path);
	else
		sh_buf_puts(out, "null");
	sh_buf_printf(out, ", \"reloadable\": %s, \"doc\": ",
	    (key->flags & SH_KEY_RESTART) != 0 ? "false" : "true");
	sh_buf_json(out, key->doc);
	sh_buf_puts(out, " }");
}

static void
dump_json(struct sh_buf *out)
{
	const struct sh_key *key;

	sh_buf_puts(out, "{ \"keys\": [");
	for (key = sh_keys; key->path != NULL; key++) {
		sh_buf_puts(out, key == sh_keys ? "\n  " : ",\n  ");
		write_json_key(key, out);
	}
	sh_buf_puts(out, "\n] }\n");
}

void
sh_settings_dump_keys(bool json, struct sh_buf *out)
{
	if (json)
		dump_json(out);
	else
		dump_table(out);
}
