/*
 * This file is HTTP/1.1: GET again and again on a connection that is kept. Each
 * answer has to have status 200 and the body that is expected, whatever else
 * its head says; one that is the same, byte for byte, as one that was right is
 * right too, which is what makes it cheap. It does no I/O.
 */
#include "config.h"

#include "load.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum { HEAD_MAX = 16 * 1024, WRONG = -1 };

static const char end_of_head[] = "\r\n\r\n";
static struct load_loop requests;
static const char *body;
static size_t body_size;
static size_t answer_max;

/* The answer that was looked at last. */
static struct {
	unsigned char *data;
	size_t len;
} seen;

static size_t
prepare(struct load_options *options)
{
	char text[1024];
	int len =
	    snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: %s\r\n\r\n",
		options->path, options->address);

	if (len < 0 || (size_t)len >= sizeof(text))
		load_die("%s: too long", options->path);
	load_loop_open(&requests, (size_t)len);
	memcpy(requests.data, text, (size_t)len);
	load_loop_close(&requests);
	body = options->body;
	options->size = body_size = strlen(body);
	answer_max = HEAD_MAX + body_size;
	seen.data = malloc(answer_max);
	if (seen.data == NULL)
		load_die("out of memory");
	return (size_t)len;
}

static const unsigned char *
bytes_at(const struct load_talk *talk, uint64_t place)
{
	return load_loop_at(&requests, place);
}

/* Whether a head says that the body is as long as the one expected. */
static bool
has_length(const unsigned char *head, size_t len)
{
	static const char name[] = "\r\nContent-Length:";
	size_t name_len = sizeof(name) - 1, i;

	for (i = 0; i + name_len < len; i++)
		if (strncasecmp((const char *)head + i, name, name_len) == 0)
			return strtoull((const char *)head + i + name_len, NULL,
				   10) == body_size;
	return false;
}

/* Look at what begins with an answer: its length when it is right; 0 when it is
 * not complete; WRONG. */
static ssize_t
examine(const unsigned char *data, size_t len)
{
	static const char status[] = "HTTP/1.1 200 ";
	const unsigned char *end =
	    memmem(data, len, end_of_head, sizeof(end_of_head) - 1);
	size_t head;

	if (end == NULL)
		return len < HEAD_MAX ? 0 : WRONG;
	head = (size_t)(end - data) + sizeof(end_of_head) - 1;
	if (head > HEAD_MAX || head < sizeof(status) ||
	    memcmp(data, status, sizeof(status) - 1) != 0 ||
	    !has_length(data, head))
		return WRONG;
	if (len - head < body_size)
		return 0;
	if (memcmp(data + head, body, body_size) != 0)
		return WRONG;
	seen.len = head + body_size;
	memcpy(seen.data, data, seen.len);
	return (ssize_t)seen.len;
}

static void
keep(struct load_talk *talk, const unsigned char *data, size_t len)
{
	if (talk->rest == NULL)
		talk->rest = malloc(answer_max + LOAD_CHUNK);
	if (talk->rest == NULL)
		load_die("out of memory");
	memmove(talk->rest, data, len);
	talk->partial = len;
}

static int64_t
take(struct load_talk *talk, const void *data, size_t len)
{
	const unsigned char *at = data;
	int64_t answers = 0;
	ssize_t n = 1;

	if (talk->partial > 0) {
		memcpy(talk->rest + talk->partial, data, len);
		at = talk->rest;
		len += talk->partial;
		talk->partial = 0;
	}
	for (; len > 0; at += n, len -= (size_t)n, answers++) {
		n = len >= seen.len && seen.len > 0 &&
			memcmp(at, seen.data, seen.len) == 0
		    ? (ssize_t)seen.len
		    : examine(at, len);
		if (n == WRONG)
			return -1;
		if (n == 0)
			break;
	}
	if (len > 0)
		keep(talk, at, len);
	return answers;
}

const struct load_protocol load_http = {
	.prepare = prepare,
	.bytes_at = bytes_at,
	.take = take,
};
