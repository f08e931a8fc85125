#!/usr/bin/env python3
"""A program's own pool: the example of the manual page, and a stubborn one."""
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from clients import SECONDS, read_all  # noqa: E402
from waiting import (BUILDDIR, SANITIZED, SRCDIR, Skip,  # noqa: E402
                     children_of, end_processes, expect, is_alive, on_failure,
                     run_checks, same, stat_of, until, wait_gone)

RESTARTS = 5

STUBBORN = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <shoal/shoal.h>

static int
work(struct shoal_pool_worker *worker, void *arg)
{
	while (arg == NULL)
		pause();
	return 0;
}

static void
on_start(struct shoal_pool *pool, void *arg)
{
	puts("started");
	fflush(stdout);
}

int
main(int argc, char **argv)
{
	const struct shoal_pool_hooks hooks = { .size = sizeof(hooks),
		.on_start = on_start };
	struct shoal_pool_options options = { .size = sizeof(options),
		.workers = 2, .main = work, .hooks = &hooks,
		.stop_timeout_ms = atoi(argv[1]) };
	struct shoal_pool *pool;

	if (shoal_pool_new(&options, &pool) < 0)
		return 1;
	if (shoal_pool_run(pool) < 0)
		return 2;
	shoal_pool_free(&pool);
	puts("returned");
	return 0;
}
"""


def example():
    """The program that the manual page shows."""
    with open(os.path.join(SRCDIR, "man", "shoal_pool.3"),
              encoding="utf-8") as page:
        text = page.read().partition(".Sh EXAMPLES")[2]
    program = re.search(r"\.Bd -literal[^\n]*\n(.*?)\n\.Ed", text, re.S)
    return program.group(1).replace(r"\e", "\\").replace(r"\-", "-") + "\n"


class Program:
    """A compiled program that runs, and the lines that it has printed."""

    def __init__(self, text, *args):
        if SANITIZED:
            raise Skip("the program would have to be sanitized too")
        self.folder = tempfile.TemporaryDirectory(prefix="shoal-pool-")
        path = os.path.join(self.folder.name, "program")
        libs = os.path.join(BUILDDIR, ".libs")
        try:
            subprocess.run(
                [*shlex.split(os.environ.get("CC", "cc")), "-x", "c", "-",
                 "-Wall", "-I", os.path.join(SRCDIR, "src", "include"), "-o",
                 path, "-L", libs, "-lshoal", f"-Wl,-rpath,{libs}"],
                input=text, text=True, check=True)
        except FileNotFoundError as error:
            raise Skip(f"no compiler: {error}") from error
        self.output = os.path.join(self.folder.name, "output")
        with open(self.output, "wb") as output:
            self.process = subprocess.Popen(
                [path, *args], stdout=output, stderr=output,
                stdin=subprocess.DEVNULL, start_new_session=True)
        self.pid = self.process.pid
        on_failure(lambda: print(self.text()))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        end_processes([*self.workers(), self.pid])
        self.process.wait()
        self.folder.cleanup()

    def text(self):
        with open(self.output, encoding="utf-8") as output:
            return output.read()

    def wait(self, pattern):
        """The match of a pattern in what it prints."""
        return until(lambda: re.search(pattern, self.text()), pattern)

    def workers(self):
        return [pid for pid in children_of(self.pid) if is_alive(pid)]

    def wait_end(self):
        return self.process.wait(SECONDS)

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.pid}/fd"))


def greet(address):
    """What a worker says; its pid. Any failure is an exception."""
    with socket.create_connection(address, SECONDS) as sock:
        said = read_all(sock)
    found = re.fullmatch(rb"Hello from process (\d+)!\n", said)
    expect(found, "not a greeting:", said)
    return int(found.group(1))


def start_example():
    program = Program(example())
    host, port = program.wait(r"Try: nc ([0-9.]+):(\d+)\n").groups()
    return program, (host, int(port))


class Clients(threading.Thread):
    """Connects again and again until it is told to end."""

    def __init__(self, address):
        super().__init__()
        self.address, self.failure, self.count = address, None, 0
        self.over = threading.Event()

    def run(self):
        try:
            while not self.over.is_set():
                greet(self.address)
                self.count += 1
        except Exception as failure:  # told by the check
            self.failure = failure


def check_restart_refuses_nobody():
    """Five restarts: new processes, no failed client, no descriptor left."""
    program, address = start_example()
    with program:
        clients = [Clients(address) for _ in range(4)]
        for client in clients:
            client.start()
        try:
            seen, before = set(program.workers()), program.descriptors()
            for i in range(RESTARTS):
                old = set(program.workers())
                counts = [client.count for client in clients]
                os.kill(program.pid,
                        signal.SIGUSR1 if i % 2 else signal.SIGHUP)
                until(lambda: program.text().count(
                    "all workers have been replaced") == i + 1, "a restart")
                expect(not old & set(program.workers()), "an old worker")
                seen |= set(program.workers())
                until(lambda: all(
                    client.failure or client.count > count
                    for client, count in zip(clients, counts)), "answers")
        finally:
            for client in clients:
                client.over.set()
            for client in clients:
                client.join()
        same([client.failure for client in clients], [None] * 4)
        same(len(seen), 2 * (RESTARTS + 1))
        same(program.descriptors(), before)
        os.kill(program.pid, signal.SIGTERM)
        same(program.wait_end(), 0)
        greeted = int(program.wait(r"(\d+) clients have been").group(1))
        same(greeted, sum(client.count for client in clients))
        expect("unexpectedly" not in program.text(), "a worker has died")


def check_killed_worker_is_replaced():
    """Its connections wait, and it does not stay a zombie."""
    program, address = start_example()
    with program:
        victim = greet(address)
        os.kill(victim, signal.SIGKILL)
        program.wait(rf"Worker {victim} of slot \d has ended unexpectedly")
        expect(stat_of(victim) is None, "a zombie")
        until(lambda: len(program.workers()) == 2, "a replacement")
        for _ in range(20):
            expect(greet(address) != victim, "the dead one speaks")


def check_terminal_interrupts_parent_only():
    """Ctrl-C reaches the workers too; they end because they are told."""
    program, _ = start_example()
    with program:
        os.killpg(program.pid, signal.SIGINT)
        same(program.wait_end(), 0)
        expect("unexpectedly" not in program.text(), "a worker has died")
        same(program.text().count("has ended"), 2)


def check_worker_that_gets_term_is_replaced():
    program, address = start_example()
    with program:
        old = greet(address)
        os.kill(old, signal.SIGTERM)
        program.wait(rf"Worker {old} of slot \d has ended\.")
        until(lambda: len(program.workers()) == 2, "a replacement")
        greet(address)


def check_taken_address_is_told():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with Program(example(), f"127.0.0.1:{port}") as program:
            same(program.wait_end(), 1)
            expect("another program has it" in program.text(), "no reason")


def check_workers_end_with_the_parent():
    """Also those that look at nothing."""
    program, _ = start_example()
    with program:
        workers = program.workers()
        os.kill(program.pid, signal.SIGKILL)
        program.wait_end()
        for worker in workers:
            wait_gone(worker)
    with Program(STUBBORN, "300") as program:
        program.wait("started")
        workers = program.workers()
        same(len(workers), 2)
        os.kill(program.pid, signal.SIGKILL)
        program.wait_end()
        for worker in workers:
            wait_gone(worker)


def check_stubborn_workers_are_killed():
    with Program(STUBBORN, "300") as program:
        program.wait("started")
        os.kill(program.pid, signal.SIGTERM)
        same(program.wait_end(), 0)
        program.wait("returned")
        same(program.text().count("and is killed"), 2)


def check_repeated_signals_are_stronger():
    """Without waiting for a timeout of an hour."""
    with Program(STUBBORN, "3600000") as program:
        program.wait("started")
        for i in range(3):
            os.kill(program.pid, signal.SIGTERM)
            until(lambda: program.text().count("signal TERM") == i + 1 or
                  program.process.poll() is not None, "the signal")
        same(program.wait_end(), 0)
        program.wait("returned")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
