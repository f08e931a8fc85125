/*
 * This file lets a session keep the buffer that the loop reads into, for a
 * message that is too long to be copied.
 */
#pragma once

#include <stdbool.h>

struct sh_loop;

/** Whether bytes lie in it. */
bool sh_read_buffer_has(const struct sh_loop *loop, const void *data);
/** Keep the loop's buffer: the caller has to give it back by unpin(), and to
 *  call replace() before anything else is read. Lends it. */
char *sh_read_buffer_pin(struct sh_loop *loop);
/** Give the loop another buffer if its own has been kept. */
void sh_read_buffer_replace(struct sh_loop *loop);
/** Give a buffer back and clear the pointer. */
void sh_read_buffer_unpin(struct sh_loop *loop, char **buffer);
