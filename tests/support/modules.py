"""Modules for the tests, compiled on the spot."""
import os
import shlex
import subprocess

from waiting import BUILDDIR, SRCDIR, Skip

SOURCE = """
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <shoal/shoal.h>

static void
crash(void *arg)
{
	abort();
}

static void
on_connect(struct shoal_conn *conn, void *arg)
{
	%(connect)s
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
	if (len != 0)
		shoal_conn_printf(conn, "%(answer)s:%%.*s", (int)len,
		    (const char *)data);
}

static int
check(const struct shoal_settings *settings, char *why, size_t cap)
{
	%(check)s
	return 0;
}

static int
worker_start(const struct shoal_settings *settings)
{
	%(start)s
	return 0;
}

static const struct shoal_handler answer = {
	.size = sizeof(struct shoal_handler),
	.name = "answer",
	.tcp = { .size = sizeof(struct shoal_tcp_callbacks),
		.on_connect = on_connect, .on_receive = on_receive },
	.framing = %(framing)s,
};
static const struct shoal_handler *const handlers[] = { &answer, NULL };

SHOAL_MODULE(.name = "probe", .version = "1.0", .handlers = handlers,
    .check = check, .worker_start = worker_start);
"""


def compile_text(path, text):
    """Compiles C to a module and puts it in place by a rename."""
    compiler = shlex.split(os.environ.get("CC", "cc"))
    try:
        subprocess.run(
            [*compiler, "-x", "c", "-shared", "-fPIC", "-Wno-unused-function",
             "-fstack-clash-protection",
             "-I", os.path.join(SRCDIR, "src", "include"), "-",
             "-o", path + ".new", "-L", os.path.join(BUILDDIR, ".libs"),
             "-lshoal"],
            input=text, text=True, check=True)
    except FileNotFoundError as error:
        raise Skip(f"no compiler: {error}") from error
    os.chmod(path + ".new", 0o755)
    os.rename(path + ".new", path)
    return path


def build(path, answer="one", check="", start="", connect="",
          framing="NULL"):
    """Makes a module of the template.

    Its handler `answer' sends back what it receives behind the answer and a
    colon; the other texts are C for its functions, in which crash() is a
    timer's function, and for its framing.
    """
    return compile_text(path, SOURCE % {
        "answer": answer, "check": check, "start": start, "connect": connect,
        "framing": framing})


def entry(path, name="probe"):
    """The entry of a module in the configuration file."""
    return f'{{ name = "{name}"; file = "{path}"; }}'
