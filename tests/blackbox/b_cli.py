#!/usr/bin/env python3
"""Every command does what it says, and its exit status tells."""
import json
import os
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import modules  # noqa: E402
from clients import ask, connect, exchange, is_refused  # noqa: E402
from shoal import SHOAL, Shoal, environment, listener  # noqa: E402
from waiting import (expect, is_alive, run_checks, same,  # noqa: E402
                     until, wait_gone)


def bare(*words):
    """Runs the program without a configuration."""
    done = subprocess.run([SHOAL, *words], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, timeout=60, check=False,
                          env=environment())
    return done.returncode, done.stdout, done.stderr


def check_usage():
    code, out, _ = bare("--help")
    same(code, 0)
    for verb in ("run", "start", "stop", "restart", "reload", "status",
                 "test", "config", "reopen", "workers", "modules", "version"):
        expect(f"\n  {verb}" in out, verb, "is not in --help")
    for words, hint in ((("relaod",), "reload"), (("stat",), "start"),
                        (("frobnicate",), "--help"), ((), "no command"),
                        (("--frobnicate", "run"), "frobnicate"),
                        (("-Z",), "--help"),
                        (("stop", "--timeout", "soon"), "30s"),
                        (("stop", "now"), "'now'"),
                        (("status", "--now"), "--now"),
                        (("stop", "--json"), "--json"),
                        (("reload", "--build"), "--build"),
                        (("test", "-c", ""), "a file"),
                        (("workers", "restart", "9" * 20), "not a slot"),
                        (("workers", "restart"), "SLOT"),
                        (("workers", "restart", "x"), "'x'")):
        code, out, err = bare(*words)
        same(code, 64, words, err)
        same(out, "", words)
        expect(hint in err, words, err)


def check_version():
    code, out, _ = bare("version")
    same(code, 0)
    expect(out.startswith("shoal "), out)
    same(bare("--version")[:2], (0, out))
    code, out, _ = bare("version", "--build")
    same(code, 0)
    for word in ("libevent", "libconfig", "ABI", "flags"):
        expect(word in out, word, out)


def check_modules():
    with Shoal() as shoal:
        expect("echo" in shoal.good("modules"))
        code, out, _ = bare("modules", "-c", os.devnull)
        expect(code in (0, 78), code, out)


def check_config():
    with Shoal(listener(prefix="Server: ")) as shoal:
        expect('"Server: "' in shoal.good("config"))
        expect("shoal.conf:" in shoal.good("config", "--origin"))
        expect("# default" in shoal.good("config", "--origin"))
        document = json.loads(shoal.good("config", "--json"))
        same(document["workers"]["count"], 1)
        keys = shoal.good("config", "--keys")
        for key in ("workers.count", "limits.send_queue.high", "address"):
            expect(key in keys, key)
        keys = json.loads(shoal.good("config", "--keys", "--json"))["keys"]
        expect("workers.count" in [key["path"] for key in keys], keys)
        expect("# default" in bare("config", "--defaults", "--origin")[1])
        out = shoal.good("config", "-s", "workers.count=3")
        expect("count = 3" in out, out)
        # what is shown can be served from
        again = shoal.good("config")
        shoal.write(again)
        same(shoal.good("config"), again)
        shoal.good("test")


def check_bad_config():
    """What is wrong is told with its place, by every command that reads."""
    with Shoal() as shoal:
        good = shoal.read()
        for text, words in (
                (good.replace("workers", "wrokers"), "workers"),
                (good.replace("};\n", "}\n", 1) + "}", "shoal.conf:"),
                (good.replace('"echo"', '"ehco"'), "echo"),
                (good.replace("count = 1", 'count = "x"'), "workers.count"),
                (good.replace("127.0.0.1:0", "127.0.0.1"), "address"),
                (good.replace("count = 1", "count = 5000000000"), "count")):
            shoal.write(text)
            for command in ("test", "start", "run", "restart"):
                code, out, err = shoal.cli(command)
                told = out + err + shoal.log_text()
                same(code, 78, command, text, told)
                expect(words in told, command, words, told)
        os.unlink(shoal.conf)
        for command in ("test", "start", "run", "config"):
            code, out, err = shoal.cli(command)
            same(code, 78, command)
            expect(shoal.conf in out + err, command, out + err)
        expect(not os.path.exists(shoal.pid_file))


