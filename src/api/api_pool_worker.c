/* This file is a worker's side of <shoal/pool.h>. */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include <shoal/pool.h>

#include "base/panic.h"
#include "crew/crew.h"
#include "crew/crew_signal.h"
#include "proc/heritage.h"

int
shoal_pool_worker_slot(const struct shoal_pool_worker *worker)
{
	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	return (int)worker->heritage->slot;
}

int
shoal_pool_worker_count(const struct shoal_pool_worker *worker)
{
	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	return (int)worker->heritage->slot_count;
}

uint64_t
shoal_pool_worker_incarnation(const struct shoal_pool_worker *worker)
{
	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	return worker->heritage->incarnation;
}

int
shoal_pool_worker_listen_fd(const struct shoal_pool_worker *worker, int index)
{
	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	if (index < 0 || (uint32_t)index >= worker->heritage->listen_count)
		return -SHOAL_ENOENT;
	return worker->heritage->listen_fds[index];
}

int
shoal_pool_worker_address(
    const struct shoal_pool_worker *worker, int index, char *buf, size_t cap)
{
	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	return sh_crew_address(worker->pool, index, buf, cap);
}

/* Something that comes before a connection. */
static int
find_other(struct shoal_pool_worker *worker)
{
	if (shoal_pool_worker_is_stopping(worker))
		return -SHOAL_ECANCELED;
	return worker->inbox.first != NULL ? -SHOAL_EAGAIN : 0;
}

int
shoal_pool_worker_accept(
    struct shoal_pool_worker *worker, int index, int timeout_ms)
{
	int64_t deadline_ms = sh_inbox_deadline_ms(timeout_ms);
	int listen_fd = shoal_pool_worker_listen_fd(worker, index);
	int fd, r = 0;

	if (listen_fd < 0)
		return listen_fd;
	for (;;) {
		int other = find_other(worker);

		if (other < 0)
			return other;
		fd = accept4(listen_fd, NULL, NULL, SOCK_CLOEXEC);
		if (fd >= 0)
			return fd;
		/* the peer may have gone again, or a sibling was faster */
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
			return -errno;
		if (r < 0)
			return r;
		r = sh_inbox_wait(&worker->inbox, listen_fd, deadline_ms);
	}
}

int
shoal_pool_worker_fd(const struct shoal_pool_worker *worker)
{
	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	return worker->inbox.watch_fd;
}

int
shoal_pool_worker_receive(struct shoal_pool_worker *worker,
    struct shoal_pool_message *message_out, int timeout_ms)
{
	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	return sh_crew_receive(worker, message_out, timeout_ms);
}

int
shoal_pool_worker_send(struct shoal_pool_worker *worker, int to,
    const void *data, size_t len, int timeout_ms)
{
	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	if (data == NULL && len != 0)
		return -SHOAL_EINVAL;
	if (len > SHOAL_POOL_MESSAGE_MAX)
		return -SHOAL_EMSGSIZE;
	if (to < SHOAL_POOL_PARENT || to >= worker->pool->options.workers)
		return -SHOAL_ENOENT;
	return sh_crew_send(worker, to, data, len, timeout_ms);
}

bool
shoal_pool_worker_is_stopping(struct shoal_pool_worker *worker)
{
	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	sh_inbox_read(&worker->inbox);
	return sh_crew_is_ending();
}

int
shoal_pool_worker_retire(struct shoal_pool_worker *worker)
{
	int r;

	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	r = sh_crew_say(worker, SH_MESSAGE_RETIRE,
	    worker->pool->options.restart_timeout_ms);
	if (r == 0)
		sh_crew_end();
	return r;
}

int
shoal_pool_worker_stop_pool(struct shoal_pool_worker *worker)
{
	SH_CHECK(worker, SH_CREW_WORKER_MAGIC);
	return sh_crew_say(worker, SH_MESSAGE_STOP_POOL, 0);
}
