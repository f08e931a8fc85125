"""What a handler can wait for in a worker: a child of its own, a signal, a
descriptor, another connection's handler."""
import errno
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from clients import connect, read_exactly  # noqa: E402
from modules import compile_text, entry  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import run_checks, same  # noqa: E402

SOURCE = r"""
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <shoal/shoal.h>

extern char **environ;
static struct shoal_channel *words;

static void
run_child(struct shoal_conn *conn, char *command)
{
	char name[] = "sh", option[] = "-c", text[64] = "";
	char *const argv[] = { name, option, command, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none;
	int fds[2], status = -1, r;
	pid_t pid;

	pipe2(fds, O_CLOEXEC | O_NONBLOCK);
	sigemptyset(&none);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, fds[1], 1);
	posix_spawn(&pid, "/bin/sh", &actions, &attr, argv, environ);
	close(fds[1]);
	r = shoal_co_wait_fd(fds[0], SHOAL_READABLE, SHOAL_FOREVER);
	if (r == SHOAL_READABLE && read(fds[0], text, sizeof(text) - 1) < 0)
		strcpy(text, "?");
	r = shoal_co_wait_child(pid, &status, SHOAL_FOREVER);
	shoal_conn_printf(conn, "%s %d %d %d;", text, r, WIFEXITED(status),
	    WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status));
	close(fds[0]);
}

static void
wait_signal(struct shoal_conn *conn, int signo)
{
	int r;

	r = shoal_co_wait_signal(signo, 0);
	if (r == -SHOAL_ETIMEDOUT) {
		shoal_conn_printf(conn, "waits;");
		shoal_conn_flush(conn);
		r = shoal_co_wait_signal(signo, SHOAL_FOREVER);
	}
	shoal_conn_printf(conn, "%s;", r > 0 ? "came" : shoal_strerror(r));
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	char text[128], word[16];
	int signo, r;

	snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)data);
	if (words == NULL)
		words = shoal_channel_new(0, sizeof(word));
	if (strncmp(text, "run ", 4) == 0)
		run_child(conn, text + 4);
	else if (sscanf(text, "signal %d", &signo) == 1)
		wait_signal(conn, signo);
	else if (sscanf(text, "put %15s", word) == 1)
		shoal_conn_printf(conn, "%d;",
		    shoal_co_channel_put(words, word, SHOAL_FOREVER));
	else if (strcmp(text, "get") == 0) {
		r = shoal_co_channel_get(words, word, SHOAL_FOREVER);
		if (r == 0)
			shoal_conn_printf(conn, "%s;", word);
		else
			shoal_log(SHOAL_LOG_NOTICE, "get: %s",
			    shoal_strerror(r));
	}
}

static const struct shoal_handler obey = {
	.size = sizeof(struct shoal_handler),
	.name = "obey",
	.tcp = { .size = sizeof(struct shoal_tcp_callbacks),
		.on_receive = on_receive },
};
static const struct shoal_handler *const handlers[] = { &obey, NULL };

SHOAL_MODULE(.name = "wait", .version = "1.0", .handlers = handlers);
"""


def make():
    """A daemon whose handler obeys its clients, and soon stops: handlers that
    wait are cancelled at the end of the time."""
    shoal = Shoal()
    compile_text(shoal.path("wait.so"), SOURCE)
    shoal.configure(listener(handler="wait.obey"),
                    modules=entry(shoal.path("wait.so"), "wait"),
                    more='stop = { timeout = "1s"; };')
    return shoal


def tell(sock, text, answer=None):
    """Sends a command and reads what comes back."""
    sock.sendall(text.encode())
    if answer is not None:
        same(read_exactly(sock, len(answer)).decode(), answer, text)


def check_child():
    """Its output and its status; its signals are not blocked."""
    with make() as shoal:
        shoal.run()
        with connect(shoal.port()) as sock:
            tell(sock, "run printf hello; exit 3", "hello 0 1 3;")
            tell(sock, "run kill -TERM $$", " 0 0 15;")
        shoal.stop()


def check_signal():
    """The worker's own are refused; others come, in between two waits too."""
    with make() as shoal:
        shoal.run()
        with connect(shoal.port()) as sock, connect(shoal.port()) as other:
            for signo in (signal.SIGTERM, signal.SIGQUIT):
                tell(sock, f"signal {int(signo)}",
                     os.strerror(errno.EPERM) + ";")
            usr2 = f"signal {int(signal.SIGUSR2)}"
            tell(sock, usr2, "waits;")
            tell(other, usr2, "waits;")
            os.kill(shoal.pid_of(), signal.SIGUSR2)
            tell(sock, "", "came;")
            tell(other, "", "came;")
            os.kill(shoal.pid_of(), signal.SIGUSR2)
            tell(sock, usr2, "came;")
        shoal.stop()


def check_own_signal():
    """TERM still ends the worker, though others are waited for."""
    with make() as shoal:
        shoal.run()
        pid = shoal.pid_of()
        with connect(shoal.port()) as sock:
            tell(sock, f"signal {int(signal.SIGUSR1)}", "waits;")
            os.kill(pid, signal.SIGTERM)
            shoal.wait_log(f"worker {pid} was told by a signal to end")
        shoal.stop()


def check_channel():
    """Handlers of two connections meet; one that waits ends with the stop."""
    with make() as shoal:
        shoal.run()
        with connect(shoal.port()) as one, connect(shoal.port()) as other:
            tell(one, "get")
            tell(other, "put fish", "0;")
            tell(one, "", "fish;")
            tell(one, "get")
            shoal.stop()
        shoal.wait_log("get: ")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