def check_modules_that_do_not_return():
    """What runs their code says so, and a restart stops nothing."""
    with Shoal(listener(prefix="old:")) as shoal:
        shoal.run()
        path = shoal.path("probe.so")
        shoal.configure(listener(prefix="old:"), modules=modules.entry(path))
        for code, words, options in (
                ("abort();", "signal 6", ()),
                ("exit(0);", "has ended the process, status 0", ()),
                ("shoal_co_sleep(1);", "outside of a coroutine", ()),
                ("pause();", "within 1 s", ("--timeout", "1s"))):
            modules.build(path, check=code)
            for command in ("test", "modules", "restart"):
                status, out, err = shoal.cli(command, *options)
                same(status, 78, command, code, out, err)
                expect(words in err, command, words, out, err)
                expect("did not finish" in err, command, out, err)
        with connect(shoal.port()) as client:
            ask(client, b"x", b"old:")


def check_test():
    with Shoal() as shoal:
        same(shoal.cli("test")[0], 0)
        same(shoal.cli("status")[0], 3)


def check_not_running():
    with Shoal() as shoal:
        for words in (("stop",), ("reload",), ("reopen",),
                      ("workers", "restart", "0")):
            code, _, err = shoal.cli(*words)
            same(code, 69, words)
            expect("not running" in err, words, err)
        same(shoal.cli("stop", "--if-running")[0], 0)
        same(shoal.cli("status"), (3, "", "shoal: not running (nothing "
                                          f"answers on {shoal.control})\n"))
        for words, status in (("status", 3), ("stop", 69), ("reload", 69)):
            same(shoal.cli(words, "-q"), (status, "", ""))
        with open(shoal.pid_file, "w", encoding="ascii") as pid_file:
            pid_file.write("1\n")
        same(shoal.cli("status", "-q")[0], 1)
        same(shoal.cli("config", "-q"), (0, "", ""))
        same(shoal.cli("modules", "-q"), (0, "", ""))


def check_start_and_stop():
    with Shoal() as shoal:
        out = shoal.good("start")
        # ready means ready: no waiting here
        status = shoal.status()
        shoal.master = status["pid"]
        expect(f"pid {status['pid']}" in out, out)
        same(status["code"], 0)
        same((status["phase"], status["generation"]), ("serving", 1))
        same(exchange(shoal.port(), b"hello"), b"hello")
        with open(shoal.pid_file, encoding="ascii") as pid_file:
            same(pid_file.read(), f"{shoal.master}\n")
        same(shoal.cli("status", "-q"), (0, "", ""))
        out = shoal.good("status")
        for words in (f"pid {shoal.master}", "generation 1", "workers 1/1",
                      "127.0.0.1:", "serving"):
            expect(words in out, words, out)
        port = shoal.port()
        same(shoal.cli("stop"), (0, "shoal: stopped\n", ""))
        # gone means gone: no waiting here
        expect(not is_alive(shoal.master), "the master is still there")
        expect(not os.path.exists(shoal.pid_file), "so is the pid file")
        expect(not os.path.exists(shoal.control), "so is the socket")
        expect(is_refused(port), "so is the port")


def check_second_start():
    with Shoal() as shoal:
        shoal.start()
        for command in ("start", "run"):
            code, _, err = shoal.cli(command)
            told = err + shoal.log_text()
            same(code, 1, command, told)
            expect(f"already running, pid {shoal.master}" in told, command,
                   told)
        same(exchange(shoal.port(), b"hello"), b"hello")
        with open(shoal.pid_file, encoding="ascii") as pid_file:
            same(pid_file.read(), f"{shoal.master}\n")
        # without a pid file the control socket tells
        shoal.write(shoal.read().replace(f'"{shoal.pid_file}"', '"off"'))
        code, _, err = shoal.cli("start")
        same(code, 1, err)
        expect("already running" in err, err)
        same(exchange(shoal.port(), b"hello"), b"hello")


def check_port_taken():
    with socket.create_server(("127.0.0.1", 0)) as other, Shoal() as shoal:
        port = other.getsockname()[1]
        shoal.configure(listener(f"127.0.0.1:{port}"))
        for command in ("start", "run"):
            code, _, err = shoal.cli(command)
            told = err + shoal.log_text()
            same(code, 71, command, told)
            for words in (f"127.0.0.1:{port}", "in use", "shoal.conf:"):
                expect(words in told, words, told)
        expect(not os.path.exists(shoal.pid_file))
        expect(not os.path.exists(shoal.control))


