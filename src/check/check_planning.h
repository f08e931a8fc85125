/* This file is what the parts that make a plan share; it is for this folder
 * only. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "check/check.h"

/* The whole job: from here, to there, with these complaints. */
struct sh_planning {
	const struct sh_check_input *input;
	const struct sh_settings_doc *doc;
	const struct sh_settings *settings; /* of doc */
	struct sh_plan *plan;
	struct sh_diagnostics *diags;
};

/** A string of the settings. */
const char *sh_planning_text(const struct sh_planning *p, struct sh_text text);
/** Where a key was written, for messages; NULL when it was not. */
const char *sh_planning_place(const struct sh_planning *p, const char *key);
/** Copy a string into a fixed field; complains when it does not fit. */
void sh_planning_copy(struct sh_planning *p, char *to, size_t cap,
    const char *from, const char *key);
/** Number of the group that a key names; complains when there is none. */
bool sh_planning_group(
    struct sh_planning *p, const char *name, const char *key, gid_t *gid_out);

/** Who the workers are. */
void sh_planning_identity(struct sh_planning *p);
/** The broker's password. */
void sh_planning_broker(struct sh_planning *p);
/** Where they listen; to has room for every listener. */
void sh_planning_addresses(struct sh_planning *p, struct sh_plan_address *to);
