/* This file tests settings/settings_framing.c. */
#include "config.h"

#include <stdlib.h>

#include "base/attr.h"
#include "base/mem.h"
#include "proto/framing.h"
#include "sample.h"
#include "support/suite.h"

/* A listener whose framing stands on line 2, from column 13. */
static char *
listener_with(const char *framing)
{
	return sh_xprintf("listeners = ( { address = \"127.0.0.1:0\"; handler "
			  "= \"echo\";\nframing = { %s }; } );",
	    framing);
}

static struct sh_settings_doc *
load_framing(const char *framing, struct shoal_framing *out, bool *given_out)
{
	char *text = listener_with(framing);
	struct sh_settings_doc *doc = sample_load_text(text);
	const struct sh_settings *settings = sh_settings_doc_value(doc);

	*given_out = sh_settings_framing(
	    settings, sh_settings_listener(settings, 0), out);
	free(text);
	return doc;
}

START_TEST(a_framing_may_not_be_given)
{
	static const char *const texts[] = { "", "type = \"auto\";",
		"terminator = \"\"; field = \"u32be\"; offset = 0; "
		"body = \"auto\"; max = \"2M\";" };
	struct shoal_framing framing;
	struct sh_settings_doc *doc;
	bool given;
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(texts); i++) {
		doc = load_framing(texts[i], &framing, &given);
		ck_assert(!given);
		sh_settings_doc_free(&doc);
	}
	doc = load_framing("type = \"raw\";", &framing, &given);
	ck_assert(given);
	ck_assert_int_eq(framing.type, SHOAL_FRAMING_RAW);
	sh_settings_doc_free(&doc);
	sample_leave();
}
END_TEST

START_TEST(terminators_are_read)
{
	static const struct {
		const char *text, *terminator;
		size_t max;
	} cases[] = {
		{ "type = \"terminator\"; terminator = \"\\r\\n\";", "\r\n",
		    2 << 20 },
		{ "type = \"terminator\"; terminator = \"\\x01\\xff\\\\\\\"\";"
		  " max = \"1k\";",
		    "\x01\xff\\\"", 1024 },
		{ "type = \"terminator\"; terminator = \"12345678\"; max = 8;",
		    "12345678", 8 },
	};
	struct shoal_framing framing;
	struct sh_settings_doc *doc;
	bool given;
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		doc = load_framing(cases[i].text, &framing, &given);
		ck_assert(given);
		ck_assert_int_eq(sh_framing_check(&framing, NULL), 0);
		ck_assert_int_eq(framing.type, SHOAL_FRAMING_TERMINATOR);
		ck_assert_str_eq(framing.terminator, cases[i].terminator);
		ck_assert_uint_eq(framing.max, cases[i].max);
		sh_settings_doc_free(&doc);
	}
	sample_leave();
}
END_TEST

START_TEST(lengths_are_read)
{
	static const struct {
		const char *text;
		enum shoal_length_field field;
		size_t offset, body, width;
	} cases[] = {
		{ "", SHOAL_LENGTH_U32BE, 0, 4, 4 },
		{ "field = \"u8\";", SHOAL_LENGTH_U8, 0, 1, 1 },
		{ "field = \"u16be\";", SHOAL_LENGTH_U16BE, 0, 2, 2 },
		{ "field = \"u16le\";", SHOAL_LENGTH_U16LE, 0, 2, 2 },
		{ "field = \"u24be\";", SHOAL_LENGTH_U24BE, 0, 3, 3 },
		{ "field = \"u24le\";", SHOAL_LENGTH_U24LE, 0, 3, 3 },
		{ "field = \"u32le\";", SHOAL_LENGTH_U32LE, 0, 4, 4 },
		{ "field = \"u64be\";", SHOAL_LENGTH_U64BE, 0, 8, 8 },
		{ "field = \"u64le\"; offset = 3;", SHOAL_LENGTH_U64LE, 3, 11,
		    8 },
		{ "offset = 1; body = 0;", SHOAL_LENGTH_U32BE, 1, 0, 4 },
		{ "offset = 1; body = 1;", SHOAL_LENGTH_U32BE, 1, 1, 4 },
		{ "body = 40;", SHOAL_LENGTH_U32BE, 0, 40, 4 },
	};
	struct shoal_framing framing;
	struct sh_settings_doc *doc;
	bool given;
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		char *text = sh_xprintf("type = \"length\"; %s", cases[i].text);

		doc = load_framing(text, &framing, &given);
		ck_assert(given);
		ck_assert_int_eq(sh_framing_check(&framing, NULL), 0);
		ck_assert_int_eq(framing.type, SHOAL_FRAMING_LENGTH);
		ck_assert_int_eq(framing.field, cases[i].field);
		ck_assert_uint_eq(framing.offset, cases[i].offset);
		ck_assert_uint_eq(framing.body, cases[i].body);
		ck_assert_uint_eq(
		    sh_framing_from_public(&framing).width, cases[i].width);
		sh_settings_doc_free(&doc);
		free(text);
	}
	sample_leave();
}
END_TEST

