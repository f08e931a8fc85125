/* This file checks modules and the handlers that listeners name. */
#pragma once

#include "check/check.h"

/** Open every module of the settings. */
void sh_check_open_modules(const struct sh_settings *settings,
    struct sh_check_result *result, struct sh_diagnostics *diags);
/** Load them. */
void sh_check_load_modules(const struct sh_settings *settings,
    struct sh_check_result *result, struct sh_diagnostics *diags);
/** Check the settings of those that were loaded, and call their checks. */
void sh_check_ask_modules(const struct sh_settings *settings,
    const struct sh_catalog *catalog, struct sh_diagnostics *diags);
/** Check that every listener's handler is there and likes its settings. */
void sh_check_handlers(const struct sh_settings *settings,
    const struct sh_catalog *catalog, struct sh_diagnostics *diags);
