/*
 * This file is the cheapest thing that answers HTTP requests: it looks for
 * empty lines and sends an answer for each, all those of one read by one write.
 * It reads nothing of a request and is no server; it is what others are
 * compared with. A request that comes in pieces ends its connection.
 */
#include "config.h"

#include "epoll_server.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char end_of_head[] = "\r\n\r\n";
static char answer[4096];
static size_t answer_len;

static bool
answer_all(int fd)
{
	static char buf[64 * 1024], out[64 * 1024];
	ssize_t n = read(fd, buf, sizeof(buf));
	const char *at = buf, *found;
	size_t len = 0;

	if (n < 0 && errno == EAGAIN)
		return true;
	if (n <= 0)
		return false;
	while ((found = memmem(at, (size_t)(buf + n - at), end_of_head, 4)) !=
	    NULL) {
		if (len + answer_len > sizeof(out))
			return false;
		memcpy(out + len, answer, answer_len);
		len += answer_len;
		at = found + 4;
	}
	return at == buf + n && write(fd, out, len) == (ssize_t)len;
}

int
main(int argc, char **argv)
{
	int len;

	if (argc != 3) {
		fprintf(stderr, "usage: http_epoll PORT BODY\n");
		return 2;
	}
	len = snprintf(answer, sizeof(answer),
	    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
	    "Content-Length: %zu\r\n\r\n%s",
	    strlen(argv[2]), argv[2]);
	if (len < 0 || (size_t)len >= sizeof(answer)) {
		fprintf(stderr, "http_epoll: the body is too long\n");
		return 2;
	}
	answer_len = (size_t)len;
	epoll_server_run(argv[1], answer_all);
}
