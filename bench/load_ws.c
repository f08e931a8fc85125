/*
 * This file is an echo over WebSocket: masked frames, each a message of its
 * own, which have to come back unmasked and in one frame with the same type and
 * the same bytes. Both streams are made beforehand, so that taking an answer is
 * a comparison. It does no I/O.
 */
#include "config.h"

#include "load.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The key of RFC 6455, 1.3, and what has to come back for it; a key that is
 * always the same is as good as any other for a server that is not fooled. */
#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

enum {
	FINAL = 0x80,
	TEXT = 1,
	BINARY = 2,
	MASKED = 0x80,
	LENGTH_16 = 126, /* the length is in two bytes more */
	LENGTH_64 = 127, /* in eight */
	MASK_SIZE = 4,
	HEAD_MAX = 14,
	TABLE_MIN = 64 * 1024, /* bytes of frames before they are repeated */
	FRAMES_MIN = 3
};

static struct load_loop out, in;
static size_t out_size, in_size; /* of a frame */
static char greeting_text[1024];

/* The head of a frame, without a mask; its length. */
static size_t
write_head(unsigned char *head, int opcode, uint64_t len)
{
	size_t i, more = len < LENGTH_16 ? 0 : len <= UINT16_MAX ? 2 : 8;

	head[0] = (unsigned char)(FINAL | opcode);
	head[1] = (unsigned char)(more == 0 ? len
		: more == 2                 ? LENGTH_16
					    : LENGTH_64);
	for (i = 0; i < more; i++)
		head[2 + i] = (unsigned char)(len >> 8 * (more - 1 - i));
	return 2 + more;
}

/* One message as the server has to send it. */
static void
write_answer(unsigned char *frame, const struct load_options *options, size_t i)
{
	size_t at =
	    write_head(frame, options->binary ? BINARY : TEXT, options->size);
	const unsigned char *content;
	size_t done, part;

	for (done = 0; done < options->size; done += part) {
		part = options->size - done;
		if (part > LOAD_CHUNK)
			part = LOAD_CHUNK;
		content =
		    load_loop_at(load_pattern(), i * options->size + done);
		memcpy(frame + at + done, content, part);
	}
	for (; !options->binary && at < in_size; at++)
		frame[at] = (unsigned char)(' ' + frame[at] % ('~' - ' ' + 1));
}

/* The same as the client sends it. */
static void
write_message(unsigned char *frame, const unsigned char *answer, size_t size,
    uint64_t number)
{
	size_t head = in_size - size, i;
	const unsigned char *mask = frame + head;

	memcpy(frame, answer, head);
	frame[1] |= MASKED;
	memcpy(frame + head, load_loop_at(load_pattern(), number), MASK_SIZE);
	for (i = 0; i < size; i++)
		frame[head + MASK_SIZE + i] =
		    answer[head + i] ^ mask[i % MASK_SIZE];
}

void
load_ws_set_path(const struct load_options *options, const char *path)
{
	int len = snprintf(greeting_text, sizeof(greeting_text),
	    "GET %s HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Key: " KEY "\r\n"
	    "Sec-WebSocket-Version: 13\r\n\r\n",
	    path, options->address);

	if (len < 0 || (size_t)len >= sizeof(greeting_text))
		load_die("%s: too long", path);
}

size_t
load_ws_write(unsigned char *frame, const char *text, size_t len, bool masked)
{
	size_t at = write_head(frame, TEXT, len);

	if (masked) {
		frame[1] |= MASKED;
		/* zeroes as a mask change nothing */
		memset(frame + at, 0, MASK_SIZE);
		at += MASK_SIZE;
	}
	memcpy(frame + at, text, len);
	return at + len;
}

static size_t
prepare(struct load_options *options)
{
	unsigned char head[HEAD_MAX];
	size_t i, frames;

	in_size = write_head(head, TEXT, options->size) + options->size;
	out_size = in_size + MASK_SIZE;
	frames = FRAMES_MIN + TABLE_MIN / in_size;
	load_loop_open(&in, frames * in_size);
	load_loop_open(&out, frames * out_size);
	for (i = 0; i < frames; i++) {
		write_answer(in.data + i * in_size, options, i);
		write_message(out.data + i * out_size, in.data + i * in_size,
		    options->size, i);
	}
	load_loop_close(&in);
	load_loop_close(&out);
	load_ws_set_path(options, options->path);
	return out_size;
}

static const char *
greeting(void)
{
	return greeting_text;
}

/* The value of a header field, or NULL. */
static const char *
find_field(const char *head, const char *name)
{
	size_t len = strlen(name);
	const char *line = head;

	while ((line = strstr(line, "\r\n")) != NULL) {
		line += 2;
		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			line += len + 1;
			return line + strspn(line, " \t");
		}
	}
	return NULL;
}

static bool
is_welcome(const char *head)
{
	const char *accept = find_field(head, "Sec-WebSocket-Accept");
	const char *upgrade = find_field(head, "Upgrade");

	return strncmp(head, "HTTP/1.1 101 ", 13) == 0 && accept != NULL &&
	    strncmp(accept, ACCEPT "\r", sizeof(ACCEPT)) == 0 &&
	    upgrade != NULL && strncasecmp(upgrade, "websocket\r", 10) == 0 &&
	    find_field(head, "Sec-WebSocket-Extensions") == NULL;
}

/* Connections begin with different frames. */
static const unsigned char *
bytes_at(const struct load_talk *talk, uint64_t place)
{
	return load_loop_at(&out, talk->number * out_size + place);
}

static int64_t
take(struct load_talk *talk, const void *data, size_t len)
{
	size_t due = talk->partial + len;

	if (!load_loop_is(
		&in, talk->number * in_size + talk->received, data, len))
		return -1;
	talk->received += len;
	talk->partial = due % in_size;
	return (int64_t)(due / in_size);
}

const struct load_protocol load_ws = {
	.prepare = prepare,
	.greeting = greeting,
	.is_welcome = is_welcome,
	.bytes_at = bytes_at,
	.take = take,
};
