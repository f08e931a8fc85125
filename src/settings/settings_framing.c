/*
 * This file knows how the keys of a listener's `framing' go together and what
 * they ask for; it cuts nothing.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/attr.h"
#include "settings/settings_draft.h"
#include "settings/settings_value.h"

enum { WIDTH_MASK = 15, MESSAGE_MAX = 256 };

/* One check of one listener. */
struct checker {
	struct sh_draft *draft;
	const struct sh_record *record;
	const struct sh_settings_framing *framing;
};

static size_t
width_of(const struct sh_settings_framing *framing)
{
	return (size_t)framing->field & WIDTH_MASK;
}

static size_t
body_of(const struct sh_settings_framing *framing)
{
	return framing->body == SH_AUTO
	    ? (size_t)framing->offset + width_of(framing)
	    : (size_t)framing->body;
}

/* Say what is wrong with a key of the listener. */
static void SH_PRINTF(3, 4) report(
    const struct checker *checker, const char *path, const char *format, ...)
{
	char text[MESSAGE_MAX];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	sh_diagnose(checker->draft->diags,
	    sh_record_error_place(
		checker->record, sh_key_find(SH_SCOPE_LISTENER, path)),
	    "listeners[%u].%s %s", checker->record->index, path, text);
}

/* Whether a key has another value than without it. The defaults themselves may
 * always stand there, as they do in what is dumped. */
static bool
is_changed(const struct checker *checker, const struct sh_key *key)
{
	const char *slot = (const char *)&checker->draft->image
			       .listeners[checker->record->index] +
	    key->offset;
	struct sh_text text;
	int64_t number;

	if (sh_key_is_text(key)) {
		memcpy(&text, slot, sizeof(text));
		return text.off != 0;
	}
	memcpy(&number, slot, sizeof(number));
	return number != sh_key_fallback(key);
}

/* Report keys that the type has no use for. */
static void
check_use(const struct checker *checker)
{
	enum {
		TERMINATOR = 1u << SHOAL_FRAMING_TERMINATOR,
		LENGTH = 1u << SHOAL_FRAMING_LENGTH
	};
	static const struct {
		const char *path, *types;
		unsigned users;
	} uses[] = {
		{ "framing.terminator", "\"terminator\"", TERMINATOR },
		{ "framing.field", "\"length\"", LENGTH },
		{ "framing.offset", "\"length\"", LENGTH },
		{ "framing.body", "\"length\"", LENGTH },
		{ "framing.max", "\"terminator\" or \"length\"",
		    TERMINATOR | LENGTH },
	};
	int64_t type = checker->framing->type;
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(uses); i++)
		if ((type < 0 || (uses[i].users & 1u << type) == 0) &&
		    is_changed(
			checker, sh_key_find(SH_SCOPE_LISTENER, uses[i].path)))
			report(checker, uses[i].path, "needs type = %s",
			    uses[i].types);
}

static void
check_terminator(const struct checker *checker)
{
	size_t len = strlen(sh_image_text(
	    &checker->draft->image, checker->framing->terminator));

	if (len == 0)
		report(checker, "framing.terminator",
		    "is missing: 1 to 8 bytes that a packet ends with");
	else if (len > SHOAL_TERMINATOR_MAX)
		report(checker, "framing.terminator",
		    "has %zu bytes, more than %d", len, SHOAL_TERMINATOR_MAX);
	else if ((int64_t)len > checker->framing->max)
		report(checker, "framing.max",
		    "(%lld bytes) is less than the terminator (%zu bytes)",
		    (long long)checker->framing->max, len);
}

static void
check_length(const struct checker *checker)
{
	const struct sh_settings_framing *framing = checker->framing;
	size_t offset = (size_t)framing->offset;
	size_t end = offset + width_of(framing), body = body_of(framing);

	if (body > offset && body < end)
		report(checker, "framing.body",
		    "= %zu is inside the length, which is at %zu to %zu", body,
		    offset, end);
	else if (end > (size_t)framing->max)
		report(checker, "framing.max",
		    "(%lld bytes) is less than offset and length (%zu bytes)",
		    (long long)framing->max, end);
	else if (body > (size_t)framing->max)
		report(checker, "framing.max",
		    "(%lld bytes) is less than body (%zu bytes)",
		    (long long)framing->max, body);
}

void
sh_draft_check_framing(struct sh_draft *draft, const struct sh_record *record)
{
	const struct checker checker = { .draft = draft,
		.record = record,
		.framing = &draft->image.listeners[record->index].framing };

	if (record->failed)
		return; /* what failed has its default now */
	check_use(&checker);
	if (checker.framing->type == SHOAL_FRAMING_TERMINATOR)
		check_terminator(&checker);
	else if (checker.framing->type == SHOAL_FRAMING_LENGTH)
		check_length(&checker);
}

bool
sh_settings_framing(const struct sh_settings *settings,
    const struct sh_settings_listener *listener,
    struct shoal_framing *framing_out)
{
	const struct sh_settings_framing *framing = &listener->framing;

	if (framing->type == SH_AUTO)
		return false;
	*framing_out = (struct shoal_framing){
		.size = sizeof(*framing_out),
		.type = (enum shoal_framing_type)framing->type,
		.max = (size_t)framing->max,
		.terminator = sh_settings_text(settings, framing->terminator),
		.field = (enum shoal_length_field)framing->field,
		.offset = (size_t)framing->offset,
		.body = body_of(framing),
	};
	return true;
}
