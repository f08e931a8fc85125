/*
 * This file tests proto/ws_extension.c: the syntax of RFC 6455, 9.1, and the
 * offers of RFC 7692, 7.1. An answer is compared as the text that is sent.
 */
#include "config.h"

#include <string.h>

#include "base/attr.h"
#include "proto/ws_extension.h"
#include "support/suite.h"

#define NAME "permessage-deflate"
#define SERVER_NO "; server_no_context_takeover"
#define CLIENT_NO "; client_no_context_takeover"
#define BOTH_NO NAME SERVER_NO CLIENT_NO
#define LONG                                                                   \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx" \
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

struct row {
	const char *field;
	const char *shared, *takeover; /* answers; NULL: malformed */
};

static const struct row rows[] = {
	{ NAME, BOTH_NO, NAME },
	{ "", "", "" },
	{ "x-webkit-deflate-frame", "", "" },
	{ NAME "2", "", "" },
	{ "Permessage-Deflate", "", "" },
	/* 7.1.1.1: what the client demands is answered */
	{ NAME SERVER_NO, BOTH_NO, NAME SERVER_NO },
	{ NAME CLIENT_NO, BOTH_NO, NAME CLIENT_NO },
	{ NAME CLIENT_NO SERVER_NO, BOTH_NO, BOTH_NO },
	{ NAME SERVER_NO SERVER_NO, "", "" },
	{ NAME CLIENT_NO CLIENT_NO, "", "" },
	{ NAME SERVER_NO "=1", "", "" },
	{ NAME CLIENT_NO "=true", "", "" },
	{ NAME "; unknown", "", "" },
	{ NAME "; Server_No_Context_Takeover", "", "" },
	/* 7.1.2.1 */
	{ NAME "; server_max_window_bits=15",
	    BOTH_NO "; server_max_window_bits=15",
	    NAME "; server_max_window_bits=12" },
	{ NAME "; server_max_window_bits=12",
	    BOTH_NO "; server_max_window_bits=12",
	    NAME "; server_max_window_bits=12" },
	{ NAME "; server_max_window_bits=9",
	    BOTH_NO "; server_max_window_bits=9",
	    NAME "; server_max_window_bits=9" },
	{ NAME SERVER_NO "; server_max_window_bits=15",
	    BOTH_NO "; server_max_window_bits=15",
	    NAME SERVER_NO "; server_max_window_bits=15" },
	/* zlib does not compress with so small a window */
	{ NAME "; server_max_window_bits=8", "", "" },
	{ NAME "; server_max_window_bits=7", "", "" },
	{ NAME "; server_max_window_bits=16", "", "" },
	{ NAME "; server_max_window_bits=09", "", "" },
	{ NAME "; server_max_window_bits=010", "", "" },
	{ NAME "; server_max_window_bits=0", "", "" },
	{ NAME "; server_max_window_bits=100", "", "" },
	{ NAME "; server_max_window_bits=4294967306", "", "" },
	{ NAME "; server_max_window_bits=1x", "", "" },
	{ NAME "; server_max_window_bits=-9", "", "" },
	{ NAME "; server_max_window_bits=+9", "", "" },
	{ NAME "; server_max_window_bits", "", "" },
	{ NAME "; server_max_window_bits=10; server_max_window_bits=10", "",
	    "" },
	/* 7.1.2.2: a shared decompressor needs no smaller window */
	{ NAME "; client_max_window_bits", BOTH_NO,
	    NAME "; client_max_window_bits=12" },
	{ NAME "; client_max_window_bits=15", BOTH_NO,
	    NAME "; client_max_window_bits=12" },
	{ NAME "; client_max_window_bits=10", BOTH_NO,
	    NAME "; client_max_window_bits=10" },
	{ NAME "; client_max_window_bits=8", BOTH_NO,
	    NAME "; client_max_window_bits=8" },
	{ NAME CLIENT_NO "; client_max_window_bits", BOTH_NO, NAME CLIENT_NO },
	{ NAME "; client_max_window_bits=7", "", "" },
	{ NAME "; client_max_window_bits=16", "", "" },
	{ NAME "; client_max_window_bits=08", "", "" },
	{ NAME "; client_max_window_bits; client_max_window_bits", "", "" },
	{ NAME "; client_max_window_bits=9; client_max_window_bits", "", "" },
	{ NAME "; client_max_window_bits; client_max_window_bits=9", "", "" },
	{ NAME "; client_max_window_bits=10; server_max_window_bits=11",
	    BOTH_NO "; server_max_window_bits=11",
	    NAME "; server_max_window_bits=11; client_max_window_bits=10" },
	{ NAME SERVER_NO CLIENT_NO
	    "; server_max_window_bits=15; client_max_window_bits=15",
	    BOTH_NO "; server_max_window_bits=15",
	    BOTH_NO "; server_max_window_bits=15" },
	/* 5.1: the first offer that can be met */
	{ NAME ", " NAME SERVER_NO, BOTH_NO, NAME },
	{ NAME "; unknown, " NAME SERVER_NO, BOTH_NO, NAME SERVER_NO },
	{ NAME "; server_max_window_bits=8, " NAME, BOTH_NO, NAME },
	{ "mux; max-channels=4, deflate-stream, " NAME, BOTH_NO, NAME },
	{ NAME "; a, " NAME "; b", "", "" },
	/* RFC 6455, 9.1: blanks, empty elements, quoted values */
	{ " \t" NAME " \t; \tserver_max_window_bits \t= \t10 \t, x ",
	    BOTH_NO "; server_max_window_bits=10",
	    NAME "; server_max_window_bits=10" },
	{ NAME ";server_max_window_bits=10,x",
	    BOTH_NO "; server_max_window_bits=10",
	    NAME "; server_max_window_bits=10" },
	{ ", ,," NAME ",, ", BOTH_NO, NAME },
	{ " ,", "", "" },
	{ NAME "; server_max_window_bits=\"10\"",
	    BOTH_NO "; server_max_window_bits=10",
	    NAME "; server_max_window_bits=10" },
	{ NAME "; server_max_window_bits=\"\\1\\0\"",
	    BOTH_NO "; server_max_window_bits=10",
	    NAME "; server_max_window_bits=10" },
	{ "x; y=\"" LONG "\", " NAME, BOTH_NO, NAME },
	/* what is malformed fails all of it, wherever it stands */
	{ NAME ";", NULL, NULL },
	{ NAME "; ", NULL, NULL },
	{ NAME ";;" CLIENT_NO, NULL, NULL },
	{ NAME "; =1", NULL, NULL },
	{ NAME "; server_max_window_bits=", NULL, NULL },
	{ NAME "; server_max_window_bits==10", NULL, NULL },
	{ NAME "; server_max_window_bits=10 10", NULL, NULL },
	{ NAME " " NAME, NULL, NULL },
	{ NAME ", ;", NULL, NULL },
	{ NAME ", x=1", NULL, NULL },
	{ "=", NULL, NULL },
	{ ";", NULL, NULL },
	{ "\"" NAME "\"", NULL, NULL },
	{ NAME "; server_max_window_bits=\"\"", NULL, NULL },
	{ NAME "; server_max_window_bits=\"10", NULL, NULL },
	{ NAME "; server_max_window_bits=\"10\\", NULL, NULL },
	{ NAME "; server_max_window_bits=\"10\\\"", NULL, NULL },
	{ NAME "; server_max_window_bits=\"10\"x", NULL, NULL },
	{ NAME "; server_max_window_bits=\"1 0\"", NULL, NULL },
	{ NAME "; server_max_window_bits=1\"0\"", NULL, NULL },
	{ NAME "; x=\"a,b\"", NULL, NULL },
	{ NAME "; x=\"a;b\"", NULL, NULL },
	{ NAME "/1", NULL, NULL },
	{ NAME "\x7f", NULL, NULL },
	{ NAME "\xc3\xa4", NULL, NULL },
};

