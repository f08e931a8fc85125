/*
 * This file is what goes over a channel of Redis: a message with the number that
 * tells it from all others, and its place in a history if it has one. Pure.
 *
 *	P NUMBER ENCODED                published as it is
 *	K EPOCH ' ' OFFSET ' ' NUMBER ENCODED	published by the script, which
 *					does not know how a message is encoded
 *
 * EPOCH and OFFSET are decimal, NUMBER is 16 bytes, ENCODED is what publication.h
 * writes. A history has NUMBER ENCODED in each of its entries.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct sh_publication;

enum {
	SH_REDIS_NUMBER_LEN = 16,
	/* of P, and the number */
	SH_REDIS_HEAD_LEN = 1 + SH_REDIS_NUMBER_LEN
};

/** Write the head of a message that is published as it is; without its first byte it
 *  is that of one that the script publishes. process is by chance, count goes up. */
void sh_redis_head_write(uint8_t *head, uint64_t process, uint64_t count);
/** Read what has come by a channel: it lends from bytes. *number_out is set to its
 *  number. 0, or -SHOAL_EPROTO for anything else than the above, and for a text
 *  that is not UTF-8. */
int sh_redis_payload_read(struct sh_publication *publication,
    const uint8_t **number_out, const void *bytes, size_t len);
/** Read what is in an entry of a history. As above. */
int sh_redis_entry_read(
    struct sh_publication *publication, const void *bytes, size_t len);
/** Read a decimal number of len digits, none of them a leading zero but "0". 0 or
 *  -SHOAL_EPROTO. */
int sh_redis_number_read(uint64_t *number_out, const char *digits, size_t len);
