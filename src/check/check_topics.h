/* This file checks what settings say of topics. */
#pragma once

struct sh_diagnostics;
struct sh_settings;

/** Check the filters of topics.history, and add them to the rules of this process. */
void sh_check_topics(
    const struct sh_settings *settings, struct sh_diagnostics *diags);
