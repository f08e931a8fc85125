"""Routes of the configuration file and of a program: who answers what."""
import os
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import modules  # noqa: E402
import shoal as daemon  # noqa: E402
from http_raw import Connection, fetch, request, wait_read  # noqa: E402
from shoal import Shoal  # noqa: E402
from websocket_raw import (TEXT, WebSocket, close_frame,  # noqa: E402
                           frame)
from waiting import (BUILDDIR, SANITIZED, SRCDIR, Skip,  # noqa: E402
                     expect, run_checks, same)

MODULE = r"""
#include <shoal/shoal.h>

static void
say(struct shoal_request *req, void *arg)
{
	shoal_response_printf(req, "%s %s %s [%s]", (const char *)arg,
	    shoal_request_method(req), shoal_request_route(req),
	    shoal_request_rest(req));
}

static void
swallow(struct shoal_request *req, void *arg)
{
	const void *data;
	ssize_t n = shoal_co_request_body(req, &data, SHOAL_FOREVER);

	if (n >= 0)
		shoal_response_printf(req, "%s %zd", (const char *)arg, n);
}

static int
open_word(const struct shoal_settings *settings, void **arg_out)
{
	*arg_out = (void *)shoal_settings_string(settings, "word");
	shoal_log(SHOAL_LOG_NOTICE, "open %s", (char *)*arg_out);
	return 0;
}

static void
close_word(void *arg)
{
	shoal_log(SHOAL_LOG_NOTICE, "close %s", (const char *)arg);
}

static void
serve(struct shoal_conn *conn, void *arg)
{
	shoal_co_printf(conn, "served\n");
}

static const struct shoal_setting settings[] = {
	{ "word", SHOAL_SETTING_STRING, "none", 0, 0, "said first" },
	{ NULL },
};
static const struct shoal_handler say_handler = {
	.size = sizeof(say_handler), .name = "say", .settings = settings,
	.open = open_word, .close = close_word, .request = say };
static const struct shoal_handler swallow_handler = {
	.size = sizeof(swallow_handler), .name = "swallow",
	.settings = settings, .open = open_word, .close = close_word,
	.request = swallow };
/* both kinds */
static const struct shoal_handler both_handler = {
	.size = sizeof(both_handler), .name = "both", .settings = settings,
	.open = open_word, .serve = serve, .request = say };
static const struct shoal_handler tcp_handler = {
	.size = sizeof(tcp_handler), .name = "tcp", .serve = serve };
static const struct shoal_handler *const handlers[] = { &say_handler,
	&swallow_handler, &both_handler, &tcp_handler, NULL };

SHOAL_MODULE(.name = "site", .version = "1.0", .handlers = handlers);
"""

