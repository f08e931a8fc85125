/* This file closes the files of forms, which deletes them. */
#pragma once

#include <stddef.h>

struct sh_loop;

/** Close descriptors, in a thread of the loop if there is one. */
void sh_form_close(const int *fds, size_t count, struct sh_loop *loop);
