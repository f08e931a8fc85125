/*
 * This file is the connections of the topics' test client: they connect, shake
 * hands, and exchange texts over WebSocket. It does not know what the texts mean.
 */
#include "config.h"

#include "topic_clients.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	TEXT = 1,
	CLOSE = 8,
	PING = 9,
	PONG = 10,
	FINAL = 0x80,
	MASKED = 0x80,
	SHORT_MAX = 125, /* longer: the length is in two bytes more */
	LENGTH_16 = 126,
	HEAD_MAX = 8, /* of a frame that we send, with its mask */
	ROOM = 256 * 1024
};

static void
watch(struct client *client, bool add)
{
	struct epoll_event event = { .events =
					 (client->stalled ? 0u : EPOLLIN) |
		    (client->watched ? EPOLLOUT : 0u),
		.data.ptr = client };

	epoll_ctl(crowd.epoll_fd, add ? EPOLL_CTL_ADD : EPOLL_CTL_MOD,
	    client->fd, &event);
}

static void
lose(struct client *client, unsigned code)
{
	close(client->fd);
	client->fd = -1;
	client->state = LINK_CLOSED;
	client->rest_len = client->out_len = 0;
	client->watched = false;
	crowd_lost(client, code);
}

/* --- out ------------------------------------------------------------------ */

static void
write_out(struct client *client)
{
	ssize_t n =
	    send(client->fd, client->out, client->out_len, MSG_NOSIGNAL);

	/* an error is told by the next read */
	if (n > 0) {
		client->out_len -= (size_t)n;
		memmove(client->out, client->out + n, client->out_len);
	}
	if (client->watched != (client->out_len > 0)) {
		client->watched = !client->watched;
		watch(client, false);
	}
}

static void
put(struct client *client, const void *data, size_t len)
{
	if (client->out_cap < client->out_len + len) {
		client->out_cap = 2 * (client->out_len + len);
		client->out = realloc(client->out, client->out_cap);
		if (client->out == NULL)
			abort();
	}
	memcpy(client->out + client->out_len, data, len);
	client->out_len += len;
}

static void
send_frame(struct client *client, int opcode, const void *data, size_t len)
{
	/* a mask of zeroes changes nothing */
	unsigned char head[HEAD_MAX] = { (unsigned char)(FINAL | opcode) };
	size_t head_len = 6;

	head[1] = (unsigned char)(MASKED | len);
	if (len > SHORT_MAX) {
		head[1] = MASKED | LENGTH_16;
		head[2] = (unsigned char)(len >> 8);
		head[3] = (unsigned char)len;
		head_len = 8;
	}
	if (client->fd < 0)
		return;
	put(client, head, head_len);
	put(client, data, len);
	if (!client->watched)
		write_out(client);
}

void
link_send(struct client *client, const char *text, size_t len)
{
	send_frame(client, TEXT, text, len);
}

void
link_finish(struct client *client)
{
	static const unsigned char normal[] = { 1000 >> 8, 1000 & 0xff };

	client->state = LINK_CLOSING;
	send_frame(client, CLOSE, normal, sizeof(normal));
}

void
link_stall(struct client *client, bool stalled)
{
	client->stalled = stalled;
	if (client->fd >= 0)
		watch(client, false);
}

/* --- in ------------------------------------------------------------------- */

/* Deal with one frame; false: it was the last. */
static bool
take_frame(struct client *client, int opcode, unsigned char *data, size_t len)
{
	unsigned char behind = data[len];

	switch (opcode) {
	case FINAL | TEXT:
		data[len] = '\0';
		crowd_heard(client, (const char *)data, len);
		data[len] = behind;
		return client->fd >= 0;
	case FINAL | PING: send_frame(client, PONG, data, len); return true;
	case FINAL | CLOSE:
		lose(
		    client, len >= 2 ? (unsigned)data[0] << 8 | data[1] : 1005);
		return false;
	default:
		crowd.counts.strange++;
		complain(client, "a frame that begins with %02x", opcode);
		lose(client, 0);
		return false;
	}
}

