/*
 * This file tests proto/ws_deflate.c and ws_inflate.c: what is compressed
 * against zlib's own inflate(), with the window that was agreed on, and what is
 * inflated against zlib's own deflate(). The rules for frames are
 * check_ws_message.c's.
 */
#include "config.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <shoal/error.h>
#include <zlib.h>

#include "base/attr.h"
#include "proto/ws_deflate.h"
#include "proto/ws_message.h"
#include "support/suite.h"

enum { LONG = 300000, ROOM = LONG + 1000 };

static uint8_t plain[ROOM], packed[ROOM], inflated[ROOM];
static const uint8_t tail[] = { 0x00, 0x00, 0xff, 0xff };

/* Text that repeats itself near and far. */
static void
write_plain(size_t len)
{
	uint32_t seed = 1;
	size_t i;

	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		plain[i] = i > 3000 && (seed >> 28) != 0
		    ? plain[i - 3000]
		    : (uint8_t)('a' + (seed >> 24) % 26);
	}
}

/* Bytes that do not get smaller. */
static void
write_noise(size_t len)
{
	uint32_t seed = 7;
	size_t i;

	for (i = 0; i < len; i++) {
		seed = seed * 1664525 + 1013904223;
		plain[i] = (uint8_t)(seed >> 23);
	}
}

/* --- sending --------------------------------------------------------------- */

/* What a peer makes of a message. */
static void
check_inflates(z_stream *peer, const uint8_t *message, size_t len)
{
	memcpy(packed, message, len);
	memcpy(packed + len, tail, sizeof(tail));
	peer->next_in = packed;
	peer->avail_in = (uInt)(len + sizeof(tail));
	peer->next_out = inflated;
	peer->avail_out = sizeof(inflated);
	ck_assert_int_eq(inflate(peer, Z_SYNC_FLUSH), Z_OK);
	ck_assert_uint_eq(peer->avail_in, 0);
}

/* Send messages, some of which do not shrink, to a peer with the window. */
static void
check_sending(const struct sh_ws_extension *ext)
{
	static const size_t lens[] = { 2, 3000, 0, 256, 20000, 257, LONG, 1,
		3000 };
	struct sh_ws_deflate shared = { 0 };
	struct sh_ws_deflater *own = NULL;
	z_stream peer = { 0 };
	size_t i, n;

	inflateInit2(&peer, -(int)ext->server_bits);
	for (i = 0; i < 2 * SH_ARRAY_LEN(lens); i++) {
		size_t len = lens[i / 2];
		bool noise = i % 2 != 0;
		const uint8_t *message = NULL;

		if (noise)
			write_noise(len);
		else
			write_plain(len);
		n = sh_ws_compress(&shared, ext, &own, plain, len, &message);
		ck_assert(n < len || n == 0);
		ck_assert(noise || len < 256 || n != 0);
		if (n == 0)
			continue;
		if (!ext->server_takeover)
			inflateReset(&peer);
		check_inflates(&peer, message, n);
		ck_assert_uint_eq(sizeof(inflated) - peer.avail_out, len);
		ck_assert_mem_eq(inflated, plain, len);
	}
	ck_assert_int_eq(own != NULL, ext->server_takeover);
	inflateEnd(&peer);
	sh_ws_deflater_free(own);
	sh_ws_deflate_fini(&shared);
}

/* Windows of an exact size find a distance that is too far: inflate() gets its
 * input whole, but the window of a message before counts. */
START_TEST(test_sending)
{
	struct sh_ws_extension ext = { .deflates = true, .client_bits = 15 };
	unsigned bits;

	for (bits = SH_WS_WINDOW_BITS_MIN; bits <= SH_WS_WINDOW_BITS_MAX;
	     bits++) {
		ext.server_bits = (uint8_t)bits;
		ext.server_takeover = false;
		check_sending(&ext);
		ext.server_takeover = true;
		check_sending(&ext);
	}
}
END_TEST

