/* This file tests handlers/publish_type.c: bodies into texts and bytes. */
#include "config.h"

#include <shoal/ws.h>

#include "base/attr.h"
#include "handlers/publish_type.h"
#include "support/suite.h"

static const struct row {
	const char *media_type;
	int type;
} rows[] = {
	{ NULL, SHOAL_WS_TEXT },
	{ "", SHOAL_WS_TEXT },
	{ "text/plain", SHOAL_WS_TEXT },
	{ "TEXT/HTML; Charset=UTF-8", SHOAL_WS_TEXT },
	{ "text/plain;charset=\"utf-8\"", SHOAL_WS_TEXT },
	{ "text/plain; charset=us-ascii; format=flowed", SHOAL_WS_TEXT },
	{ "application/json", SHOAL_WS_TEXT },
	{ "application/x-www-form-urlencoded", SHOAL_WS_TEXT },
	{ "application/ld+json", SHOAL_WS_TEXT },
	{ "image/svg+xml", SHOAL_WS_TEXT },
	{ "application/xml; charset=utf8", SHOAL_WS_TEXT },
	{ "text/plain; charset=iso-8859-1", 0 },
	{ "application/json;charset=utf-16", 0 },
	{ "text/plain; charset=", 0 },
	{ "multipart/form-data; boundary=x", 0 },
	{ "application/octet-stream", SHOAL_WS_BINARY },
	{ "application/octet-stream; charset=latin1", SHOAL_WS_BINARY },
	{ "application/jsonx", SHOAL_WS_BINARY },
	{ "+json", SHOAL_WS_BINARY },
	{ "image/png", SHOAL_WS_BINARY },
	{ "nonsense", SHOAL_WS_BINARY },
};

START_TEST(test_type)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		int type = sh_publish_type(rows[i].media_type);

		ck_assert_msg(type == rows[i].type, "%s: %d",
		    rows[i].media_type != NULL ? rows[i].media_type : "none",
		    type);
	}
}
END_TEST

SH_SUITE("handlers/publish_type", test_type)