PROGRAM = r"""
#include <shoal/shoal.h>

static void
say(struct shoal_request *req, void *arg)
{
	shoal_response_printf(req, "%s %s", (const char *)arg,
	    shoal_request_rest(req));
}

static void
swallow(struct shoal_request *req, void *arg)
{
	const void *data;
	ssize_t n = shoal_co_request_body(req, &data, SHOAL_FOREVER);

	if (n >= 0)
		shoal_response_printf(req, "%zd", n);
}

static void
on_receive(struct shoal_conn *conn, const void *data, size_t len, void *arg)
{
}

/* What may not be said. 0, or the number of what was taken nevertheless. */
static int
say_nonsense(struct shoal_server *server, const char *address)
{
	const struct shoal_tcp_callbacks callbacks = {
		.size = sizeof(callbacks), .on_receive = on_receive };
	struct shoal_listen_options options = { .size = sizeof(options),
		.idle_timeout_ms = 1 };
	struct shoal_http_limits limits = { .body_size = -2 };
	struct shoal_route route = { .size = sizeof(route), .path = "/post",
		.methods = "PUT, POST", .fn = say };

	if (shoal_server_route(server, address, "/", say, "x") !=
	    -SHOAL_EEXIST)
		return 11;
	if (shoal_server_route(server, address, "post", say, "x") !=
	    -SHOAL_EINVAL)
		return 12;
	if (shoal_server_route(server, address, "/n", NULL, "x") !=
	    -SHOAL_EINVAL)
		return 13;
	if (shoal_server_route(server, "nonsense", "/", say, "x") !=
	    -SHOAL_EINVAL)
		return 14;
	if (shoal_server_listen(server, address, &callbacks, NULL) !=
	    -SHOAL_EEXIST)
		return 15;
	if (shoal_server_listen_http(server, address, NULL, NULL) !=
	    -SHOAL_EEXIST)
		return 16;
	if (shoal_server_listen_http(server, "127.0.0.3:0", &options, NULL) !=
	    -SHOAL_EINVAL)
		return 17;
	if (shoal_server_listen_http(server, "127.0.0.3:0", NULL, &limits) !=
	    -SHOAL_EINVAL)
		return 18;
	if (shoal_server_route_with(server, address, &route) != -SHOAL_EEXIST)
		return 19;
	route.size = 0;
	route.path = "/sizeless";
	if (shoal_server_route_with(server, address, &route) != -SHOAL_EINVAL)
		return 20;
	if (shoal_server_listen(server, "127.0.0.4:0", &callbacks, NULL) < 0 ||
	    shoal_server_route(server, "127.0.0.4:0", "/", say, "x") !=
	    -SHOAL_EEXIST)
		return 21;
	return 0;
}

int
main(int argc, char **argv)
{
	static const char *const address = "127.0.0.1:0";
	struct shoal_server *server = shoal_server_new();
	struct shoal_listen_options options = { .size = sizeof(options),
		.name = "mine", .backlog = 9 };
	struct shoal_http_limits limits = { .body_size = 10 };
	char path[] = "/post", methods[] = "POST", host[] = "Example.org";
	struct shoal_route route = { .size = sizeof(route), .path = path,
		.methods = methods, .fn = swallow };
	int status;

	if (shoal_server_listen_http(server, address, &options, &limits) < 0 ||
	    shoal_server_route(server, address, "/", say, "root") < 0 ||
	    shoal_server_route(server, address, "/a/", say, "a") < 0 ||
	    shoal_server_route_with(server, address, &route) < 0)
		return 10;
	route.path = "/big";
	route.limits.body_size = 20;
	route.methods = NULL;
	if (shoal_server_route_with(server, address, &route) < 0)
		return 10;
	route = (struct shoal_route){ .size = sizeof(route), .path = "/",
		.host = host, .fn = say, .arg = "org" };
	if (shoal_server_route_with(server, address, &route) < 0)
		return 10;
	/* all was copied */
	path[1] = methods[1] = host[1] = 'x';
	status = say_nonsense(server, address);
	if (status == 0)
		status = shoal_main(server, argc, argv);
	shoal_server_free(&server);
	return status;
}
"""


def route(path, word=None, handler="site.say", more=""):
    config = f'config = {{ word = "{word}"; }}; ' if word else ""
    return (f'{{ path = "{path}"; handler = "{handler}"; {config}'
            f'{more} }}')


def site(*routes, address="127.0.0.1:0", more=""):
    return (f'{{ address = "{address}"; protocol = "http"; {more}\n'
            '  routes = (\n    ' + ",\n    ".join(routes) + '\n  ); }')


class Site(Shoal):
    """With the module."""

    def __init__(self, *listeners, **settings):
        super().__init__()
        self.module = modules.compile_text(self.path("site.so"), MODULE)
        self.configure(*listeners, **settings)

    def configure(self, *listeners, **settings):
        if hasattr(self, "module"):
            settings["modules"] = modules.entry(self.module, "site")
        super().configure(*listeners, **settings)


def text(port, path="/", method="GET", **more):
    """The body of a good answer, or the status of another."""
    answer = fetch(port, request(path, method, **more), method)
    return answer.body.decode() if answer.status == 200 else answer.status


