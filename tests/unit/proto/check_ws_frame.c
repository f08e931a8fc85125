/* This file tests proto/ws_frame.c, and the scanner's mask. */
#include "config.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "proto/ws_frame.h"
#include "proto/ws_scan.h"
#include "support/suite.h"

START_TEST(test_headers)
{
	static const struct {
		enum sh_ws_opcode opcode;
		bool fin;
		uint64_t len;
		size_t header_len;
		const char *header;
	} rows[] = {
		{ SH_WS_TEXT, true, 5, 2, "\x81\x05" },
		{ SH_WS_TEXT, false, 3, 2, "\x01\x03" },
		{ SH_WS_CONTINUATION, true, 2, 2, "\x80\x02" },
		{ SH_WS_CONTINUATION, false, 0, 2, "\x00\x00" },
		{ SH_WS_PING, true, 0, 2, "\x89\x00" },
		{ SH_WS_PONG, true, 125, 2, "\x8a\x7d" },
		{ SH_WS_CLOSE, true, 2, 2, "\x88\x02" },
		{ SH_WS_BINARY, true, 125, 2, "\x82\x7d" },
		{ SH_WS_BINARY, true, 126, 4, "\x82\x7e\x00\x7e" },
		{ SH_WS_BINARY, true, 256, 4, "\x82\x7e\x01\x00" },
		{ SH_WS_BINARY, true, 65535, 4, "\x82\x7e\xff\xff" },
		{ SH_WS_BINARY, true, 65536, 10,
		    "\x82\x7f\x00\x00\x00\x00\x00\x01\x00\x00" },
		{ SH_WS_BINARY, true, INT64_MAX, 10,
		    "\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xff" },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++) {
		uint8_t header[SH_WS_HEADER_MAX];
		size_t len = sh_ws_header_write(
		    header, rows[i].opcode, rows[i].fin, rows[i].len);

		ck_assert_uint_eq(len, rows[i].header_len);
		ck_assert_mem_eq(header, rows[i].header, len);
	}
}
END_TEST

/* RFC 6455, 7.4, and the registry at IANA. */
START_TEST(test_codes)
{
	unsigned code;

	for (code = 0; code < 70000; code++) {
		bool allowed = (code >= 3000 && code <= 4999) ||
		    (code >= 1000 && code <= 1014 && code != 1004 &&
			code != SH_WS_NO_CODE && code != SH_WS_CUT_OFF);

		ck_assert_msg(
		    sh_ws_code_is_allowed(code) == allowed, "%u", code);
	}
}
END_TEST

START_TEST(test_close)
{
	static const char longest[SH_WS_REASON_MAX + 1];
	uint8_t out[SH_WS_CONTROL_MAX];

	ck_assert_int_eq(sh_ws_close_write(out, 1000, NULL, 0), 2);
	ck_assert_mem_eq(out, "\x03\xe8", 2);
	ck_assert_int_eq(sh_ws_close_write(out, 4999, "bye", 3), 5);
	ck_assert_mem_eq(out,
	    "\x13\x87"
	    "bye",
	    5);
	ck_assert_int_eq(
	    sh_ws_close_write(out, 1001, longest, SH_WS_REASON_MAX), 125);
	ck_assert_int_eq(
	    sh_ws_close_write(out, 1001, longest, SH_WS_REASON_MAX + 1),
	    -SHOAL_EINVAL);
	ck_assert_int_eq(sh_ws_close_write(out, SH_WS_NO_CODE, NULL, 0), 0);
	ck_assert_int_eq(
	    sh_ws_close_write(out, SH_WS_NO_CODE, "x", 1), -SHOAL_EINVAL);
	ck_assert_int_eq(
	    sh_ws_close_write(out, SH_WS_CUT_OFF, NULL, 0), -SHOAL_EINVAL);
	ck_assert_int_eq(sh_ws_close_write(out, 0, NULL, 0), -SHOAL_EINVAL);
	ck_assert_int_eq(sh_ws_close_write(out, 1015, "", 0), -SHOAL_EINVAL);
	ck_assert_int_eq(
	    sh_ws_close_write(out, 1000, "\xc3", 1), -SHOAL_EINVAL);
	ck_assert_int_eq(sh_ws_close_write(out, 1000, "\xc3\xa4", 2), 4);
}
END_TEST

/* All lengths and turns of the mask, copying and in place. */
START_TEST(test_unmask)
{
	static const uint8_t mask[4] = { 0x37, 0xfa, 0x21, 0x3d };
	size_t len, offset, i;

	for (len = 0; len < 40; len++)
		for (offset = 0; offset < 9; offset++) {
			uint8_t *from = malloc(len + 1);
			uint8_t *to = malloc(len + 1);

			for (i = 0; i <= len; i++)
				from[i] = (uint8_t)(i * 7);
			to[len] = from[len];
			sh_ws_unmask(to, from, len, mask, offset);
			for (i = 0; i < len; i++)
				ck_assert_uint_eq(
				    to[i], from[i] ^ mask[(offset + i) % 4]);
			sh_ws_unmask(from, from, len, mask, offset);
			ck_assert_mem_eq(to, from, len + 1);
			free(from);
			free(to);
		}
}
END_TEST

SH_SUITE("proto/ws_frame", test_headers, test_codes, test_close, test_unmask)
