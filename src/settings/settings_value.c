/*
 * This file turns the text of a value into what is stored, and back; it does
 * not know where values stand.
 */
#include "config.h"

#include "settings/settings_value.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/panic.h"
#include "base/text.h"

enum { NUMBER_TEXT_MAX = 64 };

static const struct sh_word *
find_word(const struct sh_key *key, const char *text)
{
	const struct sh_word *word = key->words;

	for (; word != NULL && word->name != NULL; word++)
		if (strcmp(word->name, text) == 0)
			return word;
	return NULL;
}

static bool
has_range(const struct sh_key *key)
{
	return key->type == SH_KEY_INT || key->type == SH_KEY_DURATION ||
	    key->type == SH_KEY_SIZE;
}

void
sh_key_format_bound(const struct sh_key *key, int64_t n, struct sh_buf *out)
{
	char text[NUMBER_TEXT_MAX];

	if (key->type == SH_KEY_DURATION)
		sh_buf_puts(out, sh_duration_format(n, text, sizeof(text)));
	else if (key->type == SH_KEY_SIZE)
		sh_buf_puts(out, sh_size_format(n, text, sizeof(text)));
	else
		sh_buf_printf(out, "%lld", (long long)n);
}

static void
add_range(const struct sh_key *key, struct sh_buf *out)
{
	sh_key_format_bound(key, key->min, out);
	sh_buf_puts(out, "..");
	sh_key_format_bound(key, key->max, out);
}

int
sh_key_take_number(const struct sh_key *key, int64_t number, struct sh_buf *why)
{
	if (number >= key->min && number <= key->max)
		return 0;
	sh_buf_puts(why, "is out of range ");
	add_range(key, why);
	return -ERANGE;
}

static void
add_expected(const struct sh_key *key, const char *text, struct sh_buf *why)
{
	sh_buf_puts(why, "expected ");
	sh_key_expect(key, why);
	sh_buf_puts(why, ", got ");
	sh_text_quote(text, why);
	if (key->type == SH_KEY_DURATION && text[0] != '\0' &&
	    text[strspn(text, "0123456789")] == '\0')
		sh_buf_printf(why, "; did you mean \"%ss\"?", text);
}

/* "did you mean" for a value out of a list of words. */
static void
add_near_word(const struct sh_key *key, const char *text, struct sh_buf *why)
{
	const char *names[16] = { NULL }, *near;
	size_t i;

	for (i = 0; i < 15 && key->words[i].name != NULL; i++)
		names[i] = key->words[i].name;
	near = sh_word_nearest(text, names);
	if (near != NULL)
		sh_buf_printf(why, "; did you mean \"%s\"?", near);
}

static int
parse_mode(const char *text, int64_t *number_out)
{
	char *end;
	long mode;

	if (text[0] < '0' || text[0] > '7' || strlen(text) > 5)
		return -SHOAL_EINVAL;
	mode = strtol(text, &end, 8);
	*number_out = mode;
	return *end == '\0' && mode <= 0777 ? 0 : -SHOAL_EINVAL;
}

/* A number of the key's type; "4" is not an INT. */
static int
parse_number(const struct sh_key *key, const char *text, int64_t *number_out)
{
	switch (key->type) {
	case SH_KEY_DURATION: return sh_duration_parse(text, number_out);
	case SH_KEY_SIZE: return sh_size_parse(text, number_out);
	case SH_KEY_MODE: return parse_mode(text, number_out);
	default: return -SHOAL_EINVAL;
	}
}

static int
check_path(const struct sh_key *key, const char *text, struct sh_buf *why)
{
	bool none = text[0] == '\0' && key->fallback != NULL &&
	    key->fallback[0] == '\0';

	if (text[0] == '/' || none || find_word(key, text) != NULL)
		return 0;
	add_expected(key, text, why);
	return -SHOAL_EINVAL;
}

int
sh_key_parse(const struct sh_key *key, const char *text, int64_t *number_out,
    struct sh_buf *why)
{
	const struct sh_word *word;
	int64_t number = 0;
	int r;

	if (key->type == SH_KEY_PATH)
		return check_path(key, text, why);
	if (text[0] == '\0' && (key->flags & SH_KEY_REQUIRED) != 0) {
		add_expected(key, text, why);
		return -SHOAL_EINVAL;
	}
	if (sh_key_is_text(key))
		return 0;
	word = find_word(key, text);
	if (word != NULL) {
		*number_out = word->value;
		return 0;
	}
	r = parse_number(key, text, &number);
	if (r == 0 && has_range(key))
		r = sh_key_take_number(key, number, why);
	else if (r == -ERANGE)
		r = sh_key_take_number(key, INT64_MAX, why);
	else if (r < 0)
		add_expected(key, text, why);
	if (r < 0 && key->type == SH_KEY_WORD)
		add_near_word(key, text, why);
	if (r == 0)
		*number_out = number;
	return r;
}

int64_t
sh_key_fallback(const struct sh_key *key)
{
	struct sh_buf why;
	int64_t number = 0;
	char *end;
	int r;

	if (key->type == SH_KEY_INT && find_word(key, key->fallback) == NULL) {
		number = strtoll(key->fallback, &end, 10);
		sh_assert(*end == '\0');
		return number;
	}
	sh_buf_init(&why, 1024);
	r = sh_key_parse(key, key->fallback, &number, &why);
	sh_buf_fini(&why);
	sh_assert(r == 0);
	return number;
}

