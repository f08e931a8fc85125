/* This file makes configuration files for the tests in this folder. */
#include "config.h"

#include "sample.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "support/suite.h"

enum { FILES_MAX = 32 };

static char folder[] = "/tmp/shoal-settings-XXXXXX";
static char *files[FILES_MAX];
static size_t file_count;

void
sample_enter(void)
{
	ck_assert_ptr_nonnull(mkdtemp(folder));
	ck_assert_int_eq(chdir(folder), 0);
}

void
sample_leave(void)
{
	size_t i;

	for (i = 0; i < file_count; i++) {
		unlink(files[i]);
		free(files[i]);
	}
	file_count = 0;
	ck_assert_int_eq(chdir("/"), 0);
	rmdir(folder);
}

static void
remember(const char *name)
{
	size_t i;

	for (i = 0; i < file_count; i++)
		if (strcmp(files[i], name) == 0)
			return;
	ck_assert_uint_lt(file_count, FILES_MAX);
	files[file_count++] = sh_xstrdup(name);
}

void
sample_write(const char *name, const char *text)
{
	FILE *file = fopen(name, "w");

	ck_assert_ptr_nonnull(file);
	fputs(text, file);
	fclose(file);
	remember(name);
}

struct sh_settings_doc *
sample_load(const char *const *overrides, char **errors_out)
{
	struct sh_settings_source source = { .file = "t.conf",
		.overrides = overrides };
	struct sh_diagnostics diags = { 0 };
	struct sh_settings_doc *doc = NULL;
	struct sh_buf out;
	int r;

	while (overrides != NULL && overrides[source.override_count] != NULL)
		source.override_count++;
	r = sh_settings_load(&source, &doc, &diags);
	ck_assert_int_eq(r == 0, diags.errors == 0);
	ck_assert_int_eq(r == 0, doc != NULL);
	sh_buf_init(&out, SAMPLE_MAX);
	sh_diagnostics_format(&diags, &out);
	*errors_out = sh_buf_take(&out);
	sh_diagnostics_fini(&diags);
	return doc;
}

struct sh_settings_doc *
sample_load_text(const char *text)
{
	struct sh_settings_doc *doc;
	char *errors;

	sample_write("t.conf", text);
	doc = sample_load(NULL, &errors);
	ck_assert_str_eq(errors, "");
	free(errors);
	return doc;
}

char *
sample_errors(const char *text, const char *const *overrides)
{
	struct sh_settings_doc *doc;
	char *errors;

	sample_write("t.conf", text);
	doc = sample_load(overrides, &errors);
	sh_settings_doc_free(&doc);
	return errors;
}

char *
sample_dump(const struct sh_settings_doc *doc, bool json, bool origin)
{
	const struct sh_settings_dump_options options = { .json = json,
		.origin = origin };
	struct sh_buf out;

	sh_buf_init(&out, SAMPLE_MAX);
	sh_settings_dump(doc, &options, &out);
	return sh_buf_take(&out);
}
