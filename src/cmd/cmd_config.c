/* This file shows settings and versions. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include <shoal/shoal.h>

#include "cmd/cmd.h"

enum { DUMP_MAX = 16 << 20 };

static int
print(struct sh_buf *out, bool quiet)
{
	char *text = sh_buf_take(out);

	if (text == NULL)
		return SH_CMD_OS;
	if (!quiet)
		fputs(text, stdout);
	free(text);
	return SH_CMD_OK;
}

static int
print_findings(const struct sh_diagnostics *diags, bool quiet)
{
	struct sh_buf out;
	char *text;

	if (quiet)
		return SH_CMD_CONFIG;
	sh_buf_init(&out, DUMP_MAX);
	sh_diagnostics_format(diags, &out);
	text = sh_buf_take(&out);
	fputs(text != NULL ? text : "out of memory\n", stderr);
	free(text);
	return SH_CMD_CONFIG;
}

int
sh_cmd_config(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	struct sh_settings_dump_options options = { .json = line->json,
		.origin = line->origin };
	struct sh_settings_source source = sh_cmd_source(line);
	struct sh_diagnostics diags = { 0 };
	struct sh_settings_doc *doc = NULL;
	struct sh_buf out;
	int status;

	sh_buf_init(&out, DUMP_MAX);
	if (line->keys) {
		sh_settings_dump_keys(line->json, &out);
		return print(&out, line->quiet);
	}
	if (line->defaults)
		source.file = NULL;
	if (sh_settings_load(&source, &doc, &diags) < 0) {
		status = print_findings(&diags, line->quiet);
	} else {
		sh_settings_dump(doc, &options, &out);
		status = print(&out, line->quiet);
	}
	sh_settings_doc_free(&doc);
	sh_diagnostics_fini(&diags);
	return status;
}

int
sh_cmd_version(
    const struct sh_cmd_backend *backend, const struct sh_cmd_line *line)
{
	printf("shoal %s\n", shoal_version());
	if (!line->build)
		return SH_CMD_OK;
	printf("built by %s, flags %s\n", "cc " __VERSION__, SH_BUILD_CFLAGS);
	printf("libevent %s, libconfig %s, libnats %s, "
	       "systemd notifications %s\n",
	    SH_LIBEVENT_VERSION, SH_LIBCONFIG_VERSION, SH_LIBNATS_VERSION,
#ifdef HAVE_SYSTEMD
	    "yes"
#else
	    "no"
#endif
	);
	printf(
	    "module ABI %d, modules in %s\n", SHOAL_MODULE_ABI, SH_MODULEDIR);
	printf("configuration %s/shoal/shoal.conf\n", SH_SYSCONFDIR);
	return SH_CMD_OK;
}
