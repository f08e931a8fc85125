"""What blocks is done in threads: connections, stops and reloads go on."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from clients import connect, read_exactly  # noqa: E402
from modules import compile_text  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import (expect, run_checks, same,  # noqa: E402
                     status_field, until)

SOURCE = r"""
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <shoal/shoal.h>

struct task {
	uint64_t conn;
	struct shoal_worker *worker;
	char words[256], answer[256];
};

static void
answer(struct task *task)
{
	shoal_conn_send_to(task->conn, task->answer, strlen(task->answer));
	free(task);
}

/* The fifo keeps it until somebody writes. */
static void
read_fifo(void *arg)
{
	struct task *task = arg;
	FILE *file = fopen(task->words, "r");

	if (file == NULL || fgets(task->answer, 100, file) == NULL)
		strcpy(task->answer, "nothing");
	if (file != NULL)
		fclose(file);
}

static void
wait_for_fifo(void *arg)
{
	struct task *task = arg;
	int r = shoal_co_blocking(read_fifo, task);

	if (r < 0)
		sprintf(task->answer, "%d", r);
	answer(task);
}

static void
wait_briefly(void *arg)
{
	struct task *task = arg;
	uint64_t conn = task->conn;
	char text[32];
	int r = shoal_co_blocking_for(read_fifo, task, free, 20);

	sprintf(text, "%d", r);
	shoal_conn_send_to(conn, text, strlen(text));
}

static void
resolve(void *arg)
{
	struct task *task = arg;
	struct sockaddr_storage addrs[4];
	int r = shoal_co_resolve(task->words, "80", addrs, 4, 20000);

	sprintf(task->answer, "%d", r < 0 ? r : 1);
	answer(task);
}

static void
answer_post(void *arg)
{
	struct task *task = arg;

	sprintf(task->answer, "posted to %d", shoal_worker_slot());
	answer(task);
}

static void *
post(void *arg)
{
	struct task *task = arg;

	if (shoal_post(task->worker, answer_post, task) < 0)
		free(task);
	return NULL;
}

static void
start_thread(void *arg)
{
	struct task *task = arg;
	pthread_t thread;

	task->worker = shoal_worker_self();
	if (pthread_create(&thread, NULL, post, task) == 0)
		pthread_detach(thread);
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	static const struct {
		const char *verb;
		shoal_co_fn *fn;
	} verbs[] = {
		{ "fifo", wait_for_fifo }, { "briefly", wait_briefly },
		{ "resolve", resolve }, { "post", start_thread },
	};
	struct task *task = calloc(1, sizeof(*task));
	char verb[16] = "";
	size_t i;

	task->conn = shoal_conn_id(conn);
	sscanf(strndup(data, len), "%15s %255s", verb, task->words);
	for (i = 0; i < sizeof(verbs) / sizeof(verbs[0]); i++)
		if (strcmp(verb, verbs[i].verb) == 0) {
			shoal_co_start(verbs[i].fn, task, verb);
			return;
		}
	free(task);
	shoal_conn_printf(conn, "what?");
}

static const struct shoal_handler obey = {
	.size = sizeof(struct shoal_handler),
	.name = "obey",
	.tcp = { .size = sizeof(struct shoal_tcp_callbacks),
		.on_receive = on_receive },
};
static const struct shoal_handler *const handlers[] = { &obey, NULL };

SHOAL_MODULE(.name = "api", .version = "1.0", .handlers = handlers);
"""


def make():
    """A daemon with one worker whose handler obeys its clients."""
    shoal = Shoal()
    module = compile_text(shoal.path("api.so"), SOURCE)
    shoal.configure(
        listener(handler="api.obey"), workers=1,
        modules=f'{{ name = "api"; file = "{module}"; }}')
    os.mkfifo(shoal.path("fifo"))
    return shoal


def say(sock, words, answer):
    """Sends a command and checks the answer."""
    sock.sendall(words.encode())
    same(read_exactly(sock, len(answer)).decode(), answer, words)


def write_fifo(shoal, text):
    """Lets one who reads the fifo go on."""
    with open(shoal.path("fifo"), "w", encoding="ascii") as fifo:
        fifo.write(text)


def threads_of(pid):
    return int(status_field(pid, "Threads")[0])


def check_a_call_that_blocks_holds_nobody_up():
    with make() as shoal:
        port = shoal.run().port()
        same(threads_of(shoal.pid_of(0)), 1, "threads of an idle worker")
        with connect(port) as one, connect(port) as two:
            one.sendall(f"fifo {shoal.path('fifo')}".encode())
            until(lambda: threads_of(shoal.pid_of(0)) == 2, "a thread")
            for _ in range(20):
                say(two, "nonsense", "what?")
            write_fifo(shoal, "through")
            same(read_exactly(one, 7), b"through")
            say(one, f"briefly {shoal.path('fifo')}", "-110")
            write_fifo(shoal, "late")
            say(one, "nonsense", "what?")


def check_names():
    with make() as shoal:
        port = shoal.run().port()
        with connect(port) as sock:
            say(sock, "resolve localhost", "1")
            say(sock, "resolve 127.0.0.1", "1")
            sock.sendall(b"resolve no-such-host.invalid")
            expect(sock.recv(100) in (b"-1007", b"-11"), "a host, or none")


def check_posts_of_a_thread():
    with make() as shoal:
        port = shoal.run().port()
        with connect(port) as sock:
            for _ in range(20):
                say(sock, "post", "posted to 0")


def check_stop_and_reload_beside_a_call_that_is_stuck():
    with make() as shoal:
        port = shoal.run().port()
        for end in (shoal.reload, shoal.stop):
            pid = shoal.pid_of(0)
            with connect(port) as sock:
                sock.sendall(f"fifo {shoal.path('fifo')}".encode())
                until(lambda: threads_of(pid) == 2, "a thread")
            end()
            until(lambda: not os.path.exists(f"/proc/{pid}"),
                  "the end of the worker")
        same(shoal.log_text().count("ended: exit status 0"), 2)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
