/* This file tests proto/http_accept.c. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "proto/http_accept.h"
#include "support/suite.h"

static const struct {
	const char *list;
	unsigned gzip, br, identity;
} lists[] = {
	{ "", 0, 0, 1 },
	{ "gzip", 1000, 0, 1 },
	{ "GZip", 1000, 0, 1 },
	{ "x-gzip", 1000, 0, 1 },
	{ "gzip, deflate, br, zstd", 1000, 1000, 1 },
	{ "gzip;q=0", 0, 0, 1 },
	{ "gzip;q=0.0, br;q=0.000", 0, 0, 1 },
	{ "gzip;q=0.5", 500, 0, 1 },
	{ "gzip ; Q=0.123 , br;\tq=1.000", 123, 1000, 1 },
	{ "gzip;q=1.,br;q=0.", 1000, 0, 1 },
	{ "*", 1000, 1000, 1000 },
	{ "*;q=0", 0, 0, 0 },
	{ "*;q=0, identity", 0, 0, 1000 },
	{ "identity;q=0.5, *;q=0", 0, 0, 500 },
	{ "identity;q=0, *", 1000, 1000, 0 },
	{ "*;q=0.1, gzip;q=0.8", 800, 100, 100 },
	{ "gzip;q=0, *", 0, 1000, 1000 },
	{ "*;q=0.2, *;q=0.3", 200, 200, 200 },
	{ "gzip;q=0.2, gzip", 200, 0, 1 },
	{ ",, gzip ,,br,", 1000, 1000, 1 },
	/* malformed elements are as if they were not there */
	{ "gzip;q=2", 0, 0, 1 },
	{ "gzip;q=1.001", 0, 0, 1 },
	{ "gzip;q=0.1234", 0, 0, 1 },
	{ "gzip;q=-1", 0, 0, 1 },
	{ "gzip;q=.5", 0, 0, 1 },
	{ "gzip;q=", 0, 0, 1 },
	{ "gzip;q", 0, 0, 1 },
	{ "gzip;", 0, 0, 1 },
	{ "gzip;q=0,5", 0, 0, 1 },
	{ "gzip;q=1;q=0", 0, 0, 1 },
	{ "gzip;level=9", 0, 0, 1 },
	{ "gzip;q=x, br", 0, 1000, 1 },
	{ ";q=1", 0, 0, 1 },
	{ "g zip", 0, 0, 1 },
	{ "gzip gzip", 0, 0, 1 },
	{ "gzipper, ungzip", 0, 0, 1 },
	{ "\"gzip\"", 0, 0, 1 },
};

static unsigned
quality(const char *list, const char *coding)
{
	size_t len = strlen(list);
	char *copy = malloc(len > 0 ? len : 1);
	unsigned result;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, list, len);
	result = sh_http_accept_quality(copy, len, coding);
	free(copy);
	return result;
}

START_TEST(test_quality)
{
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(lists); i++) {
		const char *list = lists[i].list;

		ck_assert_msg(quality(list, "gzip") == lists[i].gzip &&
			quality(list, "br") == lists[i].br &&
			quality(list, "identity") == lists[i].identity,
		    "\"%s\": gzip %u, br %u, identity %u", list,
		    quality(list, "gzip"), quality(list, "br"),
		    quality(list, "identity"));
	}
}
END_TEST

SH_SUITE("proto/http_accept", test_quality)
