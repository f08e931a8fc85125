/*
 * This file collects everything that is wrong with a configuration, so that
 * all of it can be shown at once; it does not print.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include "base/attr.h"
#include "base/buf.h"

enum sh_severity { SH_SEVERITY_ERROR, SH_SEVERITY_WARNING };

struct sh_diagnostic {
	enum sh_severity severity;
	char *place; /* "file:line:column", "file:line", "-s" or NULL */
	char *text;
};

struct sh_diagnostics {
	struct sh_diagnostic *list;
	size_t count, cap;
	size_t errors, warnings;
};

/** Add one finding; place may be NULL; both texts are copied. */
void sh_diagnostics_add(struct sh_diagnostics *diags, enum sh_severity severity,
    const char *place, const char *format, ...) SH_PRINTF(4, 5);
/** Write them one a line, "place: error: text", in the order of file and line,
 *  then a line that counts them. */
void
sh_diagnostics_format(const struct sh_diagnostics *diags, struct sh_buf *out);
/** Free what it holds; usable again afterwards. */
void sh_diagnostics_fini(struct sh_diagnostics *diags);

#define sh_diagnose(diags, place, ...) \
	sh_diagnostics_add(diags, SH_SEVERITY_ERROR, place, __VA_ARGS__)
