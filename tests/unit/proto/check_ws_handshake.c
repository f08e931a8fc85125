/* This file tests proto/ws_handshake.c. */
#include "config.h"

#include <string.h>

#include "base/attr.h"
#include "proto/ws_handshake.h"
#include "support/suite.h"

START_TEST(test_keys)
{
	static const struct {
		const char *key;
		bool valid;
	} rows[] = {
		{ "dGhlIHNhbXBsZSBub25jZQ==", true },
		{ "AAAAAAAAAAAAAAAAAAAAAA==", true },
		{ "+/+/+/+/+/+/+/+/+/+/+w==", true },
		{ "", false },
		{ "==", false },
		{ "dGhlIHNhbXBsZSBub25jZQ", false },
		{ "dGhlIHNhbXBsZSBub25jZQ=", false },
		{ "dGhlIHNhbXBsZSBub25jZQ===", false },
		{ "dGhlIHNhbXBsZSBub25jZWUh", false },
		{ "dGhlIHNhbXBsZSBub25jZWU=", false },
		{ "dGhlIHNhbXBsZSBub25jZ===", false },
		{ "dGhlIHNhbXBsZSBub25jZQ=A", false },
		{ " GhlIHNhbXBsZSBub25jZQ==", false },
		{ "dGhl-HNhbXBsZ_Bub25jZQ==", false },
		{ "dGhlIHNhbXBsZSBub25jZQ==\n", false },
		{ "\xc3\xa4hlIHNhbXBsZSBub25jZQ==", false },
		{ "????????????????????????", false },
	};
	size_t i;

	for (i = 0; i < SH_ARRAY_LEN(rows); i++)
		ck_assert_msg(sh_ws_key_is_valid(rows[i].key,
				  strlen(rows[i].key)) == rows[i].valid,
		    "%s", rows[i].key);
	/* a NUL is no digit */
	ck_assert(
	    !sh_ws_key_is_valid("dGhlIHNh\0XBsZSBub25jZQ==", SH_WS_KEY_LEN));
}
END_TEST

/* RFC 6455, section 1.3 */
START_TEST(test_accept)
{
	char accept[SH_WS_ACCEPT_LEN + 1];

	sh_ws_accept_write(accept, "dGhlIHNhbXBsZSBub25jZQ==");
	ck_assert_str_eq(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}
END_TEST

SH_SUITE("proto/ws_handshake", test_keys, test_accept)