START_TEST(mistakes_are_explained)
{
	static const struct {
		const char *framing, *errors;
	} cases[] = {
		{ "type = \"lenght\";",
		    "t.conf:2:20: error: listeners[0].framing.type: expected "
		    "one of \"auto\", \"raw\", \"terminator\", \"length\", got "
		    "\"lenght\"; did you mean \"length\"?\n1 error\n" },
		{ "max = 0;",
		    "t.conf:2:19: error: listeners[0].framing.max = 0 is out "
		    "of range 1..1G\n1 error\n" },
		{ "terminator = \"\\r\\n\";",
		    "t.conf:2:26: error: listeners[0].framing.terminator needs "
		    "type = \"terminator\"\n1 error\n" },
		{ "type = \"raw\"; max = \"1k\"; body = 0;",
		    "t.conf:2:33: error: listeners[0].framing.max needs type = "
		    "\"terminator\" or \"length\"\n"
		    "t.conf:2:46: error: listeners[0].framing.body needs type "
		    "= \"length\"\n2 errors\n" },
		{ "type = \"terminator\";",
		    "t.conf:1:15: error: listeners[0].framing.terminator is "
		    "missing: 1 to 8 bytes that a packet ends with\n"
		    "1 error\n" },
		{ "type = \"terminator\"; terminator = \"123456789\";\n"
		  "field = \"u8\"; offset = 1;",
		    "t.conf:2:47: error: listeners[0].framing.terminator has 9 "
		    "bytes, more than 8\n"
		    "t.conf:3:9: error: listeners[0].framing.field needs type "
		    "= \"length\"\n"
		    "t.conf:3:24: error: listeners[0].framing.offset needs "
		    "type = \"length\"\n3 errors\n" },
		{ "type = \"terminator\"; terminator = \"12\"; max = 1;",
		    "t.conf:2:59: error: listeners[0].framing.max (1 bytes) is "
		    "less than the terminator (2 bytes)\n1 error\n" },
		{ "type = \"terminator\"; terminator = \"a\\x00\";",
		    "t.conf:2:49: error: a string cannot hold a NUL byte\n"
		    "    framing = { type = \"terminator\"; terminator = "
		    "\"a\\x00\"; }; } );\n"
		    "                                                    ^\n"
		    "1 error\n" },
		{ "type = \"length\"; body = 2;",
		    "t.conf:2:37: error: listeners[0].framing.body = 2 is "
		    "inside the length, which is at 0 to 4\n1 error\n" },
		{ "type = \"length\"; offset = 4; max = 7;",
		    "t.conf:2:48: error: listeners[0].framing.max (7 bytes) is "
		    "less than offset and length (8 bytes)\n1 error\n" },
		{ "type = \"length\"; body = 9; max = 8;",
		    "t.conf:2:46: error: listeners[0].framing.max (8 bytes) is "
		    "less than body (9 bytes)\n1 error\n" },
		{ "type = \"length\"; offset = -1; body = 70000;",
		    "t.conf:2:39: error: listeners[0].framing.offset = -1 is "
		    "out of range 0..65535\n"
		    "t.conf:2:50: error: listeners[0].framing.body = 70000 is "
		    "out of range 0..65535\n2 errors\n" },
		{ "size = 4;",
		    "t.conf:2:13: error: unknown key 'size' in "
		    "listeners[0].framing; known here: type, terminator, "
		    "field, offset, body, max\n1 error\n" },
	};
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(cases); i++) {
		char *text = listener_with(cases[i].framing);
		char *errors = sample_errors(text, NULL);

		ck_assert_str_eq(errors, cases[i].errors);
		free(errors);
		free(text);
	}
	sample_leave();
}
END_TEST

/* What is dumped holds every key, also those that the type has no use for. */
START_TEST(a_dump_loads_again)
{
	static const char *const texts[] = { "", "type = \"raw\";",
		"type = \"terminator\"; terminator = \"\\r\\n\\xff\\x80\";",
		"type = \"length\"; field = \"u16le\"; offset = 2; body = 2; "
		"max = \"64k\";" };
	size_t i;

	sample_enter();
	for (i = 0; i < SH_ARRAY_LEN(texts); i++) {
		char *text = listener_with(texts[i]), *first, *second;
		struct sh_settings_doc *doc = sample_load_text(text), *again;

		first = sample_dump(doc, false, false);
		again = sample_load_text(first);
		second = sample_dump(again, false, false);
		ck_assert_str_eq(first, second);
		sh_settings_doc_free(&again);
		sh_settings_doc_free(&doc);
		free(second);
		free(first);
		free(text);
	}
	sample_leave();
}
END_TEST

SH_SUITE("settings/framing", a_framing_may_not_be_given, terminators_are_read,
    lengths_are_read, mistakes_are_explained, a_dump_loads_again)