/* The answer, in a static place; NULL: malformed. The field is in an allocation
 * of its own. */
static const char *
answer(const char *field, enum shoal_ws_compression mode)
{
	static char text[SH_WS_EXTENSION_MAX];
	struct sh_ws_extension ext = { 0 };
	const char *why = NULL;
	size_t len = strlen(field);
	char *exact = malloc(len != 0 ? len : 1);
	int r;

	memcpy(exact, field, len);
	r = sh_ws_extension_take(&ext, mode, exact, len, &why);
	free(exact);
	ck_assert_uint_eq(sh_ws_extension_write(&ext, text), strlen(text));
	if (r == 0)
		return text;
	ck_assert_int_eq(r, -400);
	ck_assert_ptr_nonnull(why);
	ck_assert_str_eq(text, "");
	return NULL;
}

static void
check_answer(
    const char *field, enum shoal_ws_compression mode, const char *expected)
{
	const char *text = answer(field, mode);

	ck_assert_msg((text == NULL) == (expected == NULL) &&
		(text == NULL || strcmp(text, expected) == 0),
	    "%s: %s instead of %s", field, text != NULL ? text : "malformed",
	    expected != NULL ? expected : "malformed");
}

START_TEST(test_rows)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		const struct row *row = &rows[i];
		bool fine = row->shared != NULL;

		check_answer(
		    row->field, SHOAL_WS_COMPRESSION_SHARED, row->shared);
		check_answer(
		    row->field, SHOAL_WS_COMPRESSION_TAKEOVER, row->takeover);
		check_answer(
		    row->field, SHOAL_WS_COMPRESSION_OFF, fine ? "" : NULL);
	}
}
END_TEST

