/*
 * This file keeps findings about a configuration and puts them into text; it
 * does not find any.
 */
#include "config.h"

#include "settings/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* A reader fixes the first few; a binary file would have thousands. */
enum { DIAGNOSTICS_SHOWN_MAX = 200 };

/* Where a finding is shown: files in the order in which they were met. */
struct rank {
	const struct sh_diagnostic *diag;
	size_t file, index;
	unsigned long line, column;
};

static struct sh_diagnostic *
append(struct sh_diagnostics *diags)
{
	if (diags->count == diags->cap) {
		diags->cap = diags->cap != 0 ? 2 * diags->cap : 8;
		diags->list =
		    sh_xgrow(diags->list, diags->cap, sizeof(*diags->list));
	}
	return &diags->list[diags->count++];
}

void
sh_diagnostics_add(struct sh_diagnostics *diags, enum sh_severity severity,
    const char *place, const char *format, ...)
{
	struct sh_buf text;
	struct sh_diagnostic *diag;
	va_list args;

	if (severity == SH_SEVERITY_ERROR)
		diags->errors++;
	else
		diags->warnings++;
	if (diags->count == DIAGNOSTICS_SHOWN_MAX)
		return;
	sh_buf_init(&text, (size_t)1 << 20);
	va_start(args, format);
	sh_buf_vprintf(&text, format, args);
	va_end(args);
	diag = append(diags);
	diag->severity = severity;
	diag->place = place != NULL ? sh_xstrdup(place) : NULL;
	diag->text = sh_buf_take(&text);
	if (diag->text == NULL)
		diag->text = sh_xstrdup("(a message too long to show)");
}

/* Length of a place without the ":number" at its end, which goes to *n_out;
 * the whole length when there is none. */
static size_t
strip_number(const char *place, size_t len, unsigned long *n_out)
{
	size_t i = len;

	while (i > 0 && place[i - 1] >= '0' && place[i - 1] <= '9')
		i--;
	if (i == len || i < 2 || place[i - 1] != ':')
		return len;
	*n_out = strtoul(place + i, NULL, 10);
	return i - 1;
}

/* Split "file:line:column"; the length of the file's name. */
static size_t
split_place(
    const char *place, unsigned long *line_out, unsigned long *column_out)
{
	size_t len = strlen(place);
	size_t file = strip_number(place, len, column_out);
	size_t shorter;

	if (file == len)
		return len;
	shorter = strip_number(place, file, line_out);
	if (shorter == file) { /* no column */
		*line_out = *column_out;
		*column_out = 0;
	}
	return shorter;
}

/* The first finding with the same file; what has no line comes last. */
static size_t
rank_file(const struct sh_diagnostics *diags, const char *place, size_t len)
{
	unsigned long line, column;
	size_t i;

	for (i = 0; i < diags->count; i++) {
		const char *other = diags->list[i].place;

		if (other != NULL &&
		    split_place(other, &line, &column) == len &&
		    strncmp(other, place, len) == 0)
			break;
	}
	return i;
}

static int
compare_ranks(const void *a, const void *b)
{
	const struct rank *x = a, *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	if (x->line != y->line)
		return x->line < y->line ? -1 : 1;
	if (x->column != y->column)
		return x->column < y->column ? -1 : 1;
	return x->index < y->index ? -1 : 1;
}

static struct rank *
sort_by_place(const struct sh_diagnostics *diags)
{
	struct rank *ranks = sh_xcalloc(diags->count, sizeof(*ranks));
	size_t i;

	for (i = 0; i < diags->count; i++) {
		struct rank *rank = &ranks[i];
		const char *place = diags->list[i].place;
		size_t len;

		*rank = (struct rank){ .diag = &diags->list[i],
			.index = i,
			.file = diags->count };
		if (place == NULL)
			continue;
		len = split_place(place, &rank->line, &rank->column);
		if (rank->line != 0)
			rank->file = rank_file(diags, place, len);
	}
	qsort(ranks, diags->count, sizeof(*ranks), compare_ranks);
	return ranks;
}

static void
format_total(const struct sh_diagnostics *diags, struct sh_buf *out)
{
	size_t shown = diags->count, all = diags->errors + diags->warnings;

	if (all > shown)
		sh_buf_printf(out, "and %zu more\n", all - shown);
	sh_buf_printf(
	    out, "%zu error%s", diags->errors, diags->errors == 1 ? "" : "s");
	if (diags->warnings != 0)
		sh_buf_printf(out, ", %zu warning%s", diags->warnings,
		    diags->warnings == 1 ? "" : "s");
	sh_buf_puts(out, "\n");
}

void
sh_diagnostics_format(const struct sh_diagnostics *diags, struct sh_buf *out)
{
	struct rank *ranks;
	size_t i;

	if (diags->count == 0)
		return;
	ranks = sort_by_place(diags);
	for (i = 0; i < diags->count; i++) {
		const struct sh_diagnostic *diag = ranks[i].diag;

		if (diag->place != NULL)
			sh_buf_printf(out, "%s: ", diag->place);
		sh_buf_printf(out, "%s: %s\n",
		    diag->severity == SH_SEVERITY_ERROR ? "error" : "warning",
		    diag->text);
	}
	free(ranks);
	format_total(diags, out);
}

void
sh_diagnostics_fini(struct sh_diagnostics *diags)
{
	size_t i;

	for (i = 0; i < diags->count; i++) {
		free(diags->list[i].place);
		free(diags->list[i].text);
	}
	free(diags->list);
	*diags = (struct sh_diagnostics){ 0 };
}
