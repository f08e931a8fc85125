/*
 * This file drives wslay's frame layer; it checks nothing that a client sends.
 *
 * wslay pulls: its callback gives it a header as a server would write it,
 * without a mask, and then payload that loses its mask while it is copied, as
 * wslay takes masks off byte by byte. The header is in its shortest form,
 * whatever the client's was. The callback never gives a byte beyond the frame,
 * so between two frames nothing is left in wslay's buffer, and the context may
 * serve another connection.
 */
#include "config.h"

#include "proto/ws_cut.h"

#include <stdlib.h>
#include <string.h>
#include <wslay/wslay.h>

#include "base/mem.h"
#include "base/panic.h"

struct sh_ws_cutter {
	wslay_frame_context_ptr context;
	struct sh_ws_scanned frame;
	uint8_t header[SH_WS_HEADER_MAX];
	size_t header_at, header_len;
	const uint8_t *data; /* lent, masked */
	size_t data_len;
	uint64_t in, out; /* payload that wslay was given, and gave back */
};

static size_t
smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* wslay wants bytes: what is left of the header, then payload. */
static ssize_t
give(uint8_t *to, size_t room, int flags, void *arg)
{
	struct sh_ws_cutter *cutter = arg;
	size_t header = smaller(room, cutter->header_len - cutter->header_at);
	size_t payload = smaller(room - header, cutter->data_len);

	memcpy(to, cutter->header + cutter->header_at, header);
	cutter->header_at += header;
	if (payload != 0) {
		sh_ws_unmask(to + header, cutter->data, payload,
		    cutter->frame.mask, cutter->in);
		cutter->in += payload;
		cutter->data += payload;
		cutter->data_len -= payload;
	}
	return header + payload != 0 ? (ssize_t)(header + payload) : -1;
}

struct sh_ws_cutter *
sh_ws_cutter_new(void)
{
	static const struct wslay_frame_callbacks callbacks = {
		.recv_callback = give,
	};
	struct sh_ws_cutter *cutter = sh_try_calloc(1, sizeof(*cutter));

	if (cutter == NULL)
		return NULL;
	if (wslay_frame_context_init(&cutter->context, &callbacks, cutter) !=
	    0) {
		free(cutter);
		return NULL;
	}
	return cutter;
}

void
sh_ws_cutter_free(struct sh_ws_cutter *cutter)
{
	if (cutter == NULL)
		return;
	wslay_frame_context_free(cutter->context);
	free(cutter);
}

void
sh_ws_cutter_begin(
    struct sh_ws_cutter *cutter, const struct sh_ws_scanned *frame)
{
	const uint8_t *none;
	size_t n;

	sh_assert(cutter->data_len == 0 && sh_ws_cutter_left(cutter) == 0);
	cutter->frame = *frame;
	cutter->header_at = 0;
	cutter->header_len = sh_ws_header_write(
	    cutter->header, frame->opcode, frame->fin, frame->len);
	cutter->in = cutter->out = 0;
	/* an empty frame is over with its header, which nothing else pulls */
	if (frame->len == 0) {
		n = sh_ws_cutter_next(cutter, &none);
		sh_assert(n == 0 && cutter->header_at == cutter->header_len);
	}
}

void
sh_ws_cutter_feed(struct sh_ws_cutter *cutter, const uint8_t *data, size_t len)
{
	sh_assert(
	    cutter->data_len == 0 && len <= cutter->frame.len - cutter->in);
	cutter->data = data;
	cutter->data_len = len;
}

size_t
sh_ws_cutter_next(struct sh_ws_cutter *cutter, const uint8_t **piece_out)
{
	struct wslay_frame_iocb piece = { 0 };
	ssize_t n;

	if (cutter->out == cutter->in && cutter->data_len == 0 &&
	    (cutter->frame.len != 0 || cutter->header_at != 0))
		return 0;
	/* it can neither lack bytes nor dislike them: the header comes at once,
	 * and is ours */
	n = wslay_frame_recv(cutter->context, &piece);
	sh_assert(n >= 0 && (size_t)n == piece.data_length);
	sh_assert(piece.opcode == cutter->frame.opcode &&
	    piece.payload_length == cutter->frame.len);
	cutter->out += (uint64_t)n;
	sh_assert(cutter->out <= cutter->in);
	*piece_out = piece.data;
	return (size_t)n;
}

uint64_t
sh_ws_cutter_left(const struct sh_ws_cutter *cutter)
{
	return cutter->frame.len - cutter->out;
}
