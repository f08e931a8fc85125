"""Static files: what is served and how, and that nothing else is."""
import calendar
import gzip
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from http_raw import Connection, fetch, request  # noqa: E402
from shoal import Shoal  # noqa: E402
from waiting import expect, run_checks, same, until  # noqa: E402

BIG = 64 << 20
SMALL_REQUESTS = 10000
MODIFIED = 784111777            # Sun, 06 Nov 1994 08:49:37 GMT
DATE = "Sun, 06 Nov 1994 08:49:37 GMT"
SECRET = b"secret, outside of the root\n"
INDEX = b"<!doctype html><title>index</title>\n"
TEXT = b"".join(b"%07d\n" % i for i in range(5000))


MIB = 1 << 20
NOISE = os.urandom(MIB - 8)


def block(i):
    """The big file's block number i, which tells its place."""
    return b"%07d\n" % i + NOISE


class Site(Shoal):
    """A daemon with a root to serve, and a file beside it."""

    def __init__(self, path="/", more="", routes=None):
        super().__init__()
        self.root = self.path("root")
        os.mkdir(self.root)
        self.put("../secret", SECRET)
        self.routes = routes or [(path, more)]
        listed = ",\n".join(
            f'{{ path = "{path}"; handler = "static"; config = '
            f'{{ root = "{self.root}"; {more} }}; }}'
            for path, more in self.routes)
        self.configure(f'{{ address = "127.0.0.1:0"; protocol = "http"; '
                       f'routes = ( {listed} ); }}')
        self.address = None

    def __enter__(self):
        self.run()
        self.address = self.port()
        return self

    def file(self, name):
        return os.path.join(self.root, name)

    def put(self, name, data, modified=MODIFIED):
        """Makes a file, and the folders above it."""
        path = self.file(name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as file:
            file.write(data)
        os.utime(path, (modified, modified))
        return path

    def get(self, path, *fields, method="GET"):
        return fetch(self.address, request(path, method, fields), method)

    def descriptors(self):
        """Open descriptors of the worker."""
        return len(os.listdir(f"/proc/{self.pid_of()}/fd"))


def check_files():
    """Types, lengths, index, folders."""
    with Site() as site:
        site.put("index.html", INDEX)
        site.put("a b/ü.txt", TEXT)
        site.put("a b/index.html", b"inner")
        site.put("none/x.unknown", b"?")
        site.put("empty.css", b"")
        site.put("q?.json", b"{}")
        answer = site.get("/")
        same((answer.status, answer.body), (200, INDEX))
        same(answer.get("content-type"), "text/html; charset=utf-8")
        same(answer.get("last-modified"), DATE)
        same(answer.get("accept-ranges"), "bytes")
        same(answer.get("vary"), None)
        same(answer.get("cache-control"), None)
        expect(re.match(r'"[0-9a-f]+-24"\Z', answer.get("etag")), answer)
        same(site.get("/index.html").body, INDEX)
        same(site.get("//index.html").body, INDEX)
        answer = site.get("/a%20b/%C3%BC.txt")
        same((answer.status, answer.body), (200, TEXT))
        same(answer.get("content-type"), "text/plain; charset=utf-8")
        same(site.get("/a%20b/").body, b"inner")
        same(site.get("/none/x.unknown").get("content-type"),
             "application/octet-stream")
        same(site.get("/q%3f.json").get("content-type"), "application/json")
        answer = site.get("/empty.css")
        same((answer.status, answer.body), (200, b""))
        same(answer.get("content-length"), "0")
        for path in ("/none", "/no", "/index.html/", "/index.html/x",
                     "/none/", "/" + "x" * 300, "/" + "x/" * 3000):
            answer = site.get(path)
            wanted = 308 if path == "/none" else 404
            same(answer.status, wanted, path)


def check_head():
    """HEAD is GET without the body, also for a connection that goes on."""
    with Site() as site:
        site.put("a.txt", TEXT)
        with Connection(site.address) as conn:
            for fields in ((), ("Range: bytes=0-1",)):
                got = conn.ask(request("/a.txt", "HEAD", fields), "HEAD")
                same((got.status, got.body), (200, b""))
                same(got.get("content-length"), str(len(TEXT)))
            same(conn.ask(request("/a.txt")).body, TEXT)
            got = conn.ask(request("/no", "HEAD"), "HEAD")
            same((got.status, got.body), (404, b""))


def check_methods():
    with Site() as site:
        site.put("a.txt", TEXT)
        for method in ("POST", "PUT", "DELETE", "PROPFIND"):
            answer = site.get("/a.txt", method=method)
            same(answer.status, 405, method)
            same(answer.get("allow"), "GET, HEAD")
        same(open(site.file("a.txt"), "rb").read(), TEXT)


def check_redirect():
    """A folder without its slash; never to another host."""
    with Site() as site:
        site.put("dir/index.html", b"inner")
        site.put("a b/ü;x/index.html", b"deep")
        for path, location in (
                ("/dir", "/dir/"), ("/dir?a=b&c=%20", "/dir/?a=b&c=%20"),
                ("//dir", "/dir/"), ("///dir?x", "/dir/?x"),
                ("/%64ir", "/dir/"), ("/x/../dir", "/dir/"),
                ("//example.org/../dir", "/dir/"),
                ("//example.org/%2e%2e/dir", "/dir/"),
                ("/\\example.org/../dir", "/dir/"),
                ("http://x/dir", "/dir/"),
                ("/a%20b/%C3%BC;x", "/a%20b/%C3%BC%3Bx/")):
            answer = site.get(path)
            same(answer.status, 308, path)
            same(answer.get("location"), location, path)
        same(site.get("/a%20b/%C3%BC%3Bx/").body, b"deep")


def check_conditions():
    with Site() as site:
        site.put("a.txt", TEXT)
        etag = site.get("/a.txt").get("etag")
        for field, status in (
                (f"If-None-Match: {etag}", 304),
                (f'If-None-Match: "x", W/{etag}', 304),
                ("If-None-Match: *", 304), ('If-None-Match: "x"', 200),
                (f"If-Modified-Since: {DATE}", 304),
                ("If-Modified-Since: Sun Nov  6 08:49:37 1994", 304),
                ("If-Modified-Since: Sun, 06 Nov 1994 08:49:36 GMT", 200),
                (f"If-Match: {etag}", 200), ('If-Match: "x"', 412),
                (f"If-Unmodified-Since: {DATE}", 200),
                ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT", 412)):
            answer = site.get("/a.txt", field)
            same(answer.status, status, field)
            if status == 304:
                same((answer.body, answer.get("etag")), (b"", etag))
                same(answer.get("content-type"), None)
        # another content of the same size has another tag
        site.put("a.txt", TEXT[::-1], MODIFIED + 0.25)
        answer = site.get("/a.txt", f"If-None-Match: {etag}")
        same((answer.status, answer.body), (200, TEXT[::-1]))


def parts_of(answer):
    """The parts of multipart/byteranges: their Content-Range and bytes."""
    kind = answer.get("content-type")
    expect(kind.startswith("multipart/byteranges; boundary="), kind)
    mark = b"\r\n--" + kind.partition("=")[2].encode()
    first, *parts, last = answer.body.split(mark)
    same((first, last), (b"", b"--\r\n"))
    found = []
    for part in parts:
        head, _, body = part.partition(b"\r\n\r\n")
        lines = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        same(lines[b"Content-Type"], b"text/plain; charset=utf-8")
        found.append((lines[b"Content-Range"].decode(), body))
    return found


def check_ranges():
    size = len(TEXT)
    with Site() as site:
        site.put("a.txt", TEXT)
        etag = site.get("/a.txt").get("etag")
        for wanted, begin, end in (
                ("0-0", 0, 1), ("10-19", 10, 20), ("-5", size - 5, size),
                (f"{size - 1}-", size - 1, size), ("5-99999999", 5, size),
                ("3-4,5-6", 3, 7), ("0-", 0, size)):
            answer = site.get("/a.txt", f"Range: bytes={wanted}")
            same(answer.status, 206, wanted)
            same(answer.body, TEXT[begin:end], wanted)
            same(answer.get("content-range"),
                 f"bytes {begin}-{end - 1}/{size}")
            same(answer.get("etag"), etag)
        answer = site.get("/a.txt", "Range: bytes=-3,0-1,20000-39000")
        same(answer.status, 206)
        same(parts_of(answer),
             [(f"bytes {size - 3}-{size - 1}/{size}", TEXT[-3:]),
              (f"bytes 0-1/{size}", TEXT[:2]),
              (f"bytes 20000-39000/{size}", TEXT[20000:39001])])
        answer = site.get("/a.txt", f"Range: bytes={size}-")
        same(answer.status, 416)
        same(answer.get("content-range"), f"bytes */{size}")
        same(answer.get("etag"), None)
        many = ",".join(f"{i * 4}-{i * 4}" for i in range(17))
        for wanted in (many, "5-4", "x", "1-2;3-4", "1-2,x"):
            answer = site.get("/a.txt", f"Range: bytes={wanted}")
            same((answer.status, answer.body), (200, TEXT), wanted)
        same(site.get("/a.txt", "Range: bytes=0-1", f"If-Range: {etag}").body,
             TEXT[:2])
        same(site.get("/a.txt", "Range: bytes=0-1", 'If-Range: "x"').body,
             TEXT)


def check_precompressed():
    packed = gzip.compress(TEXT)
    with Site(routes=[("/", ""), ("/plain/", "precompressed = false;")]) as site:
        site.put("a.txt", TEXT)
        site.put("a.txt.gz", packed)
        site.put("b.txt", TEXT)
        site.put("b.txt.gz", packed)
        site.put("b.txt.br", b"brotli")
        site.put("c.txt.gz", packed)
        os.mkdir(site.file("d.txt.gz"))
        site.put("d.txt", TEXT)
        for path, accept, coding, body in (
                ("/a.txt", "gzip", "gzip", packed),
                ("/a.txt", "br, gzip;q=0.5", "gzip", packed),
                ("/a.txt", "gzip;q=0.5, identity", None, TEXT),
                ("/a.txt", "br, gzip;q=0.5, identity;q=0", "gzip", packed),
                ("/a.txt", "gzip;q=0", None, TEXT),
                ("/a.txt", "", None, TEXT),
                ("/b.txt", "gzip, br", "br", b"brotli"),
                ("/b.txt", "gzip, br;q=0.9", "gzip", packed),
                ("/b.txt", "gzip;q=0.4, br;q=0.3, identity;q=0.1", "gzip",
                 packed)):
            answer = site.get(path, f"Accept-Encoding: {accept}")
            same(answer.status, 200, path)
            same(answer.get("content-encoding"), coding, path, accept)
            same(answer.body, body, path, accept)
            same(answer.get("vary"), "Accept-Encoding", path)
            same(answer.get("content-type"), "text/plain; charset=utf-8")
        tags = {site.get("/b.txt", f"Accept-Encoding: {coding}").get("etag")
                for coding in ("gzip", "br", "identity")}
        same(len(tags), 3, tags)
        same(site.get("/c.txt", "Accept-Encoding: gzip").status, 404)
        answer = site.get("/d.txt", "Accept-Encoding: gzip")
        same((answer.body, answer.get("vary")), (TEXT, None))
        answer = site.get("/plain/a.txt", "Accept-Encoding: gzip")
        same((answer.body, answer.get("vary")), (TEXT, None))
        # a refusal is not encoded
        answer = site.get("/a.txt", "Accept-Encoding: gzip",
                          "Range: bytes=999999-")
        same((answer.status, answer.get("content-encoding")), (416, None))


def check_no_way_out():
    """Nothing but what is beneath the root, whatever the path looks like."""
    with Site() as site:
        site.put("index.html", INDEX)
        site.put("in/real.txt", b"real")
        os.symlink("in/real.txt", site.file("inside"))
        os.symlink("in", site.file("folder"))
        os.symlink("../in/real.txt", site.file("in/back"))
        os.symlink("../secret", site.file("relative"))
        os.symlink(site.path("secret"), site.file("absolute"))
        os.symlink("..", site.file("up"))
        os.symlink("/", site.file("top"))
        os.symlink("loop", site.file("loop"))
        os.symlink(f"{site.root}/in/real.txt", site.file("own"))
        os.symlink("/proc/self/root", site.file("magic"))
        for path in ("/inside", "/folder/real.txt", "/in/back", "/in//real.txt",
                     "/x/../in/real.txt", "/./in/./real.txt"):
            answer = site.get(path)
            same((answer.status, answer.body), (200, b"real"), path)
        dots = ("..", "%2e%2e", ".%2e", "%2E.", "..%5c..", "..\\..", "....",
                "%252e%252e", "..;", "%c0%ae%c0%ae", "%uff0e%uff0e")
        paths = [f"/{'/'.join([dot] * n)}/secret" for dot in dots
                 for n in (1, 2, 8)]
        paths += [f"/in/{path}" for path in paths]
        paths += ["/relative", "/absolute", "/up/secret", "/up/root/index.html",
                  f"/top{site.path('secret')}", "/top/etc/passwd", "/loop",
                  "/magic/etc/passwd", f"/{site.path('secret')}",
                  f"//{site.path('secret')}", "/..%2fsecret", "/..%2Fsecret",
                  "/..%00/secret", "/index.html%00.txt", "/%00", "/own",
                  "/in/real.txt%00", "/..\\secret", "/in/..%5c..%5csecret",
                  "/secret", "/root/index.html"]
        for path in paths:
            answer = site.get(path)
            expect(answer.status in (400, 404), path, answer)
            expect(b"secret, outside" not in answer.body, path)
            expect(b"root:" not in answer.body, path)
        same(site.get("/").body, INDEX)


def check_hidden():
    with Site(routes=[("/", ""), ("/all/", "hidden = true;")]) as site:
        site.put(".env", b"key")
        site.put(".git/config", b"key")
        site.put("a/.b/c", b"key")
        site.put(".well-known/acme", b"shown")
        site.put("a/..b", b"key")
        site.put("a.b", b"shown")
        for path in ("/.env", "/.git/config", "/a/.b/c", "/%2eenv", "/.git/",
                     "/a/..b", "/.git", "/.well-known2", "/.well-known/.x"):
            same(site.get(path).status, 404, path)
        same(site.get("/.well-known/acme").body, b"shown")
        same(site.get("/a.b").body, b"shown")
        same(site.get("/all/.git/config").body, b"key")


def check_special_files():
    """They are neither waited for nor served."""
    with Site() as site:
        os.mkfifo(site.file("fifo"))
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(site.file("sock"))
            for path in ("/fifo", "/sock"):
                same(site.get(path).status, 404, path)
        if os.getuid() == 0:
            os.mknod(site.file("null"), 0o666 | 0o020000, os.makedev(1, 3))
            same(site.get("/null").status, 404)
        os.rename(site.root, site.path("away"))
        for _ in range(3):
            same(site.get("/fifo").status, 404)
        # whoever runs it is told, once
        same(site.log_text().count(f"root {site.root} cannot be opened"), 1)
        os.mkdir(site.root)
        site.put("a", b"another root")
        same(site.get("/a").body, b"another root")
        expect(f"root {site.root} is there again" in site.log_text(), site.log_text())


def check_settings():
    with Site(routes=[
            ("/files/", 'cache_control = "public, max-age=60"; '
             'index = "start.txt";'), ("/one", "")]) as site:
        site.put("start.txt", TEXT)
        site.put("index.html", INDEX)
        site.put("sub/start.txt", b"sub")
        answer = site.get("/files/")
        same((answer.status, answer.body), (200, TEXT))
        same(answer.get("cache-control"), "public, max-age=60")
        same(answer.get("content-type"), "text/plain; charset=utf-8")
        same(site.get("/files/sub/").body, b"sub")
        same(site.get("/files/sub").get("location"), "/files/sub/")
        etag = answer.get("etag")
        answer = site.get("/files/", f"If-None-Match: {etag}")
        same((answer.status, answer.get("cache-control")),
             (304, "public, max-age=60"))
        answer = site.get("/files/", "Range: bytes=999999-")
        same((answer.status, answer.get("cache-control")), (416, None))
        same(site.get("/files/no").get("cache-control"), None)
        same(site.get("/one").body, INDEX)


def check_relative_root():
    """It would depend on where the daemon was started."""
    with Site() as site:
        text = site.read()
        site.write(text.replace(site.root, "root"))
        for command in "test", "reload":
            code, output, error = site.cli(command)
            expect(code != 0, "a relative root was taken")
            expect("shoal.conf:" in output + error and
                   "listeners[0].routes[0].handler 'static': config.root "
                   "'root' is no absolute path" in output + error,
                   output, error)


def check_missing_root():
    """It may come later, and the log tells why there is nothing till then."""
    with Site() as site:
        same(site.get("/index.html").status, 404)
        expect("no folder is" not in site.log_text(), site.log_text())
        os.rename(site.root, site.root + ".away")
        same(site.get("/index.html").status, 404)
        site.cli("reload")
        until(lambda: f"no folder is at root '{site.root}'" in site.log_text(),
              "a word about the root")
        os.rename(site.root + ".away", site.root)
        site.put("index.html", INDEX)
        same(site.get("/index.html").body, INDEX)


def make_big(site):
    path = site.file("big.bin")
    with open(path, "wb") as file:
        for i in range(BIG // MIB):
            file.write(block(i))
    return path


def slow_reader(site):
    """Asks for the big file, and reads no more than the head."""
    conn = Connection(site.address)
    conn.send(request("/big.bin"))
    same(conn.take_head().get("content-length"), str(BIG))
    return conn


def check_slow_reader():
    """It neither holds up others nor makes the worker keep the file."""
    with Site() as site:
        make_big(site)
        site.put("a.txt", TEXT)
        with slow_reader(site) as slow:
            for _ in range(50):
                same(site.get("/a.txt").body, TEXT)
            same(site.status()["counters"]["queued_bytes"], 0)
            for i in range(BIG // MIB):
                expect(slow.take(MIB) == block(i), "MiB", i, "is not it")
            same(slow.ask(request("/a.txt")).body, TEXT)


def check_shrinking():
    """The end comes before the length that was promised."""
    with Site() as site:
        path = make_big(site)
        site.put("a.txt", TEXT)
        with slow_reader(site) as slow:
            os.truncate(path, 1 << 16)
            expect(len(slow.rest()) < BIG, "a file that is not there was sent")
        same(site.get("/a.txt").body, TEXT)
        same(site.get("/big.bin").get("content-length"), str(1 << 16))


def check_replaced():
    """Who has begun gets the old file to its end."""
    with Site() as site:
        make_big(site)
        with slow_reader(site) as slow:
            site.put("new", TEXT)
            os.rename(site.file("new"), site.file("big.bin"))
            same(site.get("/big.bin").body, TEXT)
            for i in range(BIG // MIB):
                expect(slow.take(MIB) == block(i), "MiB", i, "is not it")


def check_stalled_reader():
    """Who takes nothing for long does not stay for ever."""
    with Site(more='timeout = "1s";') as site:
        make_big(site)
        with slow_reader(site) as slow:
            before = site.descriptors()
            until(lambda: site.descriptors() < before, "the file to be closed")
            expect(len(slow.rest()) < BIG, "all was sent")


def check_vanished_reader():
    with Site() as site:
        make_big(site)
        same(site.get("/no").status, 404)
        before = site.descriptors()
        for _ in range(20):
            slow_reader(site).sock.close()
        until(lambda: site.descriptors() <= before, "all files to be closed")


def check_many():
    """Small files on few connections, and no descriptor stays open."""
    with Site() as site:
        site.put("a.txt", b"a")
        site.put("b.txt", TEXT)
        same(site.get("/a.txt").body, b"a")
        before = site.descriptors()
        batch = (request("/a.txt") + request("/no") + request("/b.txt") +
                 request("/b.txt", fields=("Range: bytes=1-2",))) * 5
        with Connection(site.address) as conn:
            for _ in range(SMALL_REQUESTS // 20):
                conn.send(batch)
                for _ in range(5):
                    same(conn.answer().body, b"a")
                    same(conn.answer().status, 404)
                    same(conn.answer().body, TEXT)
                    same(conn.answer().body, TEXT[1:3])
        until(lambda: site.descriptors() <= before, "descriptors to be closed")


def check_future():
    """A date that is still to come is not sent."""
    with Site() as site:
        site.put("a.txt", TEXT, time.time() + 86400)
        answer = site.get("/a.txt")
        date = calendar.timegm(time.strptime(
            answer.get("last-modified"), "%a, %d %b %Y %H:%M:%S GMT"))
        expect(date <= time.time(), answer)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
