/*
 * This file opens, closes and watches a coroutine's socket, and has its users
 * take turns; it does not read or write.
 */
#include "config.h"

#include "io/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/attr.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/panic.h"
#include "io/loop_private.h"
#include "io/socket_private.h"

static int
type_of(int fd)
{
	socklen_t len = sizeof(int);
	int type;

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) < 0)
		return -errno;
	return type == SOCK_STREAM || type == SOCK_DGRAM ? type : -EPROTOTYPE;
}

static int
wrap(int fd, struct sh_socket **out)
{
	struct sh_socket *socket;
	int type = type_of(fd);

	if (type < 0)
		return type;
	if (sh_loop_current() == NULL)
		return -SHOAL_EPERM;
	socket = sh_try_calloc(1, sizeof(*socket));
	if (socket == NULL)
		return -SHOAL_ENOMEM;
	socket->magic = SH_SOCKET_MAGIC;
	socket->fd = fd;
	socket->type = type;
	socket->refs = 1;
	TAILQ_INIT(&socket->writers);
	/* of no use to unix sockets, which refuse it */
	if (type == SOCK_STREAM)
		(void)sh_sock_set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	*out = socket;
	return 0;
}

int
sh_socket_make(int fd, struct sh_socket **out)
{
	int r = wrap(fd, out);

	if (r < 0)
		close(fd);
	return r;
}

int
sh_socket_open(int family, int type)
{
	int fd = socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	return fd < 0 ? -errno : fd;
}

int
sh_socket_adopt(int fd, struct sh_socket **out)
{
	struct sh_socket *socket;
	int r, flags;

	r = wrap(fd, &socket);
	if (r < 0)
		return r;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
		r = -errno;
		free(socket);
		return r;
	}
	*out = socket;
	return 0;
}

bool
sh_socket_is_valid(const struct sh_socket *socket)
{
	return socket != NULL && socket->magic == SH_SOCKET_MAGIC;
}

int
sh_socket_fd(const struct sh_socket *socket)
{
	return socket->fd;
}

void
sh_socket_drop_buffer(struct sh_socket *socket)
{
	free(socket->data);
	socket->data = NULL;
	socket->begin = socket->end = socket->cap = 0;
}

static void
unref(struct sh_socket *socket)
{
	if (--socket->refs != 0)
		return;
	sh_socket_drop_buffer(socket);
	socket->magic = 0;
	free(socket);
}

static void
unwatch(struct sh_socket *socket)
{
	if (!socket->watched)
		return;
	event_del(&socket->event);
	LIST_REMOVE(socket, link);
	socket->watched = false;
}

void
sh_socket_unwatch_all(struct sh_loop *loop)
{
	struct sh_socket *socket;

	while ((socket = LIST_FIRST(&loop->sockets)) != NULL) {
		unwatch(socket);
		/* on stacks that go with the loop, and are never left */
		socket->reader = NULL;
		TAILQ_INIT(&socket->writers);
	}
}

int
sh_socket_detach(struct sh_socket **socket)
{
	struct sh_socket *s = *socket;
	int fd = s->fd;

	if (s->refs != 1 || s->data != NULL)
		return -SHOAL_EBUSY;
	unwatch(s);
	unref(s);
	*socket = NULL;
	return fd;
}

static void
cancel(struct sh_socket_use *use)
{
	/* remembered, for it may have been woken for another reason */
	use->cancelled = true;
	sh_co_wake(use->co, -SHOAL_ECANCELED);
}

int
sh_socket_cancel(struct sh_socket *socket, int what)
{
	struct sh_socket_use *use;
	int n = 0;

	if ((what & SHOAL_SOCK_READ) != 0 && socket->reader != NULL) {
		cancel(socket->reader);
		n++;
	}
	if ((what & SHOAL_SOCK_WRITE) != 0)
		TAILQ_FOREACH(use, &socket->writers, link) {
			cancel(use);
			n++;
		}
	return n;
}

void
sh_socket_close(struct sh_socket **socket)
{
	struct sh_socket *s;
	int fd;

	if (socket == NULL || *socket == NULL)
		return;
	s = *socket;
	*socket = NULL;
	fd = s->fd;
	unwatch(s);
	s->fd = -1;
	close(fd);
	sh_socket_cancel(s, SHOAL_SOCK_READ | SHOAL_SOCK_WRITE);
	unref(s);
	if (sh_loop_current() != NULL)
		sh_listener_wake_all(sh_loop_current());
}

static void
on_event(evutil_socket_t fd, short what, void *arg)
{
	struct sh_socket *socket = arg;

	if ((what & (EV_READ | EV_CLOSED)) != 0 && socket->reader != NULL)
		sh_co_wake(socket->reader->co, 0);
	if ((what & EV_WRITE) != 0 && !TAILQ_EMPTY(&socket->writers))
		sh_co_wake(TAILQ_FIRST(&socket->writers)->co, 0);
}

