/* This file tells what a number in a configuration is. */
#pragma once

#include "settings/settings_lex.h"

/** Length of the characters that belong to a number, or to what somebody took
 *  for one: 30s, 127.0.0.1, 1e-3. The first one is not looked at. */
size_t sh_number_measure(const char *p, const char *end);
/** INT, INT64 or FLOAT, by how it is written; END when it is no number. */
enum sh_token_type sh_number_classify(const char *p, const char *end);
/** Whether libconfig can hold a number of this type. */
bool sh_number_fits(const char *text, enum sh_token_type type);