static size_t
compress_text(struct sh_ws_deflate *shared, const struct sh_ws_extension *ext,
    struct sh_ws_deflater **own, const char *text)
{
	const uint8_t *message;

	return sh_ws_compress(shared, ext, own, text, strlen(text), &message);
}

/* Of two connections with compressors of their own each refers to its own
 * messages, and those that share one refer to none. */
START_TEST(test_apart)
{
	struct sh_ws_extension takeover = {
		.deflates = true,
		.server_takeover = true,
		.server_bits = 12,
	};
	struct sh_ws_extension none = { .deflates = true, .server_bits = 15 };
	struct sh_ws_deflate shared = { 0 };
	struct sh_ws_deflater *a = NULL, *b = NULL, *nobody = NULL;
	const char *text = "all work and no play makes Jack a dull boy, as "
			   "they say, all work and no play";
	size_t first = compress_text(&shared, &takeover, &a, text), same;

	ck_assert_uint_gt(first, 20);
	ck_assert_uint_lt(compress_text(&shared, &takeover, &a, text), 10);
	ck_assert_uint_eq(compress_text(&shared, &takeover, &b, text), first);
	same = compress_text(&shared, &none, &nobody, text);
	ck_assert_uint_gt(same, 20);
	ck_assert_uint_eq(compress_text(&shared, &none, &nobody, text), same);
	ck_assert_ptr_null(nobody);
	sh_ws_deflater_free(a);
	sh_ws_deflater_free(b);
	sh_ws_deflate_fini(&shared);
}
END_TEST

/* What a large message took is not kept. */
START_TEST(test_room)
{
	struct sh_ws_extension ext = { .deflates = true, .server_bits = 15 };
	struct sh_ws_deflate shared = { 0 };
	struct sh_ws_deflater *own = NULL;
	const uint8_t *message;

	write_plain(LONG);
	sh_ws_compress(&shared, &ext, &own, plain, LONG, &message);
	ck_assert_uint_ge(shared.packed_cap, LONG);
	sh_ws_compress(&shared, &ext, &own, plain, 300, &message);
	ck_assert_uint_le(shared.packed_cap, 65536);
	sh_ws_deflate_fini(&shared);
}
END_TEST

/* --- receiving ------------------------------------------------------------- */

/* Compress plain as one message into packed. */
static size_t
deflate_plain(z_stream *stream, size_t len)
{
	stream->next_in = plain;
	stream->avail_in = (uInt)len;
	stream->next_out = packed;
	stream->avail_out = sizeof(packed);
	ck_assert_int_eq(deflate(stream, Z_SYNC_FLUSH), Z_OK);
	return sizeof(packed) - stream->avail_out - sizeof(tail);
}

/* Inflate a message in portions, into room of so many bytes at a time. */
static size_t
inflate_packed(
    struct sh_ws_inflater *inflater, size_t len, size_t portion, size_t room)
{
	size_t at = 0, out = 0;
	bool ended = false;
	int n;

	while (!ended) {
		if (at < len) {
			size_t some = portion < len - at ? portion : len - at;

			sh_ws_inflater_feed(inflater, packed + at, some);
			at += some;
		} else {
			sh_ws_inflater_feed_end(inflater);
			ended = true;
		}
		while ((n = sh_ws_inflater_next(
			    inflater, inflated + out, room)) > 0) {
			ck_assert_int_le(n, (int)room);
			out += (size_t)n;
		}
		ck_assert_int_eq(n, 0);
	}
	ck_assert(sh_ws_inflater_is_whole(inflater));
	return out;
}

