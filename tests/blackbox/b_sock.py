#!/usr/bin/python3
"""A handler that asks other servers while it goes on serving its clients."""
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from clients import connect  # noqa: E402
from modules import compile_text, entry  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import expect, run_checks, same  # noqa: E402

SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <shoal/shoal.h>

struct question {
	uint64_t conn;
	char address[256];
	char text[256];
	int timeout_ms;
};

static int
ask_server(const struct question *question, char *line, size_t cap)
{
	struct shoal_sock *sock;
	ssize_t n;
	int r;

	r = shoal_co_sock_connect(
	    question->address, NULL, question->timeout_ms, &sock);
	if (r < 0)
		return r;
	n = shoal_co_sock_send(
	    sock, question->text, strlen(question->text), 1000);
	if (n == 0)
		n = shoal_co_sock_recv_line(
		    sock, line, cap, question->timeout_ms);
	shoal_sock_close(&sock);
	return (int)n;
}

static void
relay(void *arg)
{
	struct question *question = arg;
	char line[512];
	int n = ask_server(question, line, sizeof(line));

	if (n <= 0)
		snprintf(line, sizeof(line), "%d\n", n);
	shoal_conn_send_to(question->conn, line, strlen(line));
	shoal_log(SHOAL_LOG_NOTICE, "relayed %s", line);
	free(question);
}

/* "timeout_ms address text" */
static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	struct question *question = calloc(1, sizeof(*question));
	char words[512];

	snprintf(words, sizeof(words), "%.*s", (int)len, (const char *)data);
	question->conn = shoal_conn_id(conn);
	if (sscanf(words, "%d %255s %255[^!]", &question->timeout_ms,
		question->address, question->text) != 3)
		shoal_conn_printf(conn, "what?\n");
	shoal_co_start(relay, question, "relay");
}

static const struct shoal_handler handler = {
	.size = sizeof(struct shoal_handler),
	.name = "relay",
	.tcp = { .size = sizeof(struct shoal_tcp_callbacks),
		.on_receive = on_receive },
};
static const struct shoal_handler *const handlers[] = { &handler, NULL };

SHOAL_MODULE(.name = "probe", .version = "1.0", .handlers = handlers);
"""
SECONDS = 10


def make():
    shoal = Shoal()
    module = compile_text(shoal.path("probe.so"), SOURCE)
    shoal.configure(listener(handler="probe.relay"), modules=entry(module))
    return shoal


def upstream(family=socket.AF_INET, address=("127.0.0.1", 0)):
    server = socket.socket(family, socket.SOCK_STREAM)
    server.settimeout(SECONDS)
    server.bind(address)
    server.listen(16)
    return server


def read_line(sock):
    line = b""
    while not line.endswith(b"\n"):
        part = sock.recv(1)
        expect(part, "the end after", line)
        line += part
    return line


def check_by_name_and_by_path():
    with make() as shoal:
        port = shoal.run().port()
        path = shoal.path("upstream")
        for family, bound, shown in (
                (socket.AF_INET, ("127.0.0.1", 0), None),
                (socket.AF_UNIX, path, f"unix:{path}")):
            with upstream(family, bound) as server, connect(port) as client:
                if shown is None:
                    shown = f"localhost:{server.getsockname()[1]}"
                client.sendall(f"5000 {shown} ping".encode())
                peer, _ = server.accept()
                with peer:
                    peer.settimeout(SECONDS)
                    same(peer.recv(4), b"ping")
                    for piece in (b"po", b"ng\r", b"\nmore"):
                        peer.sendall(piece)
                    same(read_line(client), b"pong\r\n")


def check_who_waits_keeps_nobody_waiting():
    with make() as shoal:
        port = shoal.run().port()
        with upstream() as server, connect(port) as one, \
                connect(port) as two:
            address = "127.0.0.1:%d" % server.getsockname()[1]
            one.sendall(f"60000 {address} first".encode())
            first, _ = server.accept()
            two.sendall(f"60000 {address} second".encode())
            second, _ = server.accept()
            with first, second:
                second.sendall(b"two\n")
                same(read_line(two), b"two\n")
                first.sendall(b"one\n")
                same(read_line(one), b"one\n")


def check_failures_are_told_apart():
    with make() as shoal:
        port = shoal.run().port()
        with upstream() as server, connect(port) as client:
            address = "127.0.0.1:%d" % server.getsockname()[1]

            def ask(timeout_ms, act):
                client.sendall(f"{timeout_ms} {address} x".encode())
                peer, _ = server.accept()
                with peer:
                    peer.settimeout(SECONDS)
                    same(peer.recv(1), b"x")
                    act(peer)
                    return int(read_line(client))

            def reset(peer):
                peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                b"\1\0\0\0\0\0\0\0")
                peer.close()

            same(ask(50, lambda peer: None), -110, "timeout")
            same(ask(60000, lambda peer: peer.close()), 0, "end")
            same(ask(60000, lambda peer: (peer.sendall(b"half"),
                                          peer.close())), -1003, "truncated")
            same(ask(60000, reset), -104, "reset")
            server.close()
            client.sendall(f"60000 {address} x".encode())
            same(int(read_line(client)), -111, "refused")


def check_stop_does_not_wait_for_other_servers():
    with make() as shoal:
        port = shoal.run().port()
        with upstream() as server, connect(port) as client:
            address = "127.0.0.1:%d" % server.getsockname()[1]
            client.sendall(f"60000 {address} x".encode())
            peer, _ = server.accept()
            with peer:
                peer.settimeout(SECONDS)
                same(peer.recv(1), b"x")
                shoal.stop()
                # closed by the worker, or with it
                same(peer.recv(1), b"")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
