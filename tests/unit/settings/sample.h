/*
 * This file makes configuration files for the tests in this folder, in a
 * folder of their own that becomes the current one.
 */
#pragma once

#include "settings/load.h"

enum { SAMPLE_MAX = 1 << 20 };

/** Make a new folder and go there. */
void sample_enter(void);
/** Write a text into a file of that folder. */
void sample_write(const char *name, const char *text);
/** Load "t.conf" with a NULL-terminated list of overrides (or NULL). What is
 *  wrong with it goes to *errors_out, "" for nothing: free(3). */
struct sh_settings_doc *
sample_load(const char *const *overrides, char **errors_out);
/** Write a text to "t.conf" and load it; it must be right. */
struct sh_settings_doc *sample_load_text(const char *text);
/** What loading a text as "t.conf" complains about. Owner: free(3). */
char *sample_errors(const char *text, const char *const *overrides);
/** Dump a document. Owner: free(3). */
char *sample_dump(const struct sh_settings_doc *doc, bool json, bool origin);
/** Remove the folder with what was written there. */
void sample_leave(void);
