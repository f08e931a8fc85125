/* This file parses socket addresses and makes listening sockets. */
#include "config.h"

#include "base/sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/error.h>

static struct sockaddr_in *
as_v4(struct sh_addr *addr)
{
	return (struct sockaddr_in *)(void *)&addr->storage;
}

static struct sockaddr_in6 *
as_v6(struct sh_addr *addr)
{
	return (struct sockaddr_in6 *)(void *)&addr->storage;
}

static int
refuse(const char **why_out, const char *why)
{
	*why_out = why;
	return -SHOAL_EINVAL;
}

static int
parse_unix(struct sh_addr *addr, const char *path, const char **why_out)
{
	if (path[0] != '/')
		return refuse(
		    why_out, "the path after unix: must begin with /");
	if (strlen(path) >= sizeof(addr->un.sun_path))
		return refuse(
		    why_out, "a unix socket path has at most 107 bytes");
	addr->un.sun_family = AF_UNIX;
	strcpy(addr->un.sun_path, path);
	addr->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
	    strlen(path) + 1);
	return 0;
}

static int
parse_port(const char *text, unsigned *port_out)
{
	char *end;
	unsigned long port;

	if (text[0] < '0' || text[0] > '9')
		return -SHOAL_EINVAL;
	port = strtoul(text, &end, 10);
	if (*end != '\0' || port > 65535 || end - text > 5)
		return -SHOAL_EINVAL;
	*port_out = (unsigned)port;
	return 0;
}

static int
parse_host(struct sh_addr *addr, const char *host, bool bracketed)
{
	if (!bracketed && strcmp(host, "localhost") == 0)
		host = "127.0.0.1";
	if (!bracketed && strcmp(host, "*") != 0) {
		as_v4(addr)->sin_family = AF_INET;
		addr->len = sizeof(struct sockaddr_in);
		return inet_pton(AF_INET, host, &as_v4(addr)->sin_addr);
	}
	as_v6(addr)->sin6_family = AF_INET6;
	addr->len = sizeof(struct sockaddr_in6);
	return inet_pton(
	    AF_INET6, bracketed ? host : "::", &as_v6(addr)->sin6_addr);
}

int
sh_addr_parse(struct sh_addr *addr, const char *text, const char **why_out)
{
	char host[INET6_ADDRSTRLEN + 1];
	bool bracketed = text[0] == '[';
	const char *colon, *end;
	unsigned port;

	memset(addr, 0, sizeof(*addr));
	if (strncmp(text, "unix:", 5) == 0)
		return parse_unix(addr, text + 5, why_out);
	colon = strrchr(text, ':');
	if (colon == NULL)
		return refuse(
		    why_out, "expected host:port, [v6]:port or unix:/path");
	end = colon;
	if (bracketed) {
		text++;
		if (end <= text || *--end != ']')
			return refuse(why_out, "expected ]: after the address");
	} else if (memchr(text, ':', (size_t)(colon - text)) != NULL) {
		return refuse(
		    why_out, "an IPv6 address stands in brackets: [::1]:9501");
	}
	if (parse_port(colon + 1, &port) < 0)
		return refuse(why_out, "the port must be 0 to 65535");
	if ((size_t)(end - text) >= sizeof(host))
		return refuse(why_out, "the host is not an address");
	memcpy(host, text, (size_t)(end - text));
	host[end - text] = '\0';
	if (parse_host(addr, host, bracketed) != 1)
		return refuse(why_out,
		    "the host must be a numeric address, localhost or *");
	sh_addr_set_port(addr, port);
	return 0;
}