def check_routes():
    """The right handler with the right settings, for each."""
    with Site(site(route("/", "root"), route("/a", "a"), route("/a/", "A"),
                   route("/a/b/", "b", more="exact = true;"),
                   route("/get", "get", more='methods = "GET";'),
                   route("/get", "put", more='methods = ["PUT", "LOCK"];'),
                   route("/", "org", more='host = "example.org";'),
                   route("/a/", "below", more='host = "*.example.org";'),
                   route("/\u00e4 b", "decoded")),
              '{ address = "127.0.0.2:0"; handler = "site.both"; '
              'protocol = "http"; config = { word = "all"; }; }',
              '{ address = "127.0.0.3:0"; handler = "site.both"; }') as shoal:
        shoal.run()
        port = shoal.port()
        same(text(port), "root GET / []")
        same(text(port, "/nothing/here"), "root GET / [nothing/here]")
        same(text(port, "/a"), "a GET /a []")
        same(text(port, "/a/"), "A GET /a/ []")
        same(text(port, "/x/../a/x%2e/y?q"), "A GET /a/ [x./y]")
        same(text(port, "/a/b/"), "b GET /a/b/ []")
        same(text(port, "/a/b/c"), "A GET /a/ [b/c]")
        same(text(port, "/%C3%A4%20b"), "decoded GET /\u00e4 b []")
        same(text(port, "/get"), "get GET /get []")
        same(text(port, "/get", "HEAD"), "")
        same(text(port, "/get", "LOCK"), "put LOCK /get []")
        same(text(port, "/a", host="EXAMPLE.org:80"), "org GET / [a]")
        same(text(port, "/a/x", host="q.example.org"), "below GET /a/ [x]")
        same(text(port, "/get", host="q.example.org"), "get GET /get []")
        same(text(("127.0.0.2", shoal.port(1)), "/p/q"), "all GET / [p/q]")
        same(text(("127.0.0.2", shoal.port(1)), "*", "OPTIONS"), 204)
        with Connection(("127.0.0.3", shoal.port(2))) as conn:
            same(conn.rest(), b"served\n")
        listeners = shoal.status()["listeners"]
        same([one["protocol"] for one in listeners], ["http", "http", "tcp"])
        expect("http " in shoal.good("status"), "no http in status")
        for word in ("root", "a", "A", "b", "get", "put", "org", "below",
                     "all", "none"):
            same(shoal.log_text().count(f"open {word}\n"), 1, word)
        shoal.stop()
        same(shoal.log_text().count("close "), 9)


def check_refusals():
    """404, 405 with Allow, and the way to a subtree."""
    with Site(site(route("/a/", "A"), route("/b", "b", more='methods = "GET";'),
                   route("/b", "c", more='methods = "POST, PATCH";'),
                   route("/d/", "d", more='host = "d.org"; '
                         'methods = "PUT";'))) as shoal:
        shoal.run()
        port = shoal.port()
        same(text(port), 404)
        same(text(port, "/b/"), 404)
        same(text(port, "/B"), 404)
        answer = fetch(port, request("/b", "DELETE"))
        same((answer.status, answer.get("allow")),
             (405, "GET, HEAD, POST, PATCH, OPTIONS"))
        answer = fetch(port, request("/b", "OPTIONS"))
        expect(answer.status == 204, answer)
        same(answer.get("allow"), "GET, HEAD, POST, PATCH, OPTIONS")
        answer = fetch(port, request("/a?b=c"))
        same((answer.status, answer.get("location")), (308, "/a/?b=c"))
        same(text(port, "/d/x", "PUT"), 404)
        same(text(port, "/d/x", "PUT", host="d.org"), "d PUT /d/ [x]")
        same(text(port, "/d/x", host="d.org"), 405)
        same(text(port, "/a/x", host="d.org"), "A GET /a/ [x]")


def check_limits():
    """A route over its listener over all."""
    size = "limits = {{ body_size = {}; }};".format
    with Site(site(route("/all", "l", "site.swallow"),
                   route("/one", "r", "site.swallow", size(30)),
                   route("/off", "o", "site.swallow", size('"off"')),
                   more=size(20)),
              site(route("/", "g", "site.swallow"), address="127.0.0.2:0"),
              more=size(10)) as shoal:
        shoal.run()
        port = shoal.port()
        for address, path, most in ((port, "/all", 20), (port, "/one", 30),
                                    (("127.0.0.2", shoal.port(1)), "/", 10)):
            same(text(address, path, "POST", body=b"x" * most)[2:], str(most))
            same(text(address, path, "POST", body=b"x" * (most + 1)), 413)
        same(text(port, "/off", "POST", body=b"x" * 3000000), "o 3000000")