/* Several fields are as one with commas. */
START_TEST(test_fields)
{
	struct sh_ws_extension ext = { 0 };
	char text[SH_WS_EXTENSION_MAX];
	enum shoal_ws_compression mode = SHOAL_WS_COMPRESSION_TAKEOVER;

	ck_assert_int_eq(sh_ws_extension_take(&ext, mode, "mux", 3, NULL), 0);
	ck_assert(!ext.deflates);
	ck_assert_int_eq(
	    sh_ws_extension_take(&ext, mode, NAME CLIENT_NO, 46, NULL), 0);
	ck_assert_int_eq(sh_ws_extension_take(&ext, mode, NAME, 18, NULL), 0);
	sh_ws_extension_write(&ext, text);
	ck_assert_str_eq(text, NAME CLIENT_NO);
	ck_assert_int_eq(sh_ws_extension_take(&ext, mode, ";", 1, NULL), -400);
}
END_TEST

/* What is agreed on is what the answer says. */
START_TEST(test_agreed)
{
	struct sh_ws_extension ext = { 0 };
	const char *field = NAME "; client_max_window_bits=8";

	ck_assert_uint_le(sizeof(ext), 4);
	sh_ws_extension_take(
	    &ext, SHOAL_WS_COMPRESSION_TAKEOVER, field, strlen(field), NULL);
	ck_assert(ext.deflates && ext.server_takeover && ext.client_takeover);
	ck_assert_uint_eq(ext.server_bits, 12);
	ck_assert_uint_eq(ext.client_bits, 9);

	ext = (struct sh_ws_extension){ 0 };
	sh_ws_extension_take(
	    &ext, SHOAL_WS_COMPRESSION_TAKEOVER, NAME, 18, NULL);
	ck_assert_uint_eq(ext.client_bits, 15);

	ext = (struct sh_ws_extension){ 0 };
	sh_ws_extension_take(
	    &ext, SHOAL_WS_COMPRESSION_SHARED, field, strlen(field), NULL);
	ck_assert(ext.deflates && !ext.server_takeover && !ext.client_takeover);
	ck_assert_uint_eq(ext.server_bits, 15);
	ck_assert_uint_eq(ext.client_bits, 15);
}
END_TEST

SH_SUITE("proto/ws_extension", test_rows, test_fields, test_agreed)
