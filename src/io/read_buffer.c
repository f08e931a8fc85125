/* This file lets a session keep the buffer that the loop reads into. */
#include "config.h"

#include "io/read_buffer.h"

#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"
#include "io/loop_private.h"

enum {
	/* 4 MiB; with so many kept, reads are short enough to be copied */
	PINNED_MAX = 32,
	READ_SIZE_SHORT = 4096
};

static void
set_read_size(struct sh_loop *loop)
{
	loop->read_size =
	    loop->pinned < PINNED_MAX ? SH_READ_SIZE : READ_SIZE_SHORT;
}

bool
sh_read_buffer_has(const struct sh_loop *loop, const void *data)
{
	uintptr_t begin = (uintptr_t)loop->read_buffer;

	return (uintptr_t)data - begin < SH_READ_SIZE;
}

char *
sh_read_buffer_pin(struct sh_loop *loop)
{
	loop->is_pinned = true;
	loop->pinned++;
	set_read_size(loop);
	return loop->read_buffer;
}

void
sh_read_buffer_replace(struct sh_loop *loop)
{
	if (!loop->is_pinned)
		return;
	loop->is_pinned = false;
	loop->read_buffer = loop->spare_buffer;
	loop->spare_buffer = NULL;
	/* a worker that cannot read is no use to anybody */
	if (loop->read_buffer == NULL)
		loop->read_buffer = sh_xcalloc(1, SH_READ_SIZE + 1);
}

void
sh_read_buffer_unpin(struct sh_loop *loop, char **buffer)
{
	loop->pinned--;
	set_read_size(loop);
	if (*buffer == loop->read_buffer)
		/* in the same event: nobody has missed it */
		loop->is_pinned = false;
	else if (loop->spare_buffer == NULL)
		loop->spare_buffer = *buffer;
	else
		free(*buffer);
	*buffer = NULL;
}
