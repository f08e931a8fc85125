/* This file serves the control socket. */
#include "config.h"

#include "master/master_control.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <shoal/error.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sock.h"
#include "master/master.h"
#include "master/master_command.h"
#include "proc/paths.h"
#include "proc/register.h"

enum {
	ANSWER_MAX = SH_CONTROL_BODY_MAX + SH_CONTROL_HEAD_MAX,
	BACKLOG = 16,
	/* callers that say nothing, or do not read, free their place */
	REQUEST_TIMEOUT_MS = 10000,
	ANSWER_TIMEOUT_MS = 30000
};

static int
listen_at(const struct sh_addr *addr, const struct sh_plan *plan)
{
	mode_t old = umask(0777 & ~plan->control_mode);
	int fd = sh_sock_bind(addr, false);
	int r = fd;

	umask(old);
	if (fd < 0)
		return fd;
	if (plan->control_gid != (gid_t)-1 &&
	    chown(addr->un.sun_path, (uid_t)-1, plan->control_gid) < 0)
		r = -errno;
	if (r >= 0 && listen(fd, BACKLOG) < 0)
		r = -errno;
	if (r < 0) {
		unlink(addr->un.sun_path);
		close(fd);
	}
	return r;
}

int
sh_control_open(
    struct sh_master *master, const struct sh_plan *plan, char *why, size_t cap)
{
	struct sh_addr addr;
	char text[SH_PLAN_PATH_MAX + 8];
	const char *problem = NULL;
	int r;

	snprintf(text, sizeof(text), "unix:%s", plan->control_path);
	r = sh_addr_parse(&addr, text, &problem);
	if (r < 0) {
		snprintf(why, cap, "control socket %s: %s (control.path)",
		    plan->control_path, problem);
		return r;
	}
	r = sh_path_make_folder(plan->control_path);
	if (r == 0)
		r = sh_sock_remove_stale(&addr);
	if (r == -EADDRINUSE) {
		snprintf(why, cap,
		    "already running: another master answers "
		    "on %s",
		    plan->control_path);
		return -SHOAL_EEXIST;
	}
	if (r == -EEXIST) {
		snprintf(why, cap,
		    "cannot make the control socket %s: a file "
		    "that is not a socket is in the way (control.path)",
		    plan->control_path);
		return -ENOTSOCK;
	}
	if (r == 0)
		r = listen_at(&addr, plan);
	if (r < 0) {
		snprintf(why, cap,
		    "cannot make the control socket %s: %s "
		    "(control.path)",
		    plan->control_path, strerror(-r));
		return r;
	}
	master->control_fd = sh_register_add(r);
	snprintf(master->control_path, sizeof(master->control_path), "%s",
	    plan->control_path);
	return 0;
}

void
sh_control_drop(struct sh_control_client *client)
{
	struct sh_master *master = client->master;

	sh_register_close(&client->fd);
	sh_buf_fini(&client->out);
	*client = (struct sh_control_client){ .fd = -1, .master = master };
}

void
sh_control_close(struct sh_master *master)
{
	size_t i;

	if (master->control_fd >= 0)
		unlink(master->control_path);
	sh_register_close(&master->control_fd);
	for (i = 0; i < SH_CONTROL_CLIENTS; i++)
		if (master->clients[i].fd >= 0)
			sh_control_drop(&master->clients[i]);
}

static void
write_out(struct sh_control_client *client)
{
	ssize_t n =
	    send(client->fd, client->out.data, client->out.len, MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		sh_control_drop(client);
		return;
	}
	sh_buf_consume(&client->out, (size_t)n);
	if (client->out.len == 0 && client->closing)
		sh_control_drop(client);
}

void
sh_control_answer(
    struct sh_control_client *client, int status, const char *text)
{
	sh_buf_printf(&client->out, "shoal/1 %d %zu\n", status, strlen(text));
	sh_buf_puts(&client->out, text);
	client->closing = true;
	client->ticket = client->replaces = 0;
	client->waits_reopen = client->waits_stop = client->waits_orders =
	    false;
	client->deadline_ms = sh_clock_ms() + ANSWER_TIMEOUT_MS;
	write_out(client);
}

/* Read what came; a whole line is a request. */
static void
read_request(struct sh_control_client *client)
{
	struct sh_control_request request;
	ssize_t n = recv(client->fd, client->in + client->in_len,
	    sizeof(client->in) - client->in_len, 0);
	int taken;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		/* who no longer waits for an answer does not withdraw it */
		sh_control_drop(client);
		return;
	}
	if (client->asked)
		return; /* one request for each connection */
	client->in_len += (size_t)n;
	taken = sh_control_parse(&request, client->in, client->in_len);
	if (taken == 0)
		return;
	client->asked = true;
	client->in_len = 0;
	client->deadline_ms = 0;
	if (taken < 0)
		sh_control_answer(client, SH_EXIT_USAGE,
		    "not a request: expected \"shoal/1 VERB key=value\"\n");
	else
		sh_command_run(client, &request);
}

static void
on_client(void *arg, short revents)
{
	struct sh_control_client *client = arg;

	if (client->fd < 0)
		return;
	if (client->closing)
		write_out(client);
	else
		read_request(client);
}

static struct sh_control_client *
free_place(struct sh_master *master)
{
	size_t i;

	for (i = 0; i < SH_CONTROL_CLIENTS; i++)
		if (master->clients[i].fd < 0)
			return &master->clients[i];
	return NULL;
}

static void
turn_away(int fd)
{
	static const char body[] = "too many callers at once; try again\n";
	char text[SH_CONTROL_HEAD_MAX + sizeof(body)];
	int n = snprintf(text, sizeof(text), "shoal/1 %d %zu\n%s",
	    SH_EXIT_TIMEOUT, sizeof(body) - 1, body);

	sh_log_warning(
	    "control socket: more than %d callers", SH_CONTROL_CLIENTS);
	if (send(fd, text, (size_t)n, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
		/* it sees the end of file instead */
	}
	close(fd);
}

static void
on_control(void *arg, short revents)
{
	struct sh_master *master = arg;
	struct sh_control_client *client;
	int fd;

	while ((fd = accept4(master->control_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0) {
		client = free_place(master);
		if (client == NULL) {
			turn_away(fd);
			continue;
		}
		*client = (struct sh_control_client){ .master = master,
			.fd = sh_register_add(fd),
			.deadline_ms = sh_clock_ms() + REQUEST_TIMEOUT_MS };
		sh_buf_init(&client->out, ANSWER_MAX);
	}
}

void
sh_control_poll(struct sh_master *master)
{
	size_t i;

	sh_poll_add(
	    &master->poll, master->control_fd, POLLIN, on_control, master);
	for (i = 0; i < SH_CONTROL_CLIENTS; i++) {
		struct sh_control_client *client = &master->clients[i];

		/* with half of the answer gone, what else it says or that it
		 * says no more is of no interest */
		sh_poll_add(&master->poll, client->fd,
		    client->closing ? POLLOUT : POLLIN, on_client, client);
	}
}