def check_message_sizes():
    """Likewise; what is longer is too big."""
    size = "limits = {{ message_size = {}; }};".format
    own = "websocket = { message_size = 30; };"
    with Site(site(route("/all", handler="echo"),
                   route("/one", handler="echo", more=own), more=size(20)),
              '{ address = "127.0.0.2:0"; protocol = "http"; '
              'handler = "echo"; }', more=size(10)) as shoal:
        shoal.run()
        port = shoal.port()
        for address, path, most in ((port, "/all", 20), (port, "/one", 30),
                                    (("127.0.0.2", shoal.port(1)), "/", 10)):
            with WebSocket(address, path) as ws:
                ws.echo(TEXT, b"x" * most)
                ws.send(frame(TEXT, b"x" * (most + 1)))
                ws.expect_close_frame(1009, path)


def check_gzip():
    """A route over its listener."""
    def is_packed(path):
        answer = fetch(
            port, request(path, fields=["Accept-Encoding: gzip"]))
        return answer.get("content-encoding") == "gzip"

    with Site(site(route("/all", "l" * 900), route("/few", "s" * 90),
                   route("/off", "l" * 900, more='gzip = { level = "off"; };'),
                   route("/big", "l" * 900,
                         more='gzip = { min_size = "1M"; };'),
                   more='gzip = { level = 1; min_size = 500; };')) as shoal:
        shoal.run()
        port = shoal.port()
        same([is_packed(path) for path in ("/all", "/few", "/off", "/big")],
             [True, False, False, False])


def check_close_code():
    """What WebSockets are told when a reload is over for them."""
    with Site(site(route("/", handler="echo")),
              more='reload = { drain_timeout = "0s"; close_code = 4321; };') \
            as shoal:
        shoal.run()
        with WebSocket(shoal.port(), "/") as ws:
            shoal.reload()
            ws.expect_close_frame(4321)
            ws.send(close_frame(4321))
            ws.expect_end()
        with WebSocket(shoal.port(), "/") as ws:
            ws.echo(TEXT, b"x")
            shoal.good("listener", "stop", "127.0.0.1:0", "--deadline", "0s")
            ws.expect_close_frame(1001)


def check_reload():
    """Routes come and go, and requests in flight end where they began."""
    old = site(route("/", "old"), route("/swallow", "old", "site.swallow"),
               route("/gone", "gone"))
    new = site(route("/", "new"), route("/more", "more"))
    with Site(old) as shoal:
        shoal.run()
        port = shoal.port()
        head = request("/swallow", "POST", body=b"12345")
        with Connection(port) as conn:
            conn.send(head[:-3])
            wait_read(conn.sock)
            shoal.configure(new)
            shoal.reload()
            same(text(port), "new GET / []")
            same(text(port, "/swallow"), "new GET / [swallow]")
            same(text(port, "/gone"), "new GET / [gone]")
            same(text(port, "/more"), "more GET /more []")
            same(conn.ask(head[-3:]).body, b"old 5")
        shoal.wait_log("close gone")
        same(shoal.log_text().count("close more"), 0)


def check_reload_protocol():
    """The same address, with another protocol."""
    with Site('{ address = "127.0.0.1:0"; handler = "site.both"; }') as shoal:
        shoal.run()
        port = shoal.port()
        with Connection(port) as conn:
            same(conn.rest(), b"served\n")
        shoal.configure(site(route("/", "web")))
        shoal.reload()
        same(shoal.port(), port)
        same(text(port), "web GET / []")
        same(shoal.status()["listeners"][0]["protocol"], "http")


