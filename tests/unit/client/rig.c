/* This file is a redis-server for tests. */
#include "config.h"

#include "unit/client/rig.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

static const char program[] = "/usr/bin/redis-server";

const char *rig_wrong;
int rig_wrong_line;

static char folder[] = "/tmp/check_redis_XXXXXX";
static char path[64], address[80];
static pid_t server, owner;

/* Before any test, for Check would count a skip as success. */
static __attribute__((constructor)) void
skip_without_redis(void)
{
	if (access(program, X_OK) == 0)
		return;
	fprintf(stderr, "no %s (package redis-server)\n", program);
	_exit(77);
}

static void
clean_up(void)
{
	if (getpid() != owner)
		return;
	rig_kill();
	unlink(path);
	rmdir(folder);
}

void
rig_run(shoal_co_fn *fn)
{
	int r = shoal_run(fn, NULL);

	/* a test that fails does not come to atexit() */
	if (rig_wrong != NULL || r != 0)
		clean_up();
	if (rig_wrong != NULL)
		ck_abort_msg("line %d: %s", rig_wrong_line, rig_wrong);
	ck_assert_int_eq(r, 0);
}

static void
make_folder(void)
{
	if (path[0] != '\0')
		return;
	owner = getpid();
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(path, sizeof(path), "%s/s", folder);
	snprintf(address, sizeof(address), "unix:%s", path);
	atexit(clean_up);
}

const char *
rig_address(void)
{
	make_folder();
	return address;
}

static void
become_server(const char *option, const char *value)
{
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != owner)
		_exit(1);
	dup2(null, STDIN_FILENO);
	dup2(null, STDOUT_FILENO);
	execl(program, program, "--port", "0", "--unixsocket", path, "--save",
	    "", "--appendonly", "no", "--dir", folder, "--daemonize", "no",
	    "--enable-debug-command", "yes", option, value, (char *)NULL);
	_exit(127);
}

void
rig_spawn(const char *option, const char *value)
{
	make_folder();
	server = fork();
	if (server < 0)
		abort();
	if (server == 0)
		become_server(option, value);
}

static bool
answers(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool yes;

	snprintf(un.sun_path, sizeof(un.sun_path), "%s", path);
	yes = connect(fd, (struct sockaddr *)&un, sizeof(un)) == 0;
	close(fd);
	return yes;
}

void
rig_start(const char *option, const char *value)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
	time_t until = time(NULL) + WAIT_MS / 1000;

	rig_spawn(option, value);
	while (!answers()) {
		if (time(NULL) > until || waitpid(server, NULL, WNOHANG) != 0)
			ck_abort_msg("redis-server does not start");
		nanosleep(&pause, NULL);
	}
}

void
rig_kill(void)
{
	if (server <= 0)
		return;
	kill(server, SIGKILL);
	waitpid(server, NULL, 0);
	server = 0;
}

void
rig_freeze(bool frozen)
{
	kill(server, frozen ? SIGSTOP : SIGCONT);
}

struct shoal_redis *
rig_connect(void)
{
	struct shoal_redis *redis = NULL;

	OK(shoal_co_redis_connect(address, NULL, WAIT_MS, &redis) == 0);
	return redis;
}

bool
rig_is_text(struct shoal_redis_reply *reply, const char *text)
{
	bool yes = reply != NULL &&
	    (reply->type == SHOAL_REDIS_STATUS ||
		reply->type == SHOAL_REDIS_STRING) &&
	    strcmp(reply->text, text) == 0;

	shoal_redis_reply_free(&reply);
	return yes;
}

bool
rig_is_number(struct shoal_redis_reply *reply, int64_t number)
{
	bool yes = reply != NULL && reply->type == SHOAL_REDIS_INTEGER &&
	    reply->integer == number;

	shoal_redis_reply_free(&reply);
	return yes;
}

bool
rig_is_error(struct shoal_redis_reply *reply, const char *kind)
{
	bool yes = shoal_redis_reply_is_error(reply, kind);

	shoal_redis_reply_free(&reply);
	return yes;
}
