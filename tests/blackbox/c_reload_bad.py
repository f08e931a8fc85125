#!/usr/bin/env python3
"""Reloads that fail: the old generation goes on, and the caller knows why."""
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import modules  # noqa: E402
from clients import SECONDS, ask, connect, exchange  # noqa: E402
from shoal import (SHOAL, Shoal, environment, kill_worker,  # noqa: E402
                   listener)
from waiting import expect, is_alive, run_checks, same, until  # noqa: E402

PROBE = listener(handler="probe.answer")


def refuse(shoal, words, codes=(1, 78)):
    """A reload that must fail and harm nothing; what it said."""
    before = shoal.status()
    port = shoal.port()
    with connect(port) as held:
        ask(held, b"before", b"old:")
        code, out, err = shoal.cli("reload")
        expect(code in codes, code, out, err)
        for word in words:
            expect(word in err, f"'{word}' is not in: {err}")
        ask(held, b"after", b"old:")
    same(exchange(port, b"x"), b"old:x")
    after = shoal.status()
    same(after["generation"], before["generation"])
    same(after["last_reload"]["result"], "failed")
    same(after["code"], 150)
    same([w["pid"] for w in after["workers"] if w["state"] == "ready"],
         [w["pid"] for w in before["workers"] if w["state"] == "ready"])
    return err


def repair(shoal, good, answer=b"old:x"):
    shoal.write(good)
    shoal.reload()
    status = shoal.status()
    same((status["code"], status["last_reload"]["result"]), (0, "ok"))
    same(exchange(shoal.port(), b"x"), answer)


def check_configurations():
    """What is wrong in the text is told with file and line."""
    with Shoal(listener(prefix="old:"), workers=2) as shoal:
        shoal.run()
        good = shoal.read()
        lines = good.count("\n")
        for text, words in (
                (good + "nonsense", (f"shoal.conf:{lines + 1}:",)),
                (good + "nonsense = 1;\n",
                 (f"shoal.conf:{lines + 1}:", "nonsense")),
                (good.replace('"echo"', '"ecko"'),
                 ("shoal.conf:", "ecko", "did you mean 'echo'")),
                (good.replace("prefix", "perfix"),
                 ("shoal.conf:", "perfix", "prefix")),
                (good.replace("127.0.0.1:0", "127.0.0.1:x"),
                 ("shoal.conf:", "port")),
                ("@include \"absent.conf\"\n" + good,
                 ("shoal.conf:1", "absent.conf")),
                (good.replace("modules = ( ",
                              'modules = ( { name = "m"; '
                              'file = "/nowhere/m.so"; } '),
                 ("shoal.conf:", "/nowhere/m.so", "No such file"))):
            shoal.write(text)
            refuse(shoal, words, (78,))
        repair(shoal, good)


def check_needs_restart():
    with Shoal(listener(prefix="old:")) as shoal:
        shoal.run()
        good = shoal.read()
        shoal.write(good.replace("count = 1", "count = 3"))
        refuse(shoal, ("number of workers needs a restart", "1 is running",
                       "3 is asked for"), (1,))
        shoal.write(good.replace(shoal.pid_file, shoal.pid_file + "2"))
        refuse(shoal, ("needs restart: pid_file",), (1,))
        # what is also wrong in itself counts more
        shoal.write(good.replace("count = 1", "count = 3; conut = 1"))
        refuse(shoal, ("conut",), (78,))
        repair(shoal, good)


def check_port_in_use():
    with socket.create_server(("127.0.0.1", 0)) as other, \
            Shoal(listener(prefix="old:"), workers=2) as shoal:
        shoal.run()
        good = shoal.read()
        port = other.getsockname()[1]
        shoal.configure(listener(prefix="new:"),
                        listener("127.0.0.2:0"),
                        listener(f"127.0.0.1:{port}"), workers=2)
        refuse(shoal, ("shoal.conf:", f"127.0.0.1:{port}", "in use"), (1,))
        repair(shoal, good)


def check_module_that_refuses():
    """Its check and its worker_start have a say, and reasons."""
    with Shoal(listener(prefix="old:"), workers=2) as shoal:
        shoal.run()
        good = shoal.read()
        path = shoal.path("probe.so")
        shoal.configure(listener(prefix="old:"), workers=2,
                        modules=modules.entry(path))
        with_module = shoal.read()
        for code, words, codes in (
                ({"check": 'snprintf(why, cap, "no tea"); return -1;'},
                 ("shoal.conf:", "no tea"), (78,)),
                ({"check": "abort();"}, ("did not finish", "signal 6"),
                 (78,)),
                ({"check": "_exit(0);"}, ("did not finish",), (78,)),
                ({"framing": "&(const struct shoal_framing){ .size = "
                             "sizeof(struct shoal_framing), .type = "
                             "SHOAL_FRAMING_TERMINATOR }"},
                 ("shoal.conf:", "framing of handler answer",
                  "no terminator"), (78,)),
                ({"framing": "NULL, .serve = on_connect"},
                 ("handler 0 (answer)", "both tcp.on_receive and serve"),
                 (78,)),
                ({"framing": "NULL, .tcp = { .size = 0 }"},
                 ("handler 0 (answer)", "neither tcp.on_receive nor serve "
                  "nor request"),
                 (78,)),
                ({"framing": "NULL, .tcp = { .on_receive = on_receive }"},
                 ("handler 0 (answer)", "size of its tcp"), (78,)),
                ({"framing": "NULL, .size = 1"}, ("its size",), (78,)),
                ({"framing": "NULL, .name = NULL"}, ("no name",), (78,)),
                ({"start": "return -ENOENT;"},
                 ("slot", "No such file"), (1,)),
                ({"start": "abort();"}, ("slot", "signal 6"), (1,)),
                ({"start": "_exit(3);"}, ("slot", "status 3"), (1,))):
            modules.build(path, **code)
            refuse(shoal, words, codes)
        with open(path + ".new", "w", encoding="ascii") as file:
            file.write("not an object")
        os.rename(path + ".new", path)
        refuse(shoal, ("shoal.conf:", "probe.so"), (78,))
        modules.build(path)
        os.chmod(path, 0o777)
        refuse(shoal, ("chmod go-w",), (78,))
        os.chmod(path, 0o755)
        repair(shoal, with_module)
        repair(shoal, good)


