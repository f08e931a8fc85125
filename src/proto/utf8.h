/*
 * This file is the check that bytes are UTF-8 (RFC 3629, section 4), in
 * whatever portions they come. It decodes nothing and keeps no bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Between two portions; all zero before the first. */
struct sh_utf8 {
	uint8_t need;    /* bytes that the character still takes */
	uint8_t low, up; /* bounds of the next of them */
};

/** Take the next portion. False as soon as a byte cannot be where it stands:
 *  no bytes to come could make it right. The state is of no use then. */
bool sh_utf8_take(struct sh_utf8 *utf8, const void *data, size_t len);
/** Whether no character is cut off where the bytes end. */
bool sh_utf8_is_complete(const struct sh_utf8 *utf8);
/** Whether bytes that are all there are UTF-8. */
bool sh_utf8_is_valid(const void *data, size_t len);