START_TEST(test_receiving)
{
	static const size_t lens[] = { 1, 5, 3000, 20000, 40000 };
	static const size_t portions[] = { 1, 7, 4096, ROOM };
	static const size_t rooms[] = { 1, 100, SH_WS_INFLATED_MAX };
	size_t i, j, k;
	int bits;

	for (bits = SH_WS_WINDOW_BITS_MIN; bits <= SH_WS_WINDOW_BITS_MAX;
	     bits++) {
		struct sh_ws_inflater *inflater =
		    sh_ws_inflater_new((unsigned)bits);
		z_stream stream = { 0 };

		deflateInit2(&stream, 6, Z_DEFLATED, -bits, 8, 0);
		for (i = 0; i < SH_ARRAY_LEN(lens); i++)
			for (j = 0; j < SH_ARRAY_LEN(portions); j++)
				for (k = 0; k < SH_ARRAY_LEN(rooms); k++) {
					size_t n;

					/* byte by byte is slow */
					if (lens[i] > 3000 &&
					    (j == 0 || k == 0))
						continue;
					write_plain(lens[i]);
					n = deflate_plain(&stream, lens[i]);
					n = inflate_packed(
					    inflater, n, portions[j], rooms[k]);
					ck_assert_uint_eq(n, lens[i]);
					ck_assert_mem_eq(inflated, plain, n);
				}
		deflateEnd(&stream);
		sh_ws_inflater_free(inflater);
	}
}
END_TEST

/* What comes before the fault comes out, in whatever portions. */
START_TEST(test_garbage)
{
	uint8_t out[16];
	struct sh_ws_inflater *inflater = sh_ws_inflater_new(15);

	sh_ws_inflater_feed(inflater,
	    (const uint8_t *)"\xf2\x48\xcd\xc9\xc9\x07\x00\x00\x00\xff", 10);
	ck_assert_int_eq(sh_ws_inflater_next(inflater, out, 3), 3);
	ck_assert_int_eq(sh_ws_inflater_next(inflater, out, 16), 2);
	ck_assert_int_eq(sh_ws_inflater_next(inflater, out, 16), 0);
	ck_assert(!sh_ws_inflater_is_whole(inflater));
	sh_ws_inflater_feed(inflater, (const uint8_t *)"\xfe", 1);
	ck_assert_int_eq(sh_ws_inflater_next(inflater, out, 16), -SHOAL_EPROTO);
	ck_assert_int_eq(sh_ws_inflater_next(inflater, out, 16), -SHOAL_EPROTO);
	sh_ws_inflater_free(inflater);
}
END_TEST

/* A shared one is given back wherever it stands, and begins anew. */
START_TEST(test_borrow)
{
	struct sh_ws_deflate shared = { 0 };
	struct sh_ws_inflater *a = sh_ws_inflater_borrow(&shared), *b;
	uint8_t out[16];

	sh_ws_inflater_feed(a, (const uint8_t *)"\xf2\x48\xcd\xc9\xc9\x07", 6);
	ck_assert_int_eq(sh_ws_inflater_next(a, out, 1), 1);
	b = sh_ws_inflater_borrow(&shared);
	ck_assert_ptr_ne(a, b);
	sh_ws_inflater_return(&shared, a);
	ck_assert_ptr_eq(shared.spare, a);
	sh_ws_inflater_return(&shared, b);
	ck_assert_ptr_eq(shared.spare, a);
	a = sh_ws_inflater_borrow(&shared);
	ck_assert_ptr_null(shared.spare);
	/* a distance behind the begin: nothing is left of what it had */
	sh_ws_inflater_feed(a, (const uint8_t *)"\xf2\x00\x11\x00\x00", 5);
	ck_assert_int_eq(sh_ws_inflater_next(a, out, 1), 1);
	ck_assert_int_eq(sh_ws_inflater_next(a, out, 1), -SHOAL_EPROTO);
	sh_ws_inflater_return(&shared, a);
	sh_ws_deflate_fini(&shared);
}
END_TEST

/* --- both ------------------------------------------------------------------ */

