"""A program with its own main: listeners with options, handlers, hooks."""
import os
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import shoal as daemon  # noqa: E402
from clients import exchange  # noqa: E402
from shoal import Shoal, listener  # noqa: E402
from waiting import (BUILDDIR, SANITIZED, SRCDIR, Skip,  # noqa: E402
                     expect, run_checks, same)

SOURCE = r"""
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/socket.h>
#include <shoal/shoal.h>

static int
option(struct shoal_conn *conn, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	getsockopt(shoal_conn_fd(conn), level, name, &value, &len);
	return value;
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	shoal_conn_printf(conn, "%s %s %d %d %d %d %d %d %d",
	    (const char *)arg, shoal_conn_listener(conn),
	    option(conn, IPPROTO_TCP, TCP_NODELAY),
	    option(conn, SOL_SOCKET, SO_KEEPALIVE),
	    option(conn, IPPROTO_TCP, TCP_KEEPIDLE),
	    option(conn, IPPROTO_TCP, TCP_KEEPINTVL),
	    option(conn, IPPROTO_TCP, TCP_KEEPCNT),
	    option(conn, IPPROTO_TCP, TCP_USER_TIMEOUT),
	    option(conn, IPPROTO_TCP, TCP_NOTSENT_LOWAT));
}

static int
open_own(const struct shoal_settings *settings, void **arg_out)
{
	*arg_out = "own";
	return 0;
}

static int
on_start(void *arg)
{
	shoal_log(SHOAL_LOG_NOTICE, "%s %d/%d", (const char *)arg,
	    shoal_worker_slot(), shoal_worker_count());
	return 0;
}

int
main(int argc, char **argv)
{
	static const struct shoal_tcp_callbacks callbacks = {
		.size = sizeof(callbacks), .on_receive = on_receive };
	static const struct shoal_handler own = { .size = sizeof(own),
		.name = "own", .open = open_own,
		.tcp = { .size = sizeof(callbacks),
			.on_receive = on_receive } };
	static const struct shoal_framing endless = {
		.size = sizeof(endless), .type = SHOAL_FRAMING_TERMINATOR };
	struct shoal_handler cut = own;
	struct shoal_listen_options options = { .size = sizeof(options),
		.name = "mine", .backlog = 7, .keepalive_idle_ms = 20500,
		.keepalive_interval_ms = 3000, .keepalive_count = 4,
		.user_timeout_ms = 1234, .notsent_lowat = 5000,
		.queue_high = 10, .queue_low = 20 };
	const struct shoal_worker_hooks hooks = { .size = sizeof(hooks),
		.on_start = on_start };
	struct shoal_server *server = shoal_server_new();
	int bad, same, wrong, status;

	wrong = shoal_server_listen_with(server, "127.0.0.1:0", &options,
	    &callbacks, "a");
	options.queue_low = 5;
	options.framing = &endless;
	bad = shoal_server_listen_with(server, "127.0.0.1:0", &options,
	    &callbacks, "a");
	cut.name = "cut";
	cut.framing = &endless;
	if (bad != -SHOAL_EINVAL ||
	    shoal_server_add_handler(server, &cut) != -SHOAL_EINVAL)
		return 4;
	options.framing = NULL;
	if (shoal_server_listen_with(server, "127.0.0.1:0", &options,
		&callbacks, "a") < 0 ||
	    shoal_server_add_handler(server, &own) < 0 ||
	    shoal_server_set_hooks(server, &hooks, "hooked") < 0)
		return 1;
	same = shoal_server_listen(server, "127.0.0.1:0", &callbacks, "a");
	bad = shoal_server_listen(server, "127.0.0.1", &callbacks, "a");
	if (wrong != -SHOAL_EINVAL || same != -SHOAL_EEXIST ||
	    bad != -SHOAL_EINVAL)
		return 2;
	if (shoal_server_add_handler(server, &own) != -SHOAL_EEXIST)
		return 3;
	status = shoal_main(server, argc, argv);
	shoal_server_free(&server);
	return status;
}
"""


def build(path):
    """Compiles the program against the library of the build tree."""
    libs = os.path.join(BUILDDIR, ".libs")
    try:
        subprocess.run(
            [*shlex.split(os.environ.get("CC", "cc")), "-x", "c", "-",
             "-I", os.path.join(SRCDIR, "src", "include"), "-o", path,
             "-L", libs, "-lshoal", f"-Wl,-rpath,{libs}"],
            input=SOURCE, text=True, check=True)
    except FileNotFoundError as error:
        raise Skip(f"no compiler: {error}") from error
    return path


def check_program():
    """Its listener and one of the file, both with what was asked for."""
    if SANITIZED:
        raise Skip("the program would have to be sanitized too")
    with Shoal() as shoal:
        shoal.configure(
            listener("127.0.0.2:0", "own", more='name = "filed";'))
        program, daemon.SHOAL = daemon.SHOAL, build(shoal.path("program"))
        try:
            shoal.run()
            same(exchange(shoal.port(0), b"?"),
                 b"a mine 1 1 21 3 4 1234 5000")
            port = shoal.port(1)
            answer = exchange(("127.0.0.2", port), b"?").split()
            same(answer[:4], [b"own", b"filed", b"1", b"0"])
            same(answer[-1], b"65536")
            shoal.wait_log("hooked 0/1")
            same([entry["backlog"] for entry in shoal.status()["listeners"]],
                 [7, 4096])
            expect("own" in shoal.good("modules"), "no own handler")
            shoal.reload()
            same(exchange(shoal.port(0), b"?"),
                 b"a mine 1 1 21 3 4 1234 5000")
            shoal.stop()
        finally:
            daemon.SHOAL = program


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