def check_cannot_create():
    with Shoal() as shoal:
        good = shoal.read()
        for old, name in ((shoal.log, "log"), (shoal.pid_file, "pid"),
                          (shoal.control, "control")):
            shoal.write(good.replace(f'"{old}"', '"/dev/null/x/y"'))
            code, _, err = shoal.cli("start")
            told = err + shoal.log_text()
            expect(code in (73, 78), code, told)
            expect("/dev/null/x/y" in told, name, told)


def check_first_start():
    """The folder of the control socket is made when only it is missing."""
    with Shoal() as shoal:
        folder = shoal.path("new")
        shoal.control = os.path.join(folder, "control.sock")
        shoal.write(
            f'control = {{ path = "{shoal.control}"; }};\n'
            f"listeners = ( {listener()} );\n")
        shoal.start()
        same(sorted(os.listdir(folder)),
             ["control.sock", "shoal.log", "shoal.pid"])
        os.kill(shoal.master, signal.SIGKILL)
        wait_gone(shoal.master)
        until(lambda: shoal.cli("status", "-q")[0] == 1,
              "a master that has died")
        # what it left is in nobody's way
        shoal.start()
        shoal.stop()
        same(shoal.cli("status", "-q")[0], 3)
        # one that cannot be made is told of once, without empty lines
        shoal.control = shoal.path("no/folder/control.sock")
        shoal.configure()
        code, _, err = shoal.cli("start")
        same(code, 73, err)
        expect(shoal.control in err and "\n\n" not in err, err)


def check_test_leaves_nothing():
    """The log would belong to who tests, and not to who serves."""
    with Shoal() as shoal:
        shoal.good("test")
        expect(not os.path.exists(shoal.log), "the log is there")


def check_strange_files():
    with Shoal() as shoal:
        os.unlink(shoal.conf)
        os.mkfifo(shoal.conf)
        code, out, err = shoal.cli("test")
        same(code, 78, out, err)
        expect("no listeners" in out, out)


def check_control_path():
    """A path that no socket can have is not "not running"."""
    with Shoal() as shoal:
        for path, words in (("x.sock", "absolute"),
                            ("/" + "x" * 200, "107")):
            code, _, err = shoal.cli("stop", "--control", path)
            same(code, 78, err)
            expect(path in err and words in err, err)
            same(shoal.cli("status", "--control", path)[0], 4)


def check_output_lost():
    """A script does not take an answer that never came for one."""
    with Shoal() as shoal, open("/dev/full", "wb") as full:
        shoal.start()
        for command, status in (("status", 4), ("config", 71)):
            done = subprocess.run(
                [SHOAL, command, "-c", shoal.conf], stdout=full,
                stderr=subprocess.PIPE, text=True, check=False, timeout=60)
            same(done.returncode, status, done.stderr)
            expect("standard output" in done.stderr, done.stderr)


def check_status_degraded():
    with Shoal() as shoal:
        shoal.start()
        good = shoal.read()
        shoal.write(good + "nonsense = 1;\n")
        code, _, err = shoal.cli("reload")
        same(code, 78, err)
        same(shoal.cli("status", "-q")[0], 150)
        shoal.write(good)
        shoal.good("reload")
        same(shoal.cli("status", "-q")[0], 0)


def check_reload():
    with Shoal() as shoal:
        shoal.start()
        out = shoal.good("reload")
        expect("generation 2 serves with 1 worker" in out, out)
        same(shoal.cli("reload", "-q"), (0, "", ""))
        same(shoal.status()["generation"], 3)
        code, out, _ = shoal.cli("reload", "--no-wait")
        same((code, out), (0, "reload requested\n"))
        until(lambda: shoal.status()["generation"] == 4, "generation 4")


def check_restart():
    with Shoal() as shoal:
        shoal.start()
        first = shoal.master
        good = shoal.read()
        shoal.write(good + "nonsense = 1;\n")
        code, out, err = shoal.cli("restart")
        same(code, 78, out, err)
        expect("nothing was stopped" in err, err)
        same(shoal.status()["pid"], first)
        shoal.write(good)
        shoal.good("restart")
        shoal.master = shoal.status()["pid"]
        expect(shoal.master != first and not is_alive(first))
        same(exchange(shoal.port(), b"hello"), b"hello")
        shoal.stop()
        # it starts what does not run
        shoal.good("restart")
        shoal.master = shoal.status()["pid"]