/* The figures of ws_deflate.h and shoal_ws(3). */
START_TEST(test_memory)
{
	struct sh_ws_extension ext = {
		.deflates = true,
		.server_takeover = true,
		.server_bits = SH_WS_OWN_WINDOW_BITS,
	};
	struct sh_ws_deflate shared = { 0 };
	struct sh_ws_deflater *own = NULL;
	struct sh_ws_inflater *mine = sh_ws_inflater_new(SH_WS_OWN_WINDOW_BITS),
			      *large = sh_ws_inflater_new(15);
	const uint8_t *message;
	z_stream stream = { 0 };
	size_t n;

	ck_assert_uint_eq(sh_ws_deflater_memory(NULL), 0);
	ck_assert_uint_eq(sh_ws_inflater_memory(NULL), 0);
	write_plain(LONG);
	sh_ws_compress(&shared, &ext, &own, plain, LONG, &message);
	ext.server_takeover = false;
	ext.server_bits = 15;
	sh_ws_compress(&shared, &ext, &own, plain, LONG, &message);
	deflateInit2(&stream, 6, Z_DEFLATED, -9, 8, 0);
	n = deflate_plain(&stream, 20000);
	inflate_packed(mine, n, n, 1000);
	inflate_packed(large, n, n, 1000);
	deflateEnd(&stream);
	printf("own %zu and %zu or %zu, shared %zu\n",
	    sh_ws_deflater_memory(own), sh_ws_inflater_memory(mine),
	    sh_ws_inflater_memory(large),
	    sh_ws_deflater_memory(shared.deflaters[15]));
	ck_assert_uint_le(sh_ws_deflater_memory(own), 40000);
	ck_assert_uint_le(sh_ws_inflater_memory(mine), 12000);
	ck_assert_uint_le(sh_ws_inflater_memory(large), 41000);
	ck_assert_uint_le(sh_ws_deflater_memory(shared.deflaters[15]), 270000);
	sh_ws_deflater_free(own);
	sh_ws_inflater_free(mine);
	sh_ws_inflater_free(large);
	sh_ws_deflate_fini(&shared);
}
END_TEST

/* A bomb is stopped at the limit, long before its end: 1 MiB of it is fed, and
 * it would be 1 GiB. */
START_TEST(test_bomb)
{
	enum { LIMIT = 1 << 20, PORTION = 16384 };
	struct sh_ws_deflate shared = { 0 };
	struct sh_ws_intake intake = {
		.message_max = LIMIT,
		.extension = { .deflates = true, .client_bits = 15 },
		.deflate = &shared,
	};
	struct sh_ws_receiver receiver;
	struct sh_ws_event event;
	/* 1,000 bytes inflate to about a million */
	uint8_t header[] = { 0xc2, 0xff, 0, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0,
		0 };
	z_stream stream = { 0 };
	size_t used, fed = 0, at;
	int r = 0;

	sh_ws_receiver_init(&receiver, &intake);
	ck_assert_int_eq(
	    sh_ws_receive(&receiver, header, sizeof(header), &used, &event), 0);
	deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, 0);
	memset(plain, 0, LONG);
	while (r == 0 && fed < LIMIT) {
		size_t n = deflate_plain(&stream, LONG) + sizeof(tail);

		for (at = 0; at < n && r == 0; at += used) {
			r = sh_ws_receive(
			    &receiver, packed + at, n - at, &used, &event);
			fed += used;
		}
	}
	ck_assert_int_eq(r, 1);
	ck_assert_int_eq(event.type, SH_WS_EVENT_ERROR);
	ck_assert_uint_eq(event.code, SH_WS_TOO_BIG);
	ck_assert_uint_lt(fed, 2000);
	ck_assert_ptr_null(receiver.partial);
	deflateEnd(&stream);
	sh_ws_receiver_fini(&receiver);
	sh_ws_intake_fini(&intake);
	sh_ws_deflate_fini(&shared);
}
END_TEST

/* Many clients amid compressed messages, each a byte at a time, do not mix, and
 * leave one decompressor behind. */
