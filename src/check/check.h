/*
 * This file finds out whether a configuration can be served, and makes the
 * plan of it. It runs in a process of its own: it parses files and calls code
 * of modules.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "module/catalog.h"
#include "module/program.h"
#include "proc/plan.h"
#include "settings/diagnostics.h"
#include "settings/load.h"

/* What to check. All lent. */
struct sh_check_input {
	const struct shoal_server *program;
	const char *name; /* of the program: of its files */
	struct sh_settings_source source;
	bool daemon; /* will have no terminal */
};

struct sh_check_result {
	struct sh_plan *plan; /* owned; NULL when there are errors */
	int *module_fds;      /* owned */
	uint32_t module_count;
	struct sh_catalog catalog;
	struct sh_settings_doc *doc; /* NULL when it did not load */
	size_t differences;          /* errors that a restart would mend */
};

/** Check everything; previous is the plan that serves, or NULL. Findings go to
 *  diags. This process becomes the workers' user, loads the modules and calls
 *  their checks. 0; -SHOAL_ESTATE when nothing is wrong but that it needs a
 *  restart; -SHOAL_ECONFIG. */
int sh_check(const struct sh_check_input *input, const struct sh_plan *previous,
    struct sh_check_result *result, struct sh_diagnostics *diags);
/** Free what a check has made. */
void sh_check_result_fini(struct sh_check_result *result);
/** The check process: check, and tell the master over its channel. arg is a
 *  struct sh_check_input. Fits sh_check_fn. */
int sh_check_main(const struct sh_plan *previous, int channel_fd, void *arg);
