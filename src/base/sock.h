/*
 * This file parses socket addresses, makes listening sockets and puts
 * addresses into text; it never waits and never resolves a name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

struct sh_addr {
	union {
		struct sockaddr sa;
		struct sockaddr_storage storage;
		struct sockaddr_un un;
	};
	socklen_t len;
};

enum { SH_ADDR_TEXT_MAX = 128 };

/** Read "host:port", "[v6]:port", "*:port" or "unix:/path". The host is a
 *  number, "localhost" (127.0.0.1) or "*" (every IPv4 and IPv6 address).
 *  0, or -SHOAL_EINVAL with the reason in *why_out (a constant). */
int sh_addr_parse(struct sh_addr *addr, const char *text, const char **why_out);
/** Write an address as text; always terminated. Returns buf. */
const char *sh_addr_format(const struct sh_addr *addr, char *buf, size_t cap);
bool sh_addr_is_unix(const struct sh_addr *addr);
/** Port in host order, 0 for a unix socket. */
unsigned sh_addr_port(const struct sh_addr *addr);
void sh_addr_set_port(struct sh_addr *addr, unsigned port);

/** Make a bound socket, non-blocking and close-on-exec, not listening yet.
 *  With reuseport others may bind the same address. A file descriptor or
 *  -errno. */
int sh_sock_bind(const struct sh_addr *addr, bool reuseport);
/** Remove a socket file that nobody listens on, left over from a crash. 0, also
 *  when there is none; -EADDRINUSE when somebody listens; -EEXIST when it is
 *  not a socket; -errno. */
int sh_sock_remove_stale(const struct sh_addr *addr);
/** Whether two addresses are the same. */
bool sh_addr_is_same(const struct sh_addr *a, const struct sh_addr *b);
/** The address that a socket is bound to. 0 or -errno. */
int sh_sock_local(int fd, struct sh_addr *addr_out);
/** setsockopt(2) of an int. 0 or -errno. */
int sh_sock_set_int(int fd, int level, int option, int value);
