/* This file owns the listening sockets; it does not accept, and does not tell
 * those who do. */
#include "config.h"

#include "master/master_listen.h"

#include <errno.h>
#include <libgen.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/panic.h"
#include "proc/register.h"

/* TCP_NOTSENT_LOWAT's "no limit" */
enum { NO_LOWAT = -1 };

/* FNV-1a */
static uint64_t
hash_text(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3;
	return hash;
}

/* The name of an address's lock. A path means different files in different
 * containers that share a network, and may be too long, so a socket file is
 * named by its folder's number. */
static int
format_lock(const struct sh_addr *addr, char *buf, size_t cap)
{
	char text[SH_ADDR_TEXT_MAX], folder[sizeof(addr->un.sun_path)];
	struct stat st;
	int n;

	if (!sh_addr_is_unix(addr)) {
		n = snprintf(buf, cap, "shoal/%s",
		    sh_addr_format(addr, text, sizeof(text)));
	} else {
		memcpy(folder, addr->un.sun_path, sizeof(folder));
		if (stat(dirname(folder), &st) < 0)
			return -errno;
		n = snprintf(buf, cap, "shoal/unix:%jx:%jx:%jx",
		    (uintmax_t)st.st_dev, (uintmax_t)st.st_ino,
		    (uintmax_t)hash_text(strrchr(addr->un.sun_path, '/')));
	}
	return n < (int)cap ? n : -ENAMETOOLONG;
}

/*
 * Two masters with SO_REUSEPORT would share a port without noticing. The name
 * of an abstract socket belongs to one process and to one network namespace,
 * as a port does, and goes away with its holder.
 */
static int
lock_address(const struct sh_addr *addr)
{
	struct sh_addr name = { .un = { .sun_family = AF_UNIX } };
	int fd,
	    n = format_lock(
		addr, name.un.sun_path + 1, sizeof(name.un.sun_path) - 1);

	if (n < 0)
		return n;
	name.len =
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + (size_t)n);
	fd = sh_sock_bind(&name, false);
	return fd < 0 ? fd : sh_register_add(fd);
}

static int
set_keepalive(int fd, const struct sh_plan_address *wanted)
{
	int r = sh_sock_set_int(
	    fd, SOL_SOCKET, SO_KEEPALIVE, wanted->keepalive_idle_s > 0);

	if (r < 0 || wanted->keepalive_idle_s <= 0)
		return r;
	r = sh_sock_set_int(
	    fd, IPPROTO_TCP, TCP_KEEPIDLE, wanted->keepalive_idle_s);
	if (r == 0)
		r = sh_sock_set_int(fd, IPPROTO_TCP, TCP_KEEPINTVL,
		    wanted->keepalive_interval_s);
	if (r == 0)
		r = sh_sock_set_int(
		    fd, IPPROTO_TCP, TCP_KEEPCNT, wanted->keepalive_count);
	return r;
}

/* Accepted sockets inherit these, which saves system calls for each. */
static int
set_options(int fd, const struct sh_plan_address *wanted)
{
	int lowat =
	    wanted->notsent_lowat > 0 ? wanted->notsent_lowat : NO_LOWAT;
	int r;

	if (sh_addr_is_unix(&wanted->addr))
		return 0;
	r = sh_sock_set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
	if (r == 0)
		r = set_keepalive(fd, wanted);
	if (r == 0)
		r = sh_sock_set_int(
		    fd, IPPROTO_TCP, TCP_USER_TIMEOUT, wanted->user_timeout_ms);
	if (r == 0)
		r = sh_sock_set_int(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, lowat);
	return r;
}

static int
listen_on(int fd, const struct sh_plan_address *wanted)
{
	int r = set_options(fd, wanted);

	if (r == 0 && listen(fd, wanted->backlog) < 0)
		r = -errno;
	return r;
}

/* Whether a socket of ours is in the way of a probe: "127.0.0.1:80" of one of
 * "*:80", which is no conflict. */
