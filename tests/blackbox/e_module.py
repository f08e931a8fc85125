#!/usr/bin/python3
"""The examples build against an installed shoal with pkg-config only; the module
is listed, serves, and takes part in a reload.
"""

import json
import os
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

BUILD = os.environ.get("SHOAL_BUILDDIR", "build/devel")
DEADLINE_S = 20

CONFIG = """\
control = {{ path = "{folder}/control.sock"; }};
workers = {{ count = 2; }};
modules = ( {{ name = "text"; file = "{module}";
               config = {{ greeting = "{greeting}"; }}; }} );
listeners = (
    {{ name = "upper"; address = "127.0.0.1:0"; handler = "text.upper";
       config = {{ suffix = "{suffix}"; }}; }}
);
"""


def run(*command, env=None, status=0):
    done = subprocess.run(command, env=env, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    assert done.returncode == status, \
        f"{' '.join(command)}: {done.returncode}\n{done.stdout}"
    return done.stdout


def clean_environment():
    """Without what the make above this test has set for itself."""
    return {name: value for name, value in os.environ.items()
            if name not in ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "DESTDIR",
                            "CFLAGS", "LDFLAGS", "SHOAL_CONFIG")}


class Installed:
    """A shoal below a folder, found through pkg-config."""

    def __init__(self, folder):
        self.folder = folder
        self.root = os.path.join(folder, "root")
        self.env = clean_environment()
        self.log = os.path.join(folder, "log")
        self.config = os.path.join(folder, "shoal.conf")
        run("make", "-C", BUILD, "install", f"DESTDIR={self.root}",
            env=self.env)
        description = self.find("shoal.pc")
        self.env["PKG_CONFIG_PATH"] = os.path.dirname(description)
        self.env["PKG_CONFIG_SYSROOT_DIR"] = self.root
        # or they would be left out when the prefix is /usr
        self.env["PKG_CONFIG_ALLOW_SYSTEM_LIBS"] = "1"
        self.env["PKG_CONFIG_ALLOW_SYSTEM_CFLAGS"] = "1"
        self.env["LD_LIBRARY_PATH"] = os.path.dirname(
            self.find("libshoal.so"))
        self.shoal = self.find("shoal", "sbin")

    def find(self, name, folder=""):
        for at, _, files in os.walk(self.root):
            if name in files and at.endswith(folder):
                return os.path.join(at, name)
        raise AssertionError(f"{name} was not installed")

    def build_examples(self):
        """What is installed to start from builds, and the demo is good."""
        for name in "http_hello", "tcp_echo", "ws_greet", "ws_room":
            flags = run("pkg-config", "--cflags", "--libs", "shoal",
                        env=self.env).split()
            run(*shlex.split(os.environ.get("CC", "cc")),
                self.find(name + ".c", "examples"), *flags,
                "-o", os.path.join(self.folder, name), env=self.env)
        demo = self.find("demo.conf", "examples")
        run(self.shoal, "test", "-c", demo, env=self.env)

    def build_module(self):
        here = os.path.join(self.folder, "module")
        os.mkdir(here)
        for name in ("Makefile", "upper.c"):
            shutil.copyfile(self.find(name, "examples/module"),
                            os.path.join(here, name))
        abi = run("pkg-config", "--variable=module_abi", "shoal",
                  env=self.env)
        assert abi.strip() == "3", abi
        # or a large local would jump over the guard of a stack
        flags = run("pkg-config", "--cflags", "shoal", env=self.env)
        assert "-fstack-clash-protection" in flags.split(), flags
        run("make", "-C", here, "install", f"DESTDIR={self.folder}/made",
            "CFLAGS=-O2 -Werror", env=self.env)
        for at, _, files in os.walk(os.path.join(self.folder, "made")):
            if files:
                assert files == ["text.so"], files
                return os.path.join(at, "text.so")
        raise AssertionError("the module was not installed")

    def configure(self, module, suffix, greeting="good morning"):
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(CONFIG.format(folder=self.folder, module=module,
                                    suffix=suffix, greeting=greeting))

    def command(self, verb, *options, status=0):
        return run(self.shoal, verb, "-c", self.config, *options,
                   env=self.env, status=status)

    def start(self):
        with open(self.log, "wb") as log:
            server = subprocess.Popen([self.shoal, "run", "-c", self.config],
                                      env=self.env, stdout=log, stderr=log)
        end = time.monotonic() + DEADLINE_S
        while subprocess.run([self.shoal, "status", "-q", "-c", self.config],
                             env=self.env, check=False).returncode != 0:
            assert server.poll() is None, "it ended"
            assert time.monotonic() < end, "not ready in time"
            time.sleep(0.01)    # between two looks, not instead of one
        return server


def ask(address, data, answer):
    host, port = address.rsplit(":", 1)
    with socket.create_connection((host, int(port)), DEADLINE_S) as s:
        s.sendall(data)
        got = b""
        while len(got) < len(answer):
            part = s.recv(4096)
            assert part, f"the end after {got}"
            got += part
        assert got == answer, got


def use(installed, module):
    installed.configure(module, "!")
    listed = installed.command("modules")
    assert "text.upper" in listed and "suffix" in listed, listed
    installed.command("test")

    server = installed.start()
    try:
        status = json.loads(installed.command("status", "--json"))
        address = status["listeners"][0]["address"]
        ask(address, b"hello \xc3\xa9", b"HELLO \xc3\xa9!")

        installed.configure(module, "?")
        installed.command("reload")
        ask(address, b"hello", b"HELLO?")

        # the module's own check keeps a bad configuration out
        installed.configure(module, "x", "two\\nlines")
        found = installed.command("reload", status=78)
        assert "greeting must be one line" in found, found
        ask(address, b"still", b"STILL?")

        # a reload that failed makes the exit status 150
        status = json.loads(installed.command("status", "--json", status=150))
        assert status["handlers"]["upper_letters"] == 15, status["handlers"]
        installed.command("stop")
        assert server.wait(DEADLINE_S) == 0, server.returncode
    finally:
        if server.poll() is None:
            server.send_signal(signal.SIGKILL)
            server.wait()


def main():
    for tool in ("make", "cc", "pkg-config"):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed")
            sys.exit(77)
    folder = tempfile.mkdtemp()
    try:
        installed = Installed(folder)
        installed.build_examples()
        use(installed, installed.build_module())
        with open(installed.log, encoding="utf-8") as log:
            text = log.read()
        for words in ("good morning from slot 1 of 2",
                      "connections have", "letters changed"):
            assert words in text, words
    except BaseException:
        path = os.path.join(folder, "log")
        if os.path.exists(path):
            with open(path, encoding="utf-8", errors="replace") as log:
                print("--- log\n" + log.read())
        raise
    finally:
        shutil.rmtree(folder)


main()
