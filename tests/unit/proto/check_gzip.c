/* This file tests proto/gzip.c against zlib's own reader. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/buf.h"
#include "proto/gzip.h"
#include "support/suite.h"

enum { OUT_MAX = 4 << 20 };

static void
check_inflates(const struct sh_buf *packed, const void *data, size_t len)
{
	unsigned char *out = malloc(len + 1);
	z_stream stream = { .next_in = (Bytef *)packed->data,
		.avail_in = (uInt)packed->len,
		.next_out = out,
		.avail_out = (uInt)len + 1 };

	ck_assert_ptr_nonnull(out);
	/* gzip's format only */
	ck_assert_int_eq(inflateInit2(&stream, 15 + 16), Z_OK);
	ck_assert_int_eq(inflate(&stream, Z_FINISH), Z_STREAM_END);
	ck_assert_uint_eq(stream.total_out, len);
	ck_assert_uint_eq(stream.avail_in, 0);
	if (len > 0)
		ck_assert_mem_eq(out, data, len);
	inflateEnd(&stream);
	free(out);
}

static char *
make_data(size_t len, bool random)
{
	char *data = malloc(len > 0 ? len : 1);
	uint32_t seed = 1;
	size_t i;

	ck_assert_ptr_nonnull(data);
	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		data[i] = random ? (char)(seed >> 24) : "shoal "[i % 6];
	}
	return data;
}

START_TEST(test_sizes)
{
	static const size_t sizes[] = { 0, 1, 2, 1023, 16384, 65536, 100000,
		1 << 20 };
	struct sh_gzip *gzip = sh_gzip_new();
	struct sh_buf out;
	size_t i;
	int level;

	ck_assert_ptr_nonnull(gzip);
	for (level = 1; level <= 9; level++) {
		for (i = 0; i < 2 * SH_ARRAY_LEN(sizes); i++) {
			size_t len = sizes[i / 2];
			char *data = make_data(len, i % 2 != 0);

			sh_buf_init(&out, OUT_MAX);
			ck_assert_int_eq(
			    sh_gzip_compress(gzip, level, data, len, &out), 0);
			check_inflates(&out, data, len);
			if (i % 2 == 0 && len > 1000)
				ck_assert_uint_lt(out.len, len / 10);
			sh_buf_fini(&out);
			free(data);
		}
	}
	sh_gzip_free(&gzip);
	ck_assert_ptr_null(gzip);
	sh_gzip_free(&gzip);
}
END_TEST

/* One that was given up leaves nothing behind. */
START_TEST(test_too_long)
{
	struct sh_gzip *gzip = sh_gzip_new();
	char *noise = make_data(200000, true);
	struct sh_buf out;

	ck_assert_ptr_nonnull(gzip);
	sh_buf_init(&out, 100000);
	ck_assert_int_eq(
	    sh_gzip_compress(gzip, 6, noise, 200000, &out), -SHOAL_EMSGSIZE);
	sh_buf_fini(&out);
	sh_buf_init(&out, OUT_MAX);
	ck_assert_int_eq(sh_gzip_compress(gzip, 9, "after", 5, &out), 0);
	check_inflates(&out, "after", 5);
	sh_buf_fini(&out);
	free(noise);
	sh_gzip_free(&gzip);
}
END_TEST

SH_SUITE("proto/gzip", test_sizes, test_too_long)
