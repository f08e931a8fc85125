/*
 * This file is a message on its way between processes and machines, and its
 * encoding. Pure: no I/O, no clock. Who changes the encoding changes its version:
 * what another version wrote is refused, not misunderstood.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

enum {
	SH_PUBLICATION_NOT_TO_SENDER = 1,
	SH_PUBLICATION_HEADER_MAX = 640 /* bytes of an encoded head */
};

struct sh_publication {
	const char *topic; /* all lent; a NUL is behind topic and key when it
			      was decoded */
	size_t topic_len;
	uint64_t hash; /* of the topic */
	uint8_t type;  /* SHOAL_WS_TEXT, SHOAL_WS_BINARY */
	uint8_t flags;
	uint64_t sender; /* connection number, 0: none ... */
	uint64_t node;   /* ... of this server: random, made at its start */
	uint64_t serial; /* of the publishing process: for who drops what came
			    twice; 0: does not count */
	uint64_t epoch, offset; /* in the history; 0: none */
	int64_t time_ms;        /* since 1970 */
	const char *key;        /* for conflation, or NULL */
	size_t key_len;
	const void *data;
	size_t len;
};

/** The hash of a topic, never 0: the same in all processes and machines. */
uint64_t sh_topic_hash(const char *topic, size_t len);
/** Write the head, which goes before the data; head has SH_PUBLICATION_HEADER_MAX.
 *  Returns its length. */
size_t
sh_publication_encode(const struct sh_publication *publication, uint8_t *head);
/** Read one, head and data: it lends from bytes. 0, or -SHOAL_EPROTO for any head
 *  that encode() does not write. Whether a text is UTF-8 is not looked at. */
int sh_publication_decode(
    struct sh_publication *publication, const void *bytes, size_t len);
