/* This file says what a body is published as, by its Content-Type. Pure. */
#pragma once

/**
 * What a body of a media type is; NULL: it has none.
 *
 * Returns SHOAL_WS_TEXT, SHOAL_WS_BINARY, or 0 when it cannot be a message: a form
 *         with parts, or a text in another charset than UTF-8.
 */
int sh_publish_type(const char *media_type);