def check_reopen():
    with Shoal(workers=2) as shoal:
        shoal.start()
        os.rename(shoal.log, shoal.log + ".1")
        same(shoal.cli("reopen"), (0, "log reopened\n", ""))
        # whoever has the answer finds the new file, workers included
        size = os.stat(shoal.log + ".1").st_size
        for slot in (0, 1):
            shoal.good("workers", "restart", str(slot))
        shoal.stop()
        same(os.stat(shoal.log + ".1").st_size, size)
        expect("stopped" in shoal.log_text())


def check_workers_restart():
    with Shoal(workers=2) as shoal:
        shoal.start()
        port = shoal.port()
        before = [w["pid"] for w in shoal.workers()]
        held = [connect(port) for _ in range(16)]
        for sock in held:
            ask(sock, b"before")
        code, out, _ = shoal.cli("workers", "restart", "0")
        same(code, 0)
        expect("slot 0 has a new worker" in out, out)
        after = [w["pid"] for w in shoal.workers()]
        expect(after[0] != before[0] and after[1] == before[1],
               before, after)
        for sock in held:
            ask(sock, b"after")
            sock.close()
        for _ in range(16):
            same(exchange(port, b"new"), b"new")
        until(lambda: not is_alive(before[0]), "the old worker to end")
        code, _, err = shoal.cli("workers", "restart", "2")
        same(code, 64)
        expect("slots are 0 to 1" in err, err)


def check_stop_times_out():
    """stop says what is left, and goes on."""
    with Shoal(more='stop = { timeout = "20s"; };') as shoal:
        shoal.configure(listener(more='limits = { send_queue = { '
                                      'high = "4M"; low = "1M"; }; };'),
                        more='stop = { timeout = "20s"; };')
        shoal.run()
        with connect(shoal.port()) as sock:
            # an answer that the peer does not take keeps the worker
            sock.setblocking(False)
            try:
                for _ in range(200):
                    sock.send(bytes(65536))
            except BlockingIOError:
                pass
            shoal.wait_counter("queued_bytes", 1)
            code, _, err = shoal.cli("stop", "--timeout", "200ms")
            same(code, 75, err)
            expect("still stopping" in err and "1 connections" in err, err)
            same(shoal.status()["phase"], "stopping")
            same(shoal.cli("reload")[0], 1)
            same(shoal.cli("stop", "--now")[0], 0)
        same(shoal.wait_end(), 0)


def check_override():
    with Shoal() as shoal:
        shoal.start("-s", "workers.count=2")
        same(shoal.status()["workers_wanted"], 2)
        shoal.good("reload")
        same(shoal.status()["workers_wanted"], 2)
        shoal.stop()
        code, _, err = shoal.cli("start", "-s", "workers.cuont=2")
        same(code, 78, err)
        expect("workers.count" in err or "count" in err, err)


def check_control_option():
    with Shoal() as shoal, Shoal() as other:
        shoal.start()
        same(other.cli("status", "-q")[0], 3)
        same(other.cli("status", "-q", "--control", shoal.control)[0], 0)
        # of `start' it says where the socket is
        path = other.path("elsewhere.sock")
        other.control = path
        other.good("start", "--control", path)
        code, out, _ = other.cli("status", "--json", "--control", path)
        same(code, 0)
        other.master = json.loads(out)["pid"]
        other.good("stop", "--control", path)


def check_relative_link():
    """A reload reads what a link then leads to, from any folder."""
    with Shoal() as shoal:
        for prefix in ("old", "new"):
            shoal.configure(listener(prefix=prefix))
            os.mkdir(shoal.path(prefix))
            os.rename(shoal.conf, shoal.path(f"{prefix}/shoal.conf"))
        os.symlink("old", shoal.path("current"))
        shoal.conf = shoal.path("current/shoal.conf")
        subprocess.run([SHOAL, "start", "-c", "current/shoal.conf"],
                       cwd=shoal.folder, env=environment(), timeout=60,
                       stdin=subprocess.DEVNULL, check=True)
        shoal.master = shoal.status()["pid"]
        same(exchange(shoal.port(), b"x"), b"oldx")
        os.symlink("new", shoal.path("next"))
        os.rename(shoal.path("next"), shoal.path("current"))
        shoal.reload()
        same(exchange(shoal.port(), b"x"), b"newx")
        shoal.stop()


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