def check_errors():
    """All that is wrong, with its line; what serves goes on."""
    with Site(site(route("/", "good"))) as shoal:
        shoal.run()
        shoal.configure(
            site(route("a"), route("/b", handler="site.sy"),
                 route("/c", handler="site.tcp"),
                 route("/d", more='pth = "/";'),
                 route("/e", more='limits = { body_size = "1x"; };')),
            '{ address = "127.0.0.2:0"; handler = "site.say"; }')
        code, out, err = shoal.cli("test")
        same(code, 78, out, err)
        line = shoal.read()[:shoal.read().index('path = "a"')].count("\n") + 1
        for offset, words in (
                (0, 'listeners[0].routes[0].path "a" does not begin with '
                 "'/'"),
                (3, "unknown key 'pth' in listeners[0].routes[3]; did you "
                 "mean 'path'?"),
                (4, "listeners[0].routes[4].limits.body_size: expected")):
            found = [one for one in (out + err).splitlines() if words in one]
            same(len(found), 1, words, out, err)
            expect(f"shoal.conf:{line + offset}:" in found[0], found)
        code, out, err = shoal.cli("reload")
        expect(code != 0, "a broken file was taken")
        shoal.configure(
            site(route("/b", handler="site.sy"),
                 route("/c", handler="site.tcp"),
                 route("/d", more="config = { wrd = 1; };")),
            '{ address = "127.0.0.2:0"; handler = "site.say"; }')
        code, out, err = shoal.cli("test")
        same(code, 78, out, err)
        for offset, words in (
                (0, "listeners[0].routes[0].handler 'site.sy': no such "
                 "handler; did you mean 'site.say'?"),
                (1, "listeners[0].routes[1].handler 'site.tcp' does not "
                 "answer HTTP requests"),
                (2, "unknown key 'wrd' in listeners[0].routes[2].config; did "
                 "you mean 'word'?"),
                (4, "listeners[1].handler 'site.say' only answers HTTP "
                 'requests; set protocol = "http"')):
            found = [one for one in (out + err).splitlines() if words in one]
            same(len(found), 1, words, out, err)
            expect(f"shoal.conf:{line + offset}:" in found[0], found)
        same(text(shoal.port()), "good GET / []")


def check_overrides():
    """Routes on the command line, and what `config' shows of them."""
    with Site(site(route("/", "file"))) as shoal:
        shoal.run("-s", "listeners[0].routes[0].config.word=line",
                  "-s", "listeners[0].routes[1].path=/x",
                  "-s", "listeners[0].routes[1].handler=site.say",
                  "-s", "listeners[0].routes[1].methods=GET")
        port = shoal.port()
        same(text(port), "line GET / []")
        same(text(port, "/x"), "none GET /x []")
        same(text(port, "/x", "PUT"), 405)
        shown = shoal.good("config")
        expect('path = "/";' in shown and "exact = false;" in shown, shown)
        shoal.write(shown)
        shoal.good("test")


def build(path):
    libs = os.path.join(BUILDDIR, ".libs")
    try:
        subprocess.run(
            [*shlex.split(os.environ.get("CC", "cc")), "-x", "c", "-",
             "-I", os.path.join(SRCDIR, "src", "include"), "-o", path,
             "-L", libs, "-lshoal", f"-Wl,-rpath,{libs}"],
            input=PROGRAM, text=True, check=True)
    except FileNotFoundError as error:
        raise Skip(f"no compiler: {error}") from error
    return path


def check_program():
    """A program's routes, and more in a file."""
    if SANITIZED:
        raise Skip("the program would have to be sanitized too")
    with Site(site(route("/", "file"), address="127.0.0.2:0"),
              more='limits = { header_count = 3; };') as shoal:
        program, daemon.SHOAL = daemon.SHOAL, build(shoal.path("program"))
        try:
            shoal.run()
            port = shoal.port()
            same(text(port, "/x"), "root x")
            same(text(port, "/a/y"), "a y")
            same(text(port, "/post"), 405)
            same(text(port, "/", host="example.org"), "org ")
            same(text(port, "/post", "POST", body=b"x" * 10), "10")
            same(text(port, "/post", "POST", body=b"x" * 11), 413)
            same(text(port, "/big", "POST", body=b"x" * 20), "20")
            same(text(port, "/big", "POST", body=b"x" * 21), 413)
            same(text(port, fields=["A: b"] * 3), 431)
            same(text(("127.0.0.2", shoal.port(2))), "file GET / []")
            found = shoal.status()["listeners"][0]
            same((found["name"], found["protocol"], found["backlog"]),
                 ("mine", "http", 9))
            shoal.reload()
            same(text(port, "/a/y"), "a y")
        finally:
            daemon.SHOAL = program


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