const char *
sh_addr_format(const struct sh_addr *addr, char *buf, size_t cap)
{
	char host[INET6_ADDRSTRLEN];
	struct sh_addr copy = *addr;
	const struct in6_addr *v6 = &as_v6(&copy)->sin6_addr;

	if (addr->len < sizeof(sa_family_t)) {
		snprintf(buf, cap, "unknown");
	} else if (sh_addr_is_unix(addr)) {
		snprintf(buf, cap, "unix:%.*s",
		    (int)(addr->len - offsetof(struct sockaddr_un, sun_path)),
		    addr->un.sun_path);
	} else if (addr->sa.sa_family == AF_INET) {
		inet_ntop(AF_INET, &as_v4(&copy)->sin_addr, host, sizeof(host));
		snprintf(buf, cap, "%s:%u", host, sh_addr_port(addr));
	} else if (IN6_IS_ADDR_V4MAPPED(v6)) {
		inet_ntop(AF_INET, &v6->s6_addr[12], host, sizeof(host));
		snprintf(buf, cap, "%s:%u", host, sh_addr_port(addr));
	} else {
		inet_ntop(AF_INET6, v6, host, sizeof(host));
		snprintf(buf, cap, "[%s]:%u", host, sh_addr_port(addr));
	}
	return buf;
}

bool
sh_addr_is_unix(const struct sh_addr *addr)
{
	return addr->sa.sa_family == AF_UNIX;
}

unsigned
sh_addr_port(const struct sh_addr *addr)
{
	struct sh_addr copy = *addr;

	if (addr->sa.sa_family == AF_INET)
		return ntohs(as_v4(&copy)->sin_port);
	if (addr->sa.sa_family == AF_INET6)
		return ntohs(as_v6(&copy)->sin6_port);
	return 0;
}

void
sh_addr_set_port(struct sh_addr *addr, unsigned port)
{
	if (addr->sa.sa_family == AF_INET)
		as_v4(addr)->sin_port = htons((uint16_t)port);
	else if (addr->sa.sa_family == AF_INET6)
		as_v6(addr)->sin6_port = htons((uint16_t)port);
}

int
sh_sock_set_int(int fd, int level, int option, int value)
{
	return setsockopt(fd, level, option, &value, sizeof(value)) < 0 ? -errno
									: 0;
}

/* Options that must be set before bind(2). */
static int
prepare(int fd, const struct sh_addr *addr, bool reuseport)
{
	int r = 0;

	if (sh_addr_is_unix(addr))
		return 0;
	r = sh_sock_set_int(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (r == 0 && reuseport)
		r = sh_sock_set_int(fd, SOL_SOCKET, SO_REUSEPORT, 1);
	/* "*" is one dual-stack socket; "[::]" is written the same way */
	if (r == 0 && addr->sa.sa_family == AF_INET6)
		r = sh_sock_set_int(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	return r;
}

int
sh_sock_bind(const struct sh_addr *addr, bool reuseport)
{
	int fd = socket(
	    addr->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return -errno;
	r = prepare(fd, addr, reuseport);
	if (r == 0 && bind(fd, &addr->sa, addr->len) < 0)
		r = -errno;
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int
sh_sock_local(int fd, struct sh_addr *addr_out)
{
	addr_out->len = sizeof(addr_out->storage);
	return getsockname(fd, &addr_out->sa, &addr_out->len) < 0 ? -errno : 0;
}

/* Whether somebody has the socket of a file: 0, or -ECONNREFUSED if not. */
static int
probe(const struct sh_addr *addr, int type)
{
	int fd = socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int r = 0;

	if (fd < 0)
		return -errno;
	if (connect(fd, &addr->sa, addr->len) < 0 && errno != EAGAIN)
		r = -errno;
	close(fd);
	return r;
}

int
sh_sock_remove_stale(const struct sh_addr *addr)
{
	struct stat st;
	int r;

	if (lstat(addr->un.sun_path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	/* connect(2) says of any other file that it refuses, too */
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	r = probe(addr, SOCK_STREAM);
	if (r == -EPROTOTYPE)
		r = probe(addr, SOCK_DGRAM);
	if (r == 0)
		return -EADDRINUSE;
	if (r != -ECONNREFUSED)
		return r;
	return unlink(addr->un.sun_path) < 0 && errno != ENOENT ? -errno : 0;
}

bool
sh_addr_is_same(const struct sh_addr *a, const struct sh_addr *b)
{
	return a->len == b->len &&
	    memcmp(&a->storage, &b->storage, a->len) == 0;
}
