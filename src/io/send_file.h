/* This file hands bytes of a file to a socket, without a copy of its own. */
#pragma once

#include <stddef.h>
#include <sys/types.h>

/** As sendfile(2), but without SIGPIPE: *offset moves on. */
ssize_t sh_send_file(int to, int fd, off_t *offset, size_t len);
