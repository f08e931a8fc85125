#!/usr/bin/env python3
"""nginx as a proxy in front: connections that are kept, bodies in both
directions, WebSockets, and no answer of nginx's own."""
import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from http_raw import Connection, chunked, fetch, request  # noqa: E402
from site_under_test import FREE, Site, route  # noqa: E402
from waiting import Skip, expect, run_checks, same, until  # noqa: E402
from websocket_raw import (BINARY, TEXT, WebSocket,  # noqa: E402
                           close_frame, frame)

ROUTES = (route("/", "site.answer"), route("/echo", websocket=FREE))
CONF = """
daemon off;
master_process off;
error_log {folder}/nginx.log notice;
pid {folder}/nginx.pid;
events {{ worker_connections 512; }}
http {{
	access_log {folder}/access.log;
	client_body_temp_path {folder}/body;
	proxy_temp_path {folder}/proxy;
	fastcgi_temp_path {folder}/fastcgi;
	uwsgi_temp_path {folder}/uwsgi;
	scgi_temp_path {folder}/scgi;
	client_max_body_size 0;
	map $http_upgrade $connection_upgrade {{
		default upgrade;
		'' '';
	}}
	upstream shoal {{
		server 127.0.0.1:{port};
		keepalive 16;
	}}
	server {{
		listen unix:{folder}/nginx.sock;
		keepalive_requests 100000;
		location / {{
			proxy_pass http://shoal;
			proxy_http_version 1.1;
			proxy_request_buffering {buffering};
			proxy_set_header Host $host;
			proxy_set_header Upgrade $http_upgrade;
			proxy_set_header Connection $connection_upgrade;
		}}
	}}
}}
"""


class Nginx:
    """In front of a site, on a unix socket in its folder."""

    def __init__(self, site, buffering="on"):
        binary = shutil.which("nginx", path="/usr/sbin:/usr/bin:/sbin:/bin")
        if binary is None:
            raise Skip("there is no nginx")
        self.site, self.address = site, site.path("nginx.sock")
        conf = site.path("nginx.conf")
        with open(conf, "w", encoding="utf-8") as out:
            out.write(CONF.format(folder=site.folder, port=site.address,
                                  buffering=buffering))
        self.process = subprocess.Popen(
            [binary, "-p", site.folder, "-c", conf, "-e",
             site.path("nginx.log")], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def __enter__(self):
        until(self.listens, "nginx to listen")
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.communicate(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()

    def listens(self):
        if self.process.poll() is not None:
            raise AssertionError(f"nginx: {self.process.stderr.read()}")
        try:
            Connection(self.address).sock.close()
            return True
        except OSError:
            return False

    def log(self):
        with open(self.site.path("nginx.log"), encoding="utf-8",
                  errors="replace") as log:
            return log.read()

    def fear_complaints(self):
        """nginx has seen nothing wrong with its upstream."""
        bad = [line for line in self.log().splitlines()
               if "[error]" in line or "[crit]" in line or "upstream" in line]
        same(bad, [])


def check_requests():
    """Many, over few connections."""
    with Site(*ROUTES) as site, Nginx(site) as nginx:
        with Connection(nginx.address) as conn:
            for i in range(2000):
                answer = conn.ask(request(f"/seen?{i}", host="h"))
                same(answer.status, 200)
                expect(b"query=%d\n" % i in answer.body, answer)
                expect(b"host=h\n" in answer.body, answer)
            for _ in range(200):
                same(conn.ask(request("/hello", "HEAD"), "HEAD").status, 200)
                same(conn.ask(request("/stream")).body, b"onetwothree")
                same(conn.ask(request("/status?code=204")).status, 204)
                same(conn.ask(request("/status?code=304")).status, 304)
                same(conn.ask(request("/missing")).status, 404)
        expect(site.counter("accepted") <= 16, site.counter("accepted"))
        nginx.fear_complaints()


def check_many_clients():
    def client(i):
        with Connection(nginx.address) as conn:
            for j in range(100):
                body = b"%d.%d" % (i, j) * (1 + j)
                data = request("/body", "POST", body=body) if j % 2 else \
                    request("/pieces", "POST",
                            ["Transfer-Encoding: chunked"]) + chunked(body)
                answer = conn.ask(data)
                same((answer.status, answer.body), (200, body))

    with Site(*ROUTES, workers=2) as site, Nginx(site) as nginx:
        with ThreadPoolExecutor(32) as pool:
            list(pool.map(client, range(32)))
        nginx.fear_complaints()


def check_large_bodies():
    for buffering in ("on", "off"):
        with Site(*ROUTES) as site, Nginx(site, buffering) as nginx:
            with Connection(nginx.address) as conn:
                size = 16 << 20
                conn.send(request("/count", "POST",
                                  [f"Content-Length: {size}"]))
                for _ in range(size >> 16):
                    conn.send(bytes(1 << 16))
                same(conn.answer().body, b"%d" % size)
                answer = conn.ask(request(f"/big?n={size}"))
                same(len(answer.body), size)
                data = os.urandom(1 << 20)
                same(conn.ask(request("/body", "POST", body=data)).body, data)
                same(conn.ask(request("/hello")).body, b"hello\n")
            same([line for line in nginx.log().splitlines()
                  if "[error]" in line], [])


def check_refusals():
    """What shoal refuses arrives as it is, and is no 502."""
    with Site(*ROUTES) as site, Nginx(site, "off") as nginx:
        for _ in range(20):
            answer = fetch(nginx.address, request(
                "/body", "POST", body=bytes((1 << 20) + 1)))
            same(answer.status, 413)
            for code in (400, 403, 404, 500, 503):
                same(fetch(nginx.address,
                           request(f"/refusal?code={code}")).status, code)
            same(fetch(nginx.address, request("/nothing")).status, 500)
            same(fetch(nginx.address, request("/hello")).body, b"hello\n")


def check_websockets():
    with Site(*ROUTES) as site, Nginx(site) as nginx:
        many = [WebSocket(nginx.address) for _ in range(50)]
        for i, ws in enumerate(many):
            ws.echo(TEXT, b"number %d" % i)
            ws.echo(BINARY, bytes(1000 * i))
        many[0].echo(BINARY, os.urandom(4 << 20))
        same(fetch(nginx.address, request("/hello")).body, b"hello\n")
        for ws in many:
            ws.send(frame(TEXT, "last") + close_frame(1000))
            ws.expect_echo(TEXT, b"last")
            ws.expect_close(1000)
        same(fetch(nginx.address, request("/echo")).status, 426)
        nginx.fear_complaints()


def check_reload():
    """nginx keeps connections; a reload behind it costs no request."""
    with Site(*ROUTES, workers=2) as site, Nginx(site) as nginx:
        with Connection(nginx.address) as conn:
            for i in range(5):
                for j in range(200):
                    answer = conn.ask(request(f"/seen?{i}.{j}"))
                    same(answer.status, 200, nginx.log()[-2000:])
                site.reload()
            for j in range(200):
                same(conn.ask(request("/hello")).status, 200)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