/* Append a word as it stands in a file. */
static void
add_word(const char *name, struct sh_buf *out)
{
	const char *quote =
	    strcmp(name, "true") == 0 || strcmp(name, "false") == 0 ? "" : "\"";

	sh_buf_printf(out, "%s%s%s", quote, name, quote);
}

/* Append the words; whether there were any. */
static bool
add_words(const struct sh_key *key, const char *between, struct sh_buf *out)
{
	const struct sh_word *word = key->words;

	for (; word != NULL && word->name != NULL; word++) {
		sh_buf_puts(out, word == key->words ? "" : between);
		add_word(word->name, out);
	}
	return key->words != NULL;
}

void
sh_key_expect(const struct sh_key *key, struct sh_buf *out)
{
	if (key->type == SH_KEY_WORD && key->words[1].name != NULL)
		sh_buf_puts(out, "one of ");
	if (add_words(key, ", ", out) && key->type != SH_KEY_WORD)
		sh_buf_puts(out, " or ");
	switch (key->type) {
	case SH_KEY_STRING:
		sh_buf_puts(out,
		    (key->flags & SH_KEY_REQUIRED) != 0
			? "a string that is not empty"
			: "a string");
		break;
	case SH_KEY_STRINGS: sh_buf_puts(out, "a list of strings"); break;
	case SH_KEY_PATH: sh_buf_puts(out, "an absolute path"); break;
	case SH_KEY_INT:
		sh_buf_puts(out, "an integer ");
		add_range(key, out);
		break;
	case SH_KEY_DURATION:
		sh_buf_puts(out, "a duration such as \"30s\"");
		break;
	case SH_KEY_SIZE: sh_buf_puts(out, "a size such as \"64k\""); break;
	case SH_KEY_MODE:
		sh_buf_puts(out, "an octal mode such as \"0660\"");
		break;
	case SH_KEY_CONFIG: sh_buf_puts(out, "a group { }"); break;
	case SH_KEY_WORD: break;
	}
}

void
sh_key_describe_values(const struct sh_key *key, struct sh_buf *out)
{
	if (add_words(key, " | ", out) && key->type != SH_KEY_WORD)
		sh_buf_puts(out, " | ");
	switch (key->type) {
	case SH_KEY_STRING: sh_buf_puts(out, "string"); break;
	case SH_KEY_STRINGS: sh_buf_puts(out, "strings"); break;
	case SH_KEY_PATH: sh_buf_puts(out, "absolute path"); break;
	case SH_KEY_MODE: sh_buf_puts(out, "\"0000\"..\"0777\""); break;
	case SH_KEY_CONFIG: sh_buf_puts(out, "group"); break;
	case SH_KEY_WORD: break;
	default: add_range(key, out); break;
	}
}

void
sh_key_describe_fallback(const struct sh_key *key, struct sh_buf *out)
{
	bool number = key->type == SH_KEY_INT && key->fallback != NULL &&
	    find_word(key, key->fallback) == NULL;

	if ((key->flags & SH_KEY_REQUIRED) != 0)
		sh_buf_puts(out, "none, required");
	else if ((key->flags & SH_KEY_INHERITS) != 0)
		sh_buf_printf(out, "%s%s",
		    sh_scope_prefix(sh_scope_around(key->scope)),
		    sh_key_parent(key)->path);
	else if (key->type == SH_KEY_CONFIG)
		sh_buf_puts(out, "{ }");
	else if (key->type == SH_KEY_STRINGS)
		sh_buf_puts(out, "[ ]");
	else if (key->type == SH_KEY_WORD)
		add_word(key->fallback, out);
	else if (key->fallback == NULL)
		sh_buf_puts(out, "the address"); /* of a listener's name */
	else if (number)
		sh_buf_puts(out, key->fallback);
	else
		sh_text_quote(key->fallback, out);
}

void
sh_key_format(const struct sh_key *key, int64_t number, struct sh_buf *out)
{
	const struct sh_word *word = key->words;
	bool quoted = key->type != SH_KEY_INT;

	for (; word != NULL && word->name != NULL; word++) {
		if (word->value == number) {
			add_word(word->name, out);
			return;
		}
	}
	if (key->type == SH_KEY_MODE) {
		sh_buf_printf(out, "\"%04llo\"", (unsigned long long)number);
		return;
	}
	sh_buf_puts(out, quoted ? "\"" : "");
	sh_key_format_bound(key, number, out);
	sh_buf_puts(out, quoted ? "\"" : "");
}

void
sh_text_quote(const char *text, struct sh_buf *out)
{
	sh_buf_puts(out, "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			sh_buf_printf(out, "\\%c", *text);
		else if (*text == '\n' || *text == '\t')
			sh_buf_puts(out, *text == '\n' ? "\\n" : "\\t");
		else if ((unsigned char)*text < 0x20 || *text == 0x7f)
			sh_buf_printf(out, "\\x%02x", (unsigned char)*text);
		else
			sh_buf_add(out, text, 1);
	}
	sh_buf_puts(out, "\"");
}
