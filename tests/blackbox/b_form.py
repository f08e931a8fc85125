"""Forms: urlencoded, multipart with files, limits, and clients that vanish."""
import http.client
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from clients import SECONDS, connect  # noqa: E402
from modules import compile_text, entry  # noqa: E402
from shoal import Shoal  # noqa: E402
from waiting import expect, run_checks, same, until  # noqa: E402

SOURCE = r"""
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <shoal/shoal.h>

static int64_t
param(struct shoal_request *req, const char *name)
{
	const char *text = shoal_request_param(req, name);

	return text != NULL ? atoll(text) : 0;
}

/* The bytes of a file. */
static void
send_back(struct shoal_request *req, const struct shoal_upload *upload)
{
	static char data[65536];
	ssize_t n;

	while ((n = read(upload->fd, data, sizeof(data))) > 0)
		if (shoal_co_response_write(
			req, data, (size_t)n, SHOAL_FOREVER) < 0)
			return;
	shoal_response_end(req);
}

static void
write_text(struct shoal_request *req, const char *text, size_t len)
{
	char hex[8];
	size_t i;

	for (i = 0; i < len; i++) {
		snprintf(hex, sizeof(hex), "%02x", (unsigned char)text[i]);
		shoal_co_response_write(req, hex, 2, SHOAL_FOREVER);
	}
	shoal_co_response_write(req, "\n", 1, SHOAL_FOREVER);
}

/* A line for each text. */
static void
list(struct shoal_request *req)
{
	const struct shoal_upload *upload;
	const char *name, *value;
	char size[32];
	size_t i, len;

	for (i = 0; (name = shoal_request_field_at(req, i, &value, &len));
	     i++) {
		write_text(req, name, strlen(name));
		write_text(req, value, len);
	}
	for (i = 0; (upload = shoal_request_upload_at(req, i)); i++) {
		write_text(req, upload->name, strlen(upload->name));
		write_text(req, upload->filename, strlen(upload->filename));
		write_text(req, upload->type, strlen(upload->type));
		snprintf(size, sizeof(size), "%lld", (long long)upload->size);
		write_text(req, size, strlen(size));
	}
	shoal_response_end(req);
}

static void
answer(struct shoal_request *req, void *arg)
{
	struct shoal_form_options options = { .size = sizeof(options),
		.folder = shoal_settings_string(arg, "folder"),
		.files = param(req, "files"),
		.file_size = param(req, "file_size"),
		.fields = param(req, "fields"),
		.memory = param(req, "memory") };
	const char *name = shoal_request_param(req, "field"), *value;
	const char *path = shoal_request_param(req, "keep");
	int r;

	if (param(req, "body") != 0)
		shoal_request_set_body_limit(req, param(req, "body"));
	r = shoal_co_request_form(req, &options, SHOAL_FOREVER);
	shoal_log(SHOAL_LOG_NOTICE, "form: %s",
	    r == 0 ? "complete" : shoal_strerror(r));
	if (r < 0)
		shoal_response_error(req, r == -SHOAL_EINVAL ? 415 : 500);
	else if (shoal_co_request_form(req, NULL, 0) != 0)
		shoal_response_printf(req, "not twice");
	else if (name != NULL)
		shoal_response_printf(req, "%s",
		    (value = shoal_request_field(req, name)) ? value : "none");
	else if (path != NULL)
		shoal_response_printf(req, "%s", shoal_strerror(
		    shoal_co_upload_keep(
			shoal_request_upload(req, "file"), path)));
	else if (shoal_request_param(req, "back") != NULL)
		send_back(req, shoal_request_upload(req, "file"));
	else
		list(req);
}

static const struct shoal_setting settings[] = {
	{ "folder", SHOAL_SETTING_STRING, NULL, 0, 0, "of files" },
	{ NULL },
};
static const struct shoal_handler form = {
	.size = sizeof(struct shoal_handler),
	.name = "form",
	.settings = settings,
	.request = answer,
};
static const struct shoal_handler *const handlers[] = { &form, NULL };

SHOAL_MODULE(.name = "probe", .version = "1.0", .handlers = handlers);
"""
URLENCODED = "application/x-www-form-urlencoded"
BOUNDARY = "----a boundary:1"
MULTIPART = f'multipart/form-data; boundary="{BOUNDARY}"'
MIB = 1024 * 1024


