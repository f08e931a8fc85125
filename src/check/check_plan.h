/* This file turns settings into the plan that the master reads: names into
 * numbers, "auto" into values. */
#pragma once

#include "check/check.h"

/** Make the plan. Findings go to diags: with errors it cannot be served, but says who
 *  the workers are. NULL when that is not known.
 *  Owner: the caller, free(3). */
struct sh_plan *sh_check_make_plan(const struct sh_check_input *input,
    const struct sh_settings_doc *doc, uint32_t module_count,
    struct sh_diagnostics *diags);
