/* This file reads and writes what goes over a channel of Redis. */
#include "config.h"

#include "broker/redis_payload.h"

#include <endian.h>
#include <string.h>

#include <shoal/error.h>
#include <shoal/ws.h>

#include "proto/utf8.h"
#include "topic/publication.h"

enum { DIGITS_MAX = 20 };

void
sh_redis_head_write(uint8_t *head, uint64_t process, uint64_t count)
{
	process = htole64(process);
	count = htole64(count);
	head[0] = 'P';
	memcpy(head + 1, &process, sizeof(process));
	memcpy(head + 1 + sizeof(process), &count, sizeof(count));
}

int
sh_redis_number_read(uint64_t *number_out, const char *digits, size_t len)
{
	uint64_t number = 0;
	size_t i;

	if (len == 0 || len > DIGITS_MAX || (digits[0] == '0' && len > 1))
		return -SHOAL_EPROTO;
	for (i = 0; i < len; i++) {
		if (digits[i] < '0' || digits[i] > '9' ||
		    __builtin_mul_overflow(number, 10, &number) ||
		    __builtin_add_overflow(
			number, (unsigned)(digits[i] - '0'), &number))
			return -SHOAL_EPROTO;
	}
	*number_out = number;
	return 0;
}

/* A number that is not 0 and the space behind it. Returns the bytes of both, or
 * -SHOAL_EPROTO. */
static int
read_place(uint64_t *number_out, const char *text, size_t len)
{
	const char *end =
	    memchr(text, ' ', len < DIGITS_MAX + 1 ? len : DIGITS_MAX + 1);
	size_t digits;

	if (end == NULL)
		return -SHOAL_EPROTO;
	digits = (size_t)(end - text);
	if (sh_redis_number_read(number_out, text, digits) < 0 ||
	    *number_out == 0)
		return -SHOAL_EPROTO;
	return (int)digits + 1;
}

int
sh_redis_entry_read(
    struct sh_publication *publication, const void *bytes, size_t len)
{
	int r;

	if (len < SH_REDIS_NUMBER_LEN)
		return -SHOAL_EPROTO;
	r = sh_publication_decode(publication,
	    (const char *)bytes + SH_REDIS_NUMBER_LEN,
	    len - SH_REDIS_NUMBER_LEN);
	/* whoever may write to Redis has not gone through shoal_publish() */
	if (r == 0 && publication->type == SHOAL_WS_TEXT &&
	    !sh_utf8_is_valid(publication->data, publication->len))
		r = -SHOAL_EPROTO;
	return r;
}

int
sh_redis_payload_read(struct sh_publication *publication,
    const uint8_t **number_out, const void *bytes, size_t len)
{
	uint64_t epoch = 0, offset = 0;
	const char *at = bytes, *end = at + len;
	int n = 0;

	if (len == 0 || (*at != 'P' && *at != 'K'))
		return -SHOAL_EPROTO;
	if (*at++ == 'K') {
		n = read_place(&epoch, at, (size_t)(end - at));
		if (n > 0)
			at += n;
		if (n > 0)
			n = read_place(&offset, at, (size_t)(end - at));
		if (n > 0)
			at += n;
	}
	if (n < 0 ||
	    sh_redis_entry_read(publication, at, (size_t)(end - at)) < 0)
		return -SHOAL_EPROTO;
	publication->epoch = epoch;
	publication->offset = offset;
	*number_out = (const uint8_t *)at;
	return 0;
}