static bool
has_port(const struct sh_bound_list *list, unsigned port)
{
	const struct sh_bound *bound;

	for (bound = list->first; bound != NULL; bound = bound->next)
		if (!bound->shared && bound->fds[0] >= 0 &&
		    sh_addr_port(&bound->addr) == port)
			return true;
	return false;
}

/* Without SO_REUSEPORT the kernel still says that a port is taken. */
static int
probe(const struct sh_bound_list *list, const struct sh_addr *addr)
{
	int fd;

	if (sh_addr_is_unix(addr))
		return sh_sock_remove_stale(addr);
	if (sh_addr_port(addr) == 0)
		return 0;
	fd = sh_sock_bind(addr, false);
	if (fd >= 0) {
		close(fd);
		return 0;
	}
	return fd == -EADDRINUSE && has_port(list, sh_addr_port(addr)) ? 0 : fd;
}

/* The sockets of all slots, in the order of the slots. */
static int
bind_slots(struct sh_bound *bound, const struct sh_plan_address *wanted)
{
	uint32_t slot;
	int r;

	for (slot = 0; slot < bound->fd_count; slot++) {
		int fd = sh_sock_bind(&bound->addr, !bound->shared);

		if (fd < 0)
			return fd;
		bound->fds[slot] = sh_register_add(fd);
		/* with port 0 the first slot picks, the others follow */
		if (slot == 0 && !bound->shared &&
		    (r = sh_sock_local(fd, &bound->addr)) < 0)
			return r;
	}
	for (slot = 0; slot < bound->fd_count; slot++) {
		r = listen_on(bound->fds[slot], wanted);
		if (r < 0)
			return r;
	}
	return 0;
}

static void
close_slots(struct sh_bound *bound)
{
	uint32_t slot;
	bool listening = false;

	for (slot = 0; slot < bound->fd_count; slot++) {
		listening = listening || bound->fds[slot] >= 0;
		sh_register_close(&bound->fds[slot]);
	}
	if (bound->shared && listening)
		unlink(bound->addr.un.sun_path);
}

static void
free_bound(struct sh_bound **bound)
{
	close_slots(*bound);
	sh_register_close(&(*bound)->lock_fd);
	free((*bound)->fds);
	free(*bound);
	*bound = NULL;
}

static struct sh_bound *
new_bound(
    const struct sh_bound_list *list, const struct sh_plan_address *wanted)
{
	struct sh_bound *bound = sh_xcalloc(1, sizeof(*bound));
	uint32_t slot;

	snprintf(bound->text, sizeof(bound->text), "%s", wanted->text);
	bound->addr = wanted->addr;
	bound->shared = sh_addr_is_unix(&wanted->addr);
	bound->lock_fd = -1;
	bound->fd_count = bound->shared ? 1 : list->slot_count;
	bound->fds = sh_xcalloc(bound->fd_count, sizeof(int));
	for (slot = 0; slot < bound->fd_count; slot++)
		bound->fds[slot] = -1;
	return bound;
}

static const char *
advice(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "; another program has it (`ss -ltnp' or `ss -lxp' tells"
		       " which): stop that one or choose another address";
	case EACCES:
		return "; ports below 1024 need root or CAP_NET_BIND_SERVICE, "
		       "a unix socket needs a writable folder";
	case EADDRNOTAVAIL:
		return "; no interface of this machine has the address "
		       "(`ip address' lists them)";
	case EMFILE:
		return "; every address needs a descriptor for each worker: "
		       "raise the limit (ulimit -n; LimitNOFILE= in the unit)";
	case EEXIST: return "; a file that is not a socket is in the way";
	default: return "";
	}
}

static int
explain(const struct sh_plan_address *wanted, const char *address, int error,
    char *why, size_t cap)
{
	snprintf(why, cap, "%s%slistener '%s': cannot listen on %s: %s%s",
	    wanted->origin, wanted->origin[0] != '\0' ? ": " : "",
	    wanted->listener, address, strerror(error), advice(error));
	return -error;
}

static int
open_bound(struct sh_bound_list *list, const struct sh_plan_address *wanted,
    struct sh_bound **bound_out)
{
	struct sh_bound *bound = new_bound(list, wanted);
	int r = 0;