/* The one epoll_ctl of its life: who gets what it wants at once needs none. */
static int
watch(struct sh_socket *socket)
{
	struct sh_loop *loop = sh_loop_current();

	if (SH_LIKELY(socket->watched))
		return 0;
	if (event_assign(&socket->event, loop->base, socket->fd,
		EV_READ | EV_WRITE | EV_CLOSED | EV_ET | EV_PERSIST, on_event,
		socket) < 0 ||
	    event_add(&socket->event, NULL) < 0)
		return -SHOAL_ENOMEM;
	LIST_INSERT_HEAD(&loop->sockets, socket, link);
	socket->watched = true;
	return 0;
}

static bool
must_leave(const struct sh_socket *socket, const struct sh_socket_use *use)
{
	return use->cancelled || socket->fd < 0;
}

static int
wait_until(
    struct sh_socket *socket, struct sh_socket_use *use, int64_t deadline_us)
{
	int r;

	if (must_leave(socket, use))
		return -SHOAL_ECANCELED;
	if (deadline_us != 0) {
		r = watch(socket);
		if (r < 0)
			return r;
	}
	r = sh_await(use->place, deadline_us);
	/* whatever woke it: the descriptor may be somebody else's now */
	return must_leave(socket, use) ? -SHOAL_ECANCELED : r;
}

int
sh_socket_wait(struct sh_socket *socket, struct sh_socket_use *use)
{
	return wait_until(socket, use, use->deadline_us);
}

int
sh_socket_pause(
    struct sh_socket *socket, struct sh_socket_use *use, int64_t pause_us)
{
	int64_t until_us = sh_clock_us() + pause_us;
	int r;

	if (use->deadline_us <= until_us)
		return sh_socket_wait(socket, use);
	r = wait_until(socket, use, until_us);
	return r == -SHOAL_ETIMEDOUT ? 0 : r;
}

int
sh_socket_take_share(struct sh_socket *socket, struct sh_socket_use *use,
    struct sh_socket_share *share)
{
	const struct sh_loop *loop = sh_loop_current();
	int r;

	if (share->turn != loop->turns)
		*share = (struct sh_socket_share){ .turn = loop->turns };
	share->calls++;
	if (SH_LIKELY(share->calls <= SH_SOCKET_TURN_CALLS &&
		share->bytes < SH_SOCKET_TURN_BYTES))
		return 0;
	if (use->deadline_us == 0 || !sh_co_may_wait(use->co))
		return 0;
	r = sh_await_turn(use->place);
	return must_leave(socket, use) ? -SHOAL_ECANCELED : r;
}

static void
init_use(struct sh_socket *socket, struct sh_socket_use *use, const char *place,
    int timeout_ms)
{
	use->co = sh_co_running();
	if (SH_UNLIKELY(use->co == NULL))
		sh_panic(__FILE__, __LINE__, __func__,
		    "a function that waits was called outside of a coroutine");
	use->place = place;
	use->deadline_us = sh_deadline_us(timeout_ms);
	use->cancelled = false;
	socket->refs++;
}

int
sh_socket_read_begin(struct sh_socket *socket, struct sh_socket_use *use,
    const char *place, int timeout_ms)
{
	if (socket->fd < 0 || socket->gap)
		return -SHOAL_ENOTCONN;
	if (socket->reader != NULL)
		return -SHOAL_EBUSY;
	init_use(socket, use, place, timeout_ms);
	socket->reader = use;
	return 0;
}

void
sh_socket_read_end(struct sh_socket *socket)
{
	socket->reader = NULL;
	unref(socket);
}

int
sh_socket_write_begin(struct sh_socket *socket, struct sh_socket_use *use,
    const char *place, int timeout_ms)
{
	int r = 0;

	if (socket->fd < 0 || socket->broken)
		return -SHOAL_ENOTCONN;
	init_use(socket, use, place, timeout_ms);
	TAILQ_INSERT_TAIL(&socket->writers, use, link);
	while (r == 0 && TAILQ_FIRST(&socket->writers) != use)
		r = sh_socket_wait(socket, use);
	if (r == 0 && socket->broken)
		r = -SHOAL_ENOTCONN;
	if (r < 0)
		sh_socket_write_end(socket, use);
	return r;
}

void
sh_socket_write_end(struct sh_socket *socket, struct sh_socket_use *use)
{
	bool had_turn = TAILQ_FIRST(&socket->writers) == use;

	TAILQ_REMOVE(&socket->writers, use, link);
	if (had_turn && !TAILQ_EMPTY(&socket->writers))
		sh_co_wake(TAILQ_FIRST(&socket->writers)->co, 0);
	unref(socket);
}

int
sh_socket_fail(struct sh_socket *socket, int error)
{
	switch (error) {
	case ENOBUFS: return -SHOAL_ENOMEM;
	case EPIPE: return socket->shut ? -SHOAL_ENOTCONN : -SHOAL_ECONNRESET;
	case ETIMEDOUT:
		/* the kernel's own patience, not the caller's time */
		error = ECONNRESET;
		break;
	case ECONNRESET:
	case ECONNABORTED:
	case EHOSTUNREACH:
	case EHOSTDOWN:
	case ENETUNREACH:
	case ENETDOWN:
	case EPROTO: break;
	default: return -error;
	}
	/* the kernel tells it once, and of an end afterwards */
	socket->failed = -error;
	return -error;
}