def check_start_that_hangs():
    """A worker that is never ready; start_timeout ends the wait."""
    with Shoal(listener(prefix="old:")) as shoal:
        shoal.run()
        good = shoal.read()
        path = modules.build(shoal.path("probe.so"), start="pause();")
        shoal.configure(listener(prefix="old:"),
                        more='reload = { start_timeout = "300ms"; };',
                        modules=modules.entry(path))
        refuse(shoal, ("not ready in time", "start_timeout"), (1,))
        until(lambda: len(shoal.status()["workers"]) == 1,
              "the hanging worker to be killed")
        repair(shoal, good)


def check_module_replaced_on_disk():
    """A generation keeps its code until a reload, whoever is restarted."""
    with Shoal() as shoal:
        path = modules.build(shoal.path("probe.so"), answer="old")
        shoal.configure(PROBE, modules=modules.entry(path))
        shoal.run()
        port, pid = shoal.port(), shoal.pid_of(0)
        same(exchange(port, b"x"), b"old:x")
        modules.build(path, answer="new")
        kill_worker(pid)
        until(lambda: shoal.pid_of(0) not in (None, pid), "a replacement")
        same(exchange(port, b"x"), b"old:x")
        shoal.good("workers", "restart", "0")
        same(exchange(port, b"x"), b"old:x")
        with connect(port) as held:
            ask(held, b"x", b"old:")
            shoal.reload()
            same(exchange(port, b"x"), b"new:x")
            ask(held, b"x", b"old:")
        os.unlink(path)
        pid = shoal.pid_of(0)
        kill_worker(pid)
        until(lambda: shoal.pid_of(0) not in (None, pid), "a replacement")
        same(exchange(port, b"x"), b"new:x")


def check_reload_during_reload():
    """A newer one supersedes one that is still being checked."""
    with Shoal(listener(prefix="old:")) as shoal:
        shoal.run()
        good = shoal.read()
        sign = shoal.path("sign")
        path = modules.build(shoal.path("probe.so"),
                             check=f'fclose(fopen("{sign}", "w")); pause();')
        shoal.configure(listener(prefix="old:"), modules=modules.entry(path))
        first = subprocess.Popen(
            [SHOAL, "reload", "-c", shoal.conf], stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL, text=True, env=environment())
        until(lambda: os.path.exists(sign), "the check to hang")
        shoal.write(good.replace("old:", "new:"))
        shoal.reload()
        _, err = first.communicate(timeout=SECONDS)
        same(first.returncode, 75, err)
        expect("superseded" in err, err)
        same(exchange(shoal.port(), b"x"), b"new:x")
        same(shoal.status()["code"], 0)


def check_caller_that_leaves():
    """The reload goes on without the one who asked for it."""
    with Shoal(listener(prefix="old:")) as shoal:
        shoal.run()
        path = modules.build(shoal.path("probe.so"),
                             check="sleep(1);")
        shoal.configure(listener(prefix="new:"), modules=modules.entry(path))
        caller = subprocess.Popen([SHOAL, "reload", "-c", shoal.conf],
                                  env=environment())
        shoal.wait_log("reloading, as asked")
        caller.kill()
        caller.wait()
        shoal.wait_counter("reloads_ok", 2)  # the start is the first
        same(exchange(shoal.port(), b"x"), b"new:x")


def is_reverted(shoal):
    status = shoal.status()
    return status["last_reload"]["result"] == "reverted" and \
        status["workers_ready"] == status["workers_wanted"]


def check_crash_storm_is_reverted():
    """Code that dies soon after its reload makes way for the code before."""
    with Shoal(workers=2) as shoal:
        path = modules.build(shoal.path("probe.so"), answer="old")
        shoal.configure(PROBE, workers=2, modules=modules.entry(path))
        shoal.run()
        port = shoal.port()
        modules.build(path, answer="new",
                      start="shoal_timer_after(100, crash, NULL);")
        shoal.reload()
        until(lambda: is_reverted(shoal), "the revert")
        same(exchange(port, b"x"), b"old:x")
        same(shoal.status()["code"], 150)
        expect("going back to generation 1" in shoal.log_text())
        workers = [w["pid"] for w in shoal.workers()]
        modules.build(path, answer="newer")
        shoal.reload()
        same(exchange(port, b"x"), b"newer:x")
        until(lambda: not any(is_alive(pid) for pid in workers),
              "the old workers to end")
        same(shoal.status()["code"], 0)


def check_crash_on_connect_is_reverted():
    with Shoal(workers=2) as shoal:
        path = modules.build(shoal.path("probe.so"), answer="old")
        shoal.configure(PROBE, workers=2, modules=modules.entry(path))
        shoal.run()
        port = shoal.port()
        modules.build(path, answer="new", connect="abort();")
        shoal.reload()

        def is_answered():
            try:
                return exchange(port, b"x") == b"old:x"
            except OSError:     # reset, at whichever step
                return False
        until(is_answered, "the old answer")
        until(lambda: is_reverted(shoal), "the revert")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
