/*
 * This file compares settings with those of a running master; it does not
 * decide what happens then.
 */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "settings/settings_doc.h"
#include "settings/settings_value.h"

enum { VALUE_MAX = 4096 };

/* A top-level value as it would be written. Owner: the caller, free(3). */
static char *
format_value(const struct sh_settings *settings, const struct sh_key *key)
{
	const char *slot = (const char *)settings + key->offset;
	struct sh_buf out;
	struct sh_text text;
	int64_t number;

	sh_buf_init(&out, VALUE_MAX);
	if (sh_key_is_text(key)) {
		memcpy(&text, slot, sizeof(text));
		sh_text_quote(sh_settings_text(settings, text), &out);
	} else {
		memcpy(&number, slot, sizeof(number));
		sh_key_format(key, number, &out);
	}
	return sh_buf_take(&out);
}

static void
report(const struct sh_settings_doc *next, const struct sh_key *key,
    const char *now, const char *then, struct sh_diagnostics *diags)
{
	char *origin = sh_doc_origin(next, &next->records[0], key);
	bool known = sh_record_place(&next->records[0], key) != NULL;

	if (strcmp(key->path, "workers.count") == 0)
		sh_diagnose(diags, known ? origin : NULL,
		    "changing the number of workers needs a restart: %s "
		    "(%s); %s is running, %s is asked for",
		    key->path, origin, now, then);
	else
		sh_diagnose(diags, known ? origin : NULL,
		    "needs restart: %s (%s); %s is running, %s is asked for",
		    key->path, origin, now, then);
	free(origin);
}

void
sh_settings_diff(const struct sh_settings *running,
    const struct sh_settings_doc *next, struct sh_diagnostics *diags)
{
	const struct sh_key *key;

	for (key = sh_keys; key->path != NULL; key++) {
		char *now, *then;

		if (key->scope != SH_SCOPE_TOP ||
		    (key->flags & SH_KEY_RESTART) == 0)
			continue;
		now = format_value(running, key);
		then = format_value(next->block, key);
		if (now == NULL || then == NULL || strcmp(now, then) != 0)
			report(next, key, now != NULL ? now : "?",
			    then != NULL ? then : "?", diags);
		free(now);
		free(then);
	}
}
