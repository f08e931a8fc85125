/* This file tests proto/media_type.c. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "proto/media_type.h"
#include "support/suite.h"

static const char unknown[] = "application/octet-stream";

START_TEST(test_names)
{
	static const struct {
		const char *name, *type;
	} names[] = {
		{ "index.html", "text/html; charset=utf-8" },
		{ "/a.b/INDEX.HTM", "text/html; charset=utf-8" },
		{ "a.css", "text/css; charset=utf-8" },
		{ "a.js", "text/javascript; charset=utf-8" },
		{ "a.min.mjs", "text/javascript; charset=utf-8" },
		{ "a.json", "application/json" },
		{ "a.svg", "image/svg+xml" },
		{ "a.png", "image/png" },
		{ "a.woff2", "font/woff2" },
		{ "a.wasm", "application/wasm" },
		{ "a.tar.gz", "application/gzip" },
		{ "a.txt", "text/plain; charset=utf-8" },
		{ "a.3gp", "video/3gpp" },
		{ "a.zst", "application/zstd" },
		{ "a.webmanifest", "application/manifest+json" },
		{ "a.html~", unknown },
		{ "a.htmlx", unknown },
		{ "a.", unknown },
		{ "a", unknown },
		{ "", unknown },
		{ "a.png/b", unknown },
		{ ".png", unknown },
		{ "/a/.png", unknown },
		{ ".a.png", "image/png" },
		{ "a.averyverylongsuffix", unknown },
		{ NULL, unknown },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(names); i++)
		ck_assert_str_eq(sh_media_type(names[i].name), names[i].type);
}
END_TEST

/* That the table is sorted shows when everything in it is found: it is read
 * from the source. */
START_TEST(test_table)
{
	char path[4096], line[256], suffix[32], name[64], last[32] = "";
	const char *folder = getenv("SHOAL_SRCDIR");
	int count = 0;
	FILE *file;

	snprintf(path, sizeof(path), "%s/src/proto/media_type.c",
	    folder != NULL ? folder : ".");
	file = fopen(path, "r");
	ck_assert_ptr_nonnull(file);
	while (fgets(line, sizeof(line), file) != NULL) {
		if (sscanf(line, "\t{ \"%31[^\"]\",", suffix) != 1)
			continue;
		ck_assert_str_gt(suffix, last);
		strcpy(last, suffix);
		snprintf(name, sizeof(name), "x.%s", suffix);
		ck_assert_msg(strcmp(suffix, "bin") == 0 ||
			strcmp(sh_media_type(name), unknown) != 0,
		    "%s is not found", suffix);
		count++;
	}
	fclose(file);
	ck_assert_int_gt(count, 100);
}
END_TEST

START_TEST(test_compressible)
{
	static const char *const yes[] = { "text/html", "text/plain",
		"Text/HTML; charset=utf-8", "text/css;charset=x",
		"application/json", "application/javascript",
		"application/ld+json ; x", "image/svg+xml", "application/xml",
		"application/wasm", " application/json" };
	static const char *const no[] = { "", "text", "text/", "image/png",
		"image/jpeg", "application/gzip", "application/octet-stream",
		"application/jsonx", "text/event-stream", "xjson", "video/mp4",
		"application/zip; a=text/html" };
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(yes); i++)
		ck_assert_msg(
		    sh_media_type_is_compressible(yes[i]), "%s", yes[i]);
	for (i = 0; i < SH_ARRAY_LEN(no); i++)
		ck_assert_msg(
		    !sh_media_type_is_compressible(no[i]), "%s", no[i]);
	ck_assert(!sh_media_type_is_compressible(NULL));
}
END_TEST

SH_SUITE("proto/media_type", test_names, test_table, test_compressible)
