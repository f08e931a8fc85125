/*
 * This file is the loop of the servers that others are compared with: the
 * cheapest honest one. It owns the sockets.
 */
#pragma once

#include <stdbool.h>

/** Listen on 127.0.0.1, say the port on stdout, and serve for ten minutes. port
 *  "0" lets the kernel choose. on_readable reads once: what it leaves behind is
 *  announced again. What it returns says whether the connection goes on. */
void epoll_server_run(const char *port, bool (*on_readable)(int fd));
