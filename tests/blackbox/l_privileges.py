#!/usr/bin/env python3
"""Workers run as another user, in another root. Needs root."""
import grp
import os
import pwd
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import modules  # noqa: E402
from clients import exchange  # noqa: E402
from http_raw import fetch, request  # noqa: E402
from rooms import route, web  # noqa: E402
from shoal import Shoal, kill_worker, listener  # noqa: E402
from waiting import (SKIPPED, expect, run_checks, same,  # noqa: E402
                     status_field, until)

USER = "nobody"


def ids_of(pid):
    """Real, effective and saved ids of a process, and its groups."""
    return (set(map(int, status_field(pid, "Uid")[:3])),
            set(map(int, status_field(pid, "Gid")[:3])),
            set(map(int, status_field(pid, "Groups"))))


def groups_of(user):
    entry = pwd.getpwnam(user)
    return {entry.pw_gid} | {g.gr_gid for g in grp.getgrall()
                             if user in g.gr_mem}


def check_user():
    with Shoal(workers=2, workers_more=f'user = "{USER}";') as shoal:
        shoal.run()
        entry = pwd.getpwnam(USER)
        same(ids_of(shoal.master)[0], {0})
        for worker in shoal.workers():
            uids, gids, groups = ids_of(worker["pid"])
            same((uids, gids), ({entry.pw_uid}, {entry.pw_gid}))
            expect(groups <= groups_of(USER), groups)
            same(status_field(worker["pid"], "CapEff"), ["0" * 16])
            same(status_field(worker["pid"], "NoNewPrivs"), ["1"])
        same(exchange(shoal.port(), b"hello"), b"hello")
        # what they write reaches the log, also after it has been reopened
        shoal.good("reopen")
        pid = shoal.pid_of(0)
        kill_worker(pid)
        until(lambda: shoal.pid_of(0) not in (None, pid), "a replacement")
        same(ids_of(shoal.pid_of(0))[0], {entry.pw_uid})
        shoal.reload()
        same(ids_of(shoal.pid_of(0))[0], {entry.pw_uid})


def check_group():
    with Shoal(workers_more=f'user = "{USER}"; group = "daemon";') as shoal:
        shoal.run()
        gid = grp.getgrnam("daemon").gr_gid
        _, gids, groups = ids_of(shoal.pid_of(0))
        same(gids, {gid})
        expect(groups <= groups_of(USER) | {gid}, groups)


def check_log_and_module():
    """A log and a module that only root may reach are still theirs."""
    with Shoal() as shoal:
        os.mkdir(shoal.path("private"), 0o700)
        path = modules.build(
            shoal.path("private/probe.so"), answer="as nobody",
            start='shoal_log(SHOAL_LOG_NOTICE, "I am %d", (int)getuid());')
        shoal.configure(listener(handler="probe.answer"),
                        modules=modules.entry(path),
                        workers_more=f'user = "{USER}";')
        shoal.run()
        same(os.stat(shoal.log).st_uid, 0)
        os.chmod(shoal.log, 0o600)
        uid = pwd.getpwnam(USER).pw_uid
        expect(f"I am {uid}" in shoal.log_text())
        same(exchange(shoal.port(), b"x"), b"as nobody:x")
        shoal.reload()
        same(exchange(shoal.port(), b"x"), b"as nobody:x")


def check_chroot():
    with Shoal() as shoal:
        root = shoal.path("root")
        os.mkdir(root)
        path = modules.build(shoal.path("probe.so"), answer="inside")
        shoal.configure(
            listener(handler="probe.answer"), modules=modules.entry(path),
            workers_more=f'user = "{USER}"; chroot = "{root}";')
        shoal.run()
        pid = shoal.pid_of(0)
        same(os.readlink(f"/proc/{pid}/root"), root)
        same(os.readlink(f"/proc/{pid}/cwd"), root)
        same(exchange(shoal.port(), b"x"), b"inside:x")
        kill_worker(pid)
        until(lambda: shoal.pid_of(0) not in (None, pid), "a replacement")
        same(os.readlink(f"/proc/{shoal.pid_of(0)}/root"), root)
        shoal.reload()
        shoal.good("reopen")
        same(exchange(shoal.port(), b"x"), b"inside:x")


def check_file_in_chroot():
    """A check reads as the workers do: their root, their user."""
    with Shoal() as shoal:
        root = shoal.path("root")
        os.mkdir(root)
        shoal.configure(
            web(route(config='subscribe_token_file = "/token";')),
            workers_more=f'user = "{USER}"; chroot = "{root}";')
        token = os.path.join(root, "token")
        code, out, err = shoal.cli("test")
        expect(code != 0 and "'/token' cannot be read: No such" in out + err,
               out, err)
        with open(token, "w", encoding="ascii") as file:
            file.write("in\n")
        os.chmod(token, 0o600)
        code, out, err = shoal.cli("test")
        expect(code != 0 and "'/token' cannot be read: Perm" in out + err,
               out, err)
        os.chown(token, pwd.getpwnam(USER).pw_uid, -1)
        shoal.good("test")
        shoal.write(shoal.read().replace(f'user = "{USER}";', ""))
        shoal.good("test")
        shoal.run()
        same(fetch(shoal.port(), request("/room/")).status, 401)
        shoal.reload()


def check_other_errors():
    """Whatever else is wrong, no code of a module runs as root."""
    with Shoal() as shoal:
        path = modules.build(
            shoal.path("probe.so"),
            check='snprintf(why, cap, "I am %d", (int)getuid()); return -1;')
        for user, who in ((f'user = "{USER}";', pwd.getpwnam(USER).pw_uid),
                          ('user = "nosuchuser";', None), ("", 0)):
            shoal.configure(
                listener(handler="probe.answer"), workers_more=user,
                modules=modules.entry(path), more='broker = { type = "redis"; '
                'url = "redis://x"; password_file = "/nowhere/x"; };')
            code, out, err = shoal.cli("test")
            expect(code != 0 and "/nowhere/x" in out + err, out, err)
            same(f"I am {who}" in out + err, who is not None, out, err)
            same("I am " in out + err, who is not None, out, err)


def check_no_such():
    """Names that do not exist are told."""
    with Shoal() as shoal:
        for more, words in (('user = "nosuchuser";', "nosuchuser"),
                            (f'user = "{USER}"; group = "nosuchgroup";',
                             "nosuchgroup"),
                            (f'user = "{USER}"; chroot = "/nowhere";',
                             "chroot")):
            shoal.configure(workers_more=more)
            for command in ("test", "start"):
                code, out, err = shoal.cli(command)
                expect(code in (1, 78), command, more, code)
                expect(words in out + err, command, more, out + err)


def check_control_group():
    with Shoal() as shoal:
        shoal.write(shoal.read().replace(
            '.sock";', '.sock"; group = "daemon"; mode = "0660";', 1))
        shoal.run()
        same(os.stat(shoal.control).st_gid, grp.getgrnam("daemon").gr_gid)


if __name__ == "__main__":
    sys.exit(SKIPPED if os.geteuid() != 0 else run_checks(globals()))
