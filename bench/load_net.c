/*
 * This file makes the sockets of the load generator, on loopback addresses
 * only; it does not send or receive.
 */
#include "config.h"

#include "load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static bool
parse_port(const char *text, in_port_t *port_out)
{
	char *end;
	long port = strtol(text, &end, 10);

	if (end == text || *end != '\0' || port < 1 || port > 65535)
		return false;
	*port_out = htons((uint16_t)port);
	return true;
}

static bool
parse_v4(struct load_target *target, const char *host, in_port_t port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&target->addr;

	sin->sin_family = AF_INET;
	sin->sin_port = port;
	target->len = sizeof(*sin);
	return inet_pton(AF_INET, host, &sin->sin_addr) == 1 &&
	    ntohl(sin->sin_addr.s_addr) >> 24 == 127;
}

static bool
parse_v6(struct load_target *target, const char *host, in_port_t port)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&target->addr;

	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = port;
	target->len = sizeof(*sin6);
	return inet_pton(AF_INET6, host, &sin6->sin6_addr) == 1 &&
	    IN6_IS_ADDR_LOOPBACK(&sin6->sin6_addr);
}

bool
load_target_parse(
    struct load_target *target, const char *text, const char **why_out)
{
	char host[64];
	const char *colon = strrchr(text, ':');
	size_t len;
	in_port_t port;

	memset(target, 0, sizeof(*target));
	*why_out = "want 127.0.0.1:PORT or [::1]:PORT";
	if (colon == NULL || !parse_port(colon + 1, &port))
		return false;
	len = (size_t)(colon - text);
	if (len < 2 || len >= sizeof(host))
		return false;
	memcpy(host, text, len);
	host[len] = '\0';
	*why_out = "not a loopback address; load is not for other machines";
	if (host[0] != '[')
		return parse_v4(target, host, port);
	host[len - 1] = '\0';
	return text[len - 1] == ']' && parse_v6(target, host + 1, port);
}

/* The port is chosen at connect, so that it need only be free for this pair. */
static int
bind_source(int fd, const struct load_target *target, int source)
{
	struct sockaddr_in sin = { .sin_family = AF_INET };
	int on = 1;

	if (target->addr.ss_family != AF_INET)
		return 0;
	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK + (unsigned)source);
	setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on, sizeof(on));
	if (bind(fd, (struct sockaddr *)&sin, sizeof(sin)) != 0)
		return -errno;
	return 0;
}

int
load_net_connect(const struct load_target *target, int source)
{
	int fd, rc, on = 1;

	fd = socket(target->addr.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	rc = bind_source(fd, target, source);
	if (rc == 0 &&
	    connect(fd, (const struct sockaddr *)&target->addr, target->len) !=
		0 &&
	    errno != EINPROGRESS)
		rc = -errno;
	if (rc == 0)
		return fd;
	close(fd);
	return rc;
}

int
load_net_connect_wait(
    const struct load_target *target, int source, int timeout_ms)
{
	int fd = load_net_connect(target, source);
	struct pollfd pfd = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof(int);
	int error = ETIMEDOUT;

	if (fd < 0)
		return fd;
	if (poll(&pfd, 1, timeout_ms) > 0)
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len);
	if (error == 0)
		return fd;
	close(fd);
	return -error;
}

ssize_t
load_net_take_head(int fd, char *buf, size_t cap)
{
	ssize_t n = recv(fd, buf, cap - 1, MSG_PEEK);
	char *end;

	if (n <= 0)
		return n == 0 ? -ENOTCONN : errno == EAGAIN ? 0 : -errno;
	buf[n] = '\0';
	end = strstr(buf, "\r\n\r\n");
	if (end == NULL)
		return (size_t)n < cap - 1 ? 0 : -EMSGSIZE;
	n = recv(fd, buf, (size_t)(end + 4 - buf), 0);
	if (n > 0)
		buf[n] = '\0';
	return n > 0 ? n : -EPROTO;
}

void
load_net_want_descriptors(unsigned n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		load_die("getrlimit: %s", strerror(errno));
	if (limit.rlim_cur < n && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	if (limit.rlim_cur < n)
		load_die("%u descriptors are needed, %llu allowed (ulimit -n)",
		    n, (unsigned long long)limit.rlim_cur);
}