START_TEST(test_clients)
{
	enum { CLIENTS = 20, LEN = 2000 };
	struct sh_ws_deflate shared = { 0 };
	struct sh_ws_intake intake = {
		.message_max = LEN,
		.extension = { .deflates = true, .client_bits = 15 },
		.deflate = &shared,
	};
	struct sh_ws_receiver receivers[CLIENTS];
	static uint8_t frames[CLIENTS][LEN + 100];
	size_t lens[CLIENTS], i, at, used, ready = 0;
	struct sh_ws_event event;

	for (i = 0; i < CLIENTS; i++) {
		z_stream stream = { 0 };

		sh_ws_receiver_init(&receivers[i], &intake);
		deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, 0);
		write_plain(LEN);
		plain[0] = (uint8_t)i;
		lens[i] = deflate_plain(&stream, LEN);
		deflateEnd(&stream);
		memcpy(frames[i], "\xc2\xfe\0\0\0\0\0\0", 8);
		frames[i][2] = (uint8_t)(lens[i] >> 8);
		frames[i][3] = (uint8_t)lens[i];
		memcpy(frames[i] + 8, packed, lens[i]);
		lens[i] += 8;
	}
	for (at = 0; at < LEN + 100; at++)
		for (i = 0; i < CLIENTS; i++) {
			if (at >= lens[i] ||
			    sh_ws_receive(&receivers[i], frames[i] + at, 1,
				&used, &event) == 0)
				continue;
			ck_assert_int_eq(event.type, SH_WS_EVENT_MESSAGE);
			ck_assert_uint_eq(event.len, LEN);
			plain[0] = (uint8_t)i;
			ck_assert_mem_eq(event.data, plain, LEN);
			ready++;
		}
	ck_assert_uint_eq(ready, CLIENTS);
	ck_assert_ptr_nonnull(shared.spare);
	for (i = 0; i < CLIENTS; i++)
		sh_ws_receiver_fini(&receivers[i]);
	sh_ws_intake_fini(&intake);
	sh_ws_deflate_fini(&shared);
}
END_TEST

/* With context takeover a client keeps its decompressor, and nothing else. */
START_TEST(test_takeover_keeps)
{
	char bytes[] = "\xc1\x87\0\0\0\0\xf2\x48\xcd\xc9\xc9\x07\0"
		       "\xc1\x85\0\0\0\0\xf2\0\x11\0\0";
	struct sh_ws_deflate shared = { 0 };
	struct sh_ws_intake intake = {
		.message_max = 100,
		.extension = { .deflates = true,
		    .client_takeover = true,
		    .client_bits = 9 },
		.deflate = &shared,
	};
	struct sh_ws_receiver receiver;
	struct sh_ws_event event;
	size_t used;
	char *taken;

	sh_ws_receiver_init(&receiver, &intake);
	ck_assert_int_eq(sh_ws_receive(&receiver, bytes, 24, &used, &event), 1);
	ck_assert_uint_eq(used, 13);
	ck_assert_mem_eq(event.data, "Hello", 5);
	taken = sh_ws_receiver_take(&receiver);
	ck_assert_ptr_eq(taken, event.data);
	ck_assert_int_eq(
	    sh_ws_receive(&receiver, bytes + 13, 0, &used, &event), 0);
	ck_assert_ptr_nonnull(receiver.partial);
	ck_assert_ptr_null(sh_ws_receiver_take(&receiver));
	ck_assert_int_eq(
	    sh_ws_receive(&receiver, bytes + 13, 11, &used, &event), 1);
	ck_assert_mem_eq(event.data, "Hello", 5);
	ck_assert_ptr_null(shared.spare);
	free(taken);
	sh_ws_receiver_fini(&receiver);
	sh_ws_intake_fini(&intake);
	sh_ws_deflate_fini(&shared);
}
END_TEST

SH_SUITE("proto/ws_deflate", test_sending, test_apart, test_room,
    test_receiving, test_garbage, test_borrow, test_memory, test_bomb,
    test_clients, test_takeover_keeps)