/* Take whole frames; how many bytes they were. -1: the connection has ended. */
static ssize_t
take_frames(struct client *client, unsigned char *data, size_t len)
{
	size_t done = 0;

	while (len - done >= 2) {
		unsigned char *frame = data + done;
		size_t head = frame[1] == LENGTH_16 ? 4 : 2, size = frame[1];

		if (len - done < head)
			break;
		if (head == 4)
			size = (size_t)frame[2] << 8 | frame[3];
		if (frame[1] > LENGTH_16) {
			/* masked, or too long: is complained about */
			frame[0] = 0;
			size = 0;
		}
		if (len - done < head + size)
			break;
		done += head + size;
		if (!take_frame(client, frame[0], frame + head, size))
			return -1;
	}
	return (ssize_t)done;
}

/* The head of the answer; its length, 0: not complete, -1: a refusal. */
static ssize_t
take_head(struct client *client, unsigned char *data, size_t len)
{
	char *end = memmem(data, len, "\r\n\r\n", 4);

	if (end == NULL)
		return 0;
	if (strncmp((char *)data, "HTTP/1.1 101 ", 13) != 0) {
		complain(client, "refused: %.40s", (char *)data);
		lose(client, 0);
		return -1;
	}
	client->state = LINK_WAITING;
	return end + 4 - (char *)data;
}

static void
keep(struct client *client, const unsigned char *data, size_t len)
{
	client->rest_len = len;
	if (len == 0)
		return;
	client->rest = realloc(client->rest, len);
	if (client->rest == NULL)
		abort();
	memcpy(client->rest, data, len);
}

static void
receive(struct client *client)
{
	static unsigned char buf[ROOM + 1];
	size_t len = client->rest_len, done = 0;
	ssize_t n;

	if (len > 0)
		memcpy(buf, client->rest, len);
	n = recv(client->fd, buf + len, ROOM - len, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		lose(client, 0);
		return;
	}
	len += (size_t)n;
	buf[len] = '\0';
	if (client->state == LINK_SHAKING) {
		n = take_head(client, buf, len);
		if (n < 0)
			return;
		done = (size_t)n;
	}
	if (client->state != LINK_SHAKING) {
		n = take_frames(client, buf + done, len - done);
		if (n < 0)
			return;
		done += (size_t)n;
	}
	keep(client, buf + done, len - done);
}

/* --- the beginning -------------------------------------------------------- */

void
link_open(struct client *client)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
		.sin_port = htons((uint16_t)crowd.port) };
	int on = 1, small = 4096;

	sin.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client->fd =
	    socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (client->fd < 0) {
		perror("topic_clients: socket");
		exit(2);
	}
	setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (client->narrow)
		setsockopt(
		    client->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small));
	client->state = LINK_CONNECTING;
	client->stalled = false;
	client->watched = true;
	if (connect(client->fd, (struct sockaddr *)&sin, sizeof(sin)) != 0 &&
	    errno != EINPROGRESS) {
		lose(client, 0);
		return;
	}
	watch(client, true);
}

static void
shake_hands(struct client *client)
{
	char head[512];
	socklen_t size = sizeof(int);
	int len, error = 0;

	getsockopt(client->fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (error != 0) {
		lose(client, 0);
		return;
	}
	len = snprintf(head, sizeof(head),
	    "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
	    "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
	    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n",
	    crowd.path, crowd.port);
	client->state = LINK_SHAKING;
	put(client, head, (size_t)len);
	write_out(client);
}

void
link_step(struct client *client, uint32_t events)
{
	if (client->fd < 0)
		return;
	if (client->state == LINK_CONNECTING) {
		shake_hands(client);
		return;
	}
	if ((events & EPOLLOUT) != 0)
		write_out(client);
	if ((events & ~(uint32_t)EPOLLOUT) != 0 && !client->stalled)
		receive(client);
	/* with nothing asked for, an end is told all the same, for ever */
	else if ((events & (EPOLLHUP | EPOLLERR)) != 0 && client->fd >= 0)
		lose(client, 0);
}
