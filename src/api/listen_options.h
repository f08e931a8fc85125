/* This file checks what code asks of a listener. */
#pragma once

#include <stdbool.h>

struct shoal_listen_options;

/** Whether options make sense. */
bool sh_listen_options_are_valid(const struct shoal_listen_options *options);