def serve(shoal, folder=None):
    """Runs it with the module."""
    folder = folder or shoal.path("files")
    os.makedirs(shoal.path("files"), exist_ok=True)
    module = compile_text(shoal.path("form.so"), SOURCE)
    shoal.configure(
        '{ address = "127.0.0.1:0"; protocol = "http"; routes = ( '
        '{ path = "/"; handler = "probe.form"; '
        f'config = {{ folder = "{folder}"; }}; }} ); }}',
        modules=entry(module))
    return shoal.run()


def post(shoal, body, kind=URLENCODED, target="/"):
    """Status and body of the answer."""
    client = http.client.HTTPConnection("127.0.0.1", shoal.port(),
                                        timeout=SECONDS)
    try:
        client.request("POST", target, body,
                       {"Content-Type": kind} if kind else {})
        answer = client.getresponse()
        return answer.status, answer.read()
    finally:
        client.close()


def listed(answer):
    """The texts that the handler has listed."""
    same(answer[0], 200)
    return [bytes.fromhex(line.decode())
            for line in answer[1].decode().encode().split(b"\n")[:-1]]


def part(name, data, filename=None, kind=None):
    """A part of a body, as a browser writes it."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"'
    if filename is not None:
        head += f'; filename="{filename}"'
    if kind is not None:
        head += f"\r\nContent-Type: {kind}"
    return head.encode() + b"\r\n\r\n" + data + b"\r\n"


def body_of(*parts):
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


def files_of(shoal):
    """Files that a worker has open below the folder; they have no name."""
    fds = f"/proc/{shoal.pid_of()}/fd"
    found = []
    for fd in os.listdir(fds):
        try:
            target = os.readlink(f"{fds}/{fd}")
        except OSError:
            continue
        if target.startswith(shoal.path("files") + "/"):
            found.append(target)
    return found


def expect_nothing_left(shoal):
    until(lambda: files_of(shoal) == [], "the end of all files")
    same(os.listdir(shoal.path("files")), [])


def check_urlencoded():
    """Pluses, NULs, many fields, and chunks."""
    with Shoal() as shoal:
        serve(shoal)
        same(listed(post(shoal, "a=1+2%2B3&b=%00x%00&&c&%C3%A4=%ff&a=2")),
             [b"a", b"1 2+3", b"b", b"\0x\0", b"c", b"",
              "ä".encode(), b"\xff", b"a", b"2"])
        same(post(shoal, "a=1&b=2&a=3", target="/?field=a"), (200, b"1"))
        same(post(shoal, "a=1&b=2&a=3", target="/?field=A"), (200, b"none"))
        same(listed(post(shoal, "")), [])
        many = "&".join(f"n{i}={i}" for i in range(1000))
        same(len(listed(post(shoal, many))), 2000)
        same(post(shoal, many + "&one=more")[0], 413)
        chunks = (piece.encode() for piece in ("a=", "%", "4", "1&", "b=2"))
        same(listed(post(shoal, chunks)), [b"a", b"A", b"b", b"2"])
        same(post(shoal, "a" * 100, target="/?memory=99")[0], 413)
        same(post(shoal, "a=1;charset", URLENCODED + ";charset=UTF-8")[0], 200)
        same(post(shoal, "a=1", "text/plain")[0], 415)
        same(post(shoal, "a=1", None)[0], 415)
        same(post(shoal, "a=" + "b" * 5000, target="/?body=4000")[0], 413)


def check_multipart():
    """Fields and files between each other, odd names."""
    with Shoal() as shoal:
        serve(shoal)
        answer = post(shoal, body_of(
            part("field", b"one\r\ntwo"),
            part("file", b"\0\1\2", "a b.bin", "application/octet-stream"),
            part("empty", b""),
            part("file", b"", "../../etc/passwd", "text/plain"),
            part("none", b"", "", "application/octet-stream"),
            part("%22q%22", "ä".encode()),
            part("last", b"x--" + BOUNDARY.encode(), "C:\\x\\ä%22.txt")),
            MULTIPART)
        same(listed(answer), [
            b"field", b"one\r\ntwo", b"empty", b"", b'"q"', "ä".encode(),
            b"file", b"a b.bin", b"application/octet-stream", b"3",
            b"file", b"passwd", b"text/plain", b"0",
            b"last", 'ä".txt'.encode(), b"", b"%d" % (3 + len(BOUNDARY))])
        expect_nothing_left(shoal)
        same(listed(post(shoal, body_of(), MULTIPART)), [])


def check_malformed():
    """400, and nothing is left of it."""
    good = body_of(part("file", b"data", "name"))
    with Shoal() as shoal:
        serve(shoal)
        for body, kind in ((good, "multipart/form-data"),
                           (good, 'multipart/form-data; boundary=""'),
                           (good, 'multipart/form-data; boundary="a'),
                           (good, "multipart/form-data; boundary=other"),
                           (good[:-5], MULTIPART), (b"", MULTIPART),
                           (good.replace(b"name=", b"nome="), MULTIPART),
                           (good.replace(b"\r\n\r\n", b"\n\n"), MULTIPART)):
            same(post(shoal, body, kind)[0], 400, body, kind)
        same(post(shoal, good, MULTIPART)[0], 200)
        expect_nothing_left(shoal)


def check_limits():
    """Of files, their size, and the whole body: 413."""
    with Shoal() as shoal:
        serve(shoal)
        files = [part(f"file{i}", b"12345", "x") for i in range(21)]
        same(post(shoal, body_of(*files[1:]), MULTIPART)[0], 200)
        same(post(shoal, body_of(*files), MULTIPART)[0], 413)
        same(post(shoal, body_of(*files), MULTIPART, "/?files=-1")[0], 200)
        one = body_of(*files[:1])
        same(post(shoal, one, MULTIPART, "/?file_size=5")[0], 200)
        same(post(shoal, one, MULTIPART, "/?file_size=4")[0], 413)
        fields = body_of(part("a", b"1"), part("b", b"2"))
        same(post(shoal, fields, MULTIPART, "/?fields=2")[0], 200)
        same(post(shoal, fields, MULTIPART, "/?fields=1")[0], 413)
        same(post(shoal, fields, MULTIPART, "/?memory=3")[0], 413)
        same(post(shoal, one, MULTIPART, f"/?body={len(one)}")[0], 200)
        same(post(shoal, one, MULTIPART, f"/?body={len(one) - 1}")[0], 413)
        expect_nothing_left(shoal)


def check_large():
    """20 MiB, by length and in chunks, with what looks like a boundary."""
    data = os.urandom(64 * 1024) + f"\r\n--{BOUNDARY[:-1]}\r\n".encode()
    data = (data * (20 * MIB // len(data) + 1))[:20 * MIB]
    body = body_of(part("file", data, "large"))
    pieces = [body[at:at + 100000] for at in range(0, len(body), 100000)]
    target = f"/?back=1&body={32 * MIB}"
    with Shoal() as shoal:
        serve(shoal)
        for sent in body, iter(pieces):
            status, back = post(shoal, sent, MULTIPART, target)
            same(status, 200)
            expect(back == data, "other bytes came back")
        expect_nothing_left(shoal)


def check_keep():
    """A file gets a name, which is not taken from another one."""
    body = body_of(part("file", b"kept", "x"))
    with Shoal() as shoal:
        serve(shoal)
        path = shoal.path("kept")
        same(post(shoal, body, MULTIPART, "/?keep=" + path),
             (200, b"success"))
        with open(path, "rb") as kept:
            same(kept.read(), b"kept")
        same(os.stat(path).st_mode & 0o7777, 0o600)
        status, said = post(shoal, body, MULTIPART, "/?keep=" + path)
        expect(status == 200 and said != b"success", status, said)
        expect_nothing_left(shoal)


def check_no_folder():
    """What the disk says, the handler gets."""
    body = body_of(part("file", b"data", "x"))
    with Shoal() as shoal:
        serve(shoal, "/nowhere")
        same(post(shoal, body, MULTIPART)[0], 500)
        shoal.wait_log("form: No such file")
        same(post(shoal, "a=1")[0], 200)


def begin_upload(shoal):
    """A client in the middle of a file, which is on the disk already."""
    sock = connect(shoal.port())
    sock.sendall(
        f"POST /?body={100 * MIB} HTTP/1.1\r\nHost: x\r\nContent-Type: "
        f"{MULTIPART}\r\nContent-Length: {50 * MIB}\r\n\r\n".encode() +
        part("file", b"x" * MIB, "half")[:-2])
    until(lambda: files_of(shoal), "a file")
    return sock


def check_disconnect():
    """Of a client that vanishes in the middle nothing is left."""
    with Shoal() as shoal:
        serve(shoal)
        begin_upload(shoal).close()
        shoal.wait_log("form: ")
        expect_nothing_left(shoal)
        same(post(shoal, "a=1")[0], 200)


def check_stop():
    """A worker that is stopped does not wait for the rest."""
    with Shoal() as shoal:
        serve(shoal)
        with begin_upload(shoal):
            shoal.good("stop", "--now")
            shoal.wait_end()
        same(os.listdir(shoal.path("files")), [])


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