	if (bound->shared || sh_addr_port(&wanted->addr) != 0) {
		bound->lock_fd = lock_address(&wanted->addr);
		r = bound->lock_fd < 0 ? bound->lock_fd : 0;
	}
	if (r == 0)
		r = probe(list, &wanted->addr);
	if (r == 0)
		r = bind_slots(bound, wanted);
	if (r < 0) {
		free_bound(&bound);
		return r;
	}
	*bound_out = bound;
	return 0;
}

/* The text is an address's identity, since port 0 is another port each time;
 * "localhost:80" and "127.0.0.1:80" are one all the same. */
bool
sh_bound_is_of(
    const struct sh_bound *bound, const struct sh_plan_address *address)
{
	return strcmp(bound->text, address->text) == 0 ||
	    sh_addr_is_same(&bound->addr, &address->addr);
}

static struct sh_bound *
find_bound(
    const struct sh_bound_list *list, const struct sh_plan_address *wanted)
{
	struct sh_bound *bound;

	for (bound = list->first; bound != NULL; bound = bound->next)
		if (sh_bound_is_of(bound, wanted))
			return bound;
	return NULL;
}

int
sh_bound_acquire(struct sh_bound_list *list,
    const struct sh_plan_address *wanted, struct sh_bound **bound_out,
    char *why, size_t cap)
{
	struct sh_bound *bound = find_bound(list, wanted);
	uint32_t slot;
	int r = 0;

	if (bound == NULL) {
		r = open_bound(list, wanted, &bound);
		if (r < 0)
			return explain(wanted, wanted->text, -r, why, cap);
		bound->next = list->first;
		list->first = bound;
	} else {
		for (slot = 0; slot < bound->fd_count && r == 0; slot++)
			if (bound->fds[slot] >= 0)
				r = listen_on(bound->fds[slot], wanted);
		if (r < 0)
			return explain(wanted, wanted->text, -r, why, cap);
	}
	bound->refs++;
	*bound_out = bound;
	return 0;
}

void
sh_bound_release(struct sh_bound_list *list, struct sh_bound **bound)
{
	struct sh_bound **at;

	if (*bound == NULL)
		return;
	sh_assert((*bound)->refs > 0);
	if (--(*bound)->refs == 0) {
		for (at = &list->first; *at != *bound; at = &(*at)->next)
			sh_assert(*at != NULL);
		*at = (*bound)->next;
		free_bound(bound);
	}
	*bound = NULL;
}

void
sh_bound_close(struct sh_bound *bound)
{
	close_slots(bound);
	bound->state = SH_BOUND_CLOSED;
}

int
sh_bound_reopen(const struct sh_bound_list *list, struct sh_bound *bound,
    const struct sh_plan_address *wanted, bool left, char *why, size_t cap)
{
	char text[SH_ADDR_TEXT_MAX];
	int r = probe(list, &bound->addr);

	sh_assert(bound->state == SH_BOUND_CLOSED);
	if (r == -EADDRINUSE && left && !bound->shared)
		r = 0;
	if (r == 0)
		r = bind_slots(bound, wanted);
	if (r < 0) {
		close_slots(bound);
		sh_addr_format(&bound->addr, text, sizeof(text));
		return explain(wanted, text, -r, why, cap);
	}
	bound->state = SH_BOUND_LISTENING;
	return 0;
}

const char *
sh_bound_state_str(enum sh_bound_state state)
{
	static const char *const names[] = { "listening", "stopped", "closed" };

	return names[state];
}

int
sh_bound_fd(const struct sh_bound *bound, uint32_t slot)
{
	return bound->fds[bound->shared ? 0 : slot];
}

uint32_t
sh_bound_queued(const struct sh_bound *bound, uint32_t slot)
{
	struct tcp_info info = { 0 };
	socklen_t len = sizeof(info);

	/* of a listening socket, tcpi_unacked is its accept queue */
	if (bound->shared || bound->fds[slot] < 0 ||
	    getsockopt(bound->fds[slot], IPPROTO_TCP, TCP_INFO, &info, &len) <
		0)
		return 0;
	return info.tcpi_unacked;
}
