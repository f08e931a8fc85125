"""The daemon under test: a private folder, a configuration, a master.

Every instance listens on ports that the kernel picks, writes only below its
own temporary folder, and ends its processes by pid.
"""
import json
import os
import shutil
import signal
import subprocess
import tempfile

from waiting import (BUILDDIR, PATIENCE, descendants_of, end_processes,
                     is_alive, on_failure, until, wait_gone)

SHOAL = os.environ.get("SHOAL", os.path.join(BUILDDIR, "shoal"))
HIDDEN = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM",
          "SHOAL_CONFIG", "LISTEN_FDS", "LISTEN_PID")


def environment(**more):
    """The environment of the test without what speaks to its own master."""
    env = {key: value for key, value in os.environ.items()
           if key not in HIDDEN}
    env.update(more)
    return env


def listener(address="127.0.0.1:0", handler="echo", prefix=None, more=""):
    """A listener as the configuration file has it."""
    config = f' config = {{ prefix = "{prefix}"; }};' if prefix else ""
    return (f'{{ address = "{address}"; handler = "{handler}";'
            f'{config} {more} }}')


def fear_sanitizers(text):
    """Fails when a sanitizer has found something."""
    if "ERROR: AddressSanitizer" in text or "LeakSanitizer" in text or \
            "runtime error:" in text:
        raise AssertionError(f"a sanitizer complains:\n{text}")


class Shoal:
    """One configuration, and at most one master that obeys it."""

    def __init__(self, *listeners, **settings):
        self.folder = tempfile.mkdtemp(prefix="shoal-")
        os.chmod(self.folder, 0o755)
        self.conf = self.path("shoal.conf")
        self.control = self.path("control.sock")
        self.log = self.path("log")
        self.pid_file = self.path("pid")
        self.process = None         # of `run'
        self.master = None          # pid, when one was started
        self.known = set()          # pids of its processes, ever seen
        self.last_words = ""        # the log, once the folder is gone
        self.configure(*listeners, **settings)
        on_failure(self.print_log)

    def __enter__(self):
        return self

    def __exit__(self, failure, *_):
        self.clean_up()
        if failure is None:
            fear_sanitizers(self.last_words)

    def path(self, name):
        return os.path.join(self.folder, name)

    # --- configuration ---

    def configure(self, *listeners, workers=1, more="", workers_more="",
                  log_level="debug", modules=""):
        """Writes the file; it replaces the old one at once."""
        text = (
            f'control = {{ path = "{self.control}"; }};\n'
            f'pid_file = "{self.pid_file}";\n'
            f'workers = {{ count = {workers}; {workers_more} }};\n'
            f'log = {{ target = "{self.log}"; level = "{log_level}"; }};\n'
            f'{more}\n'
            f'modules = ( {modules} );\n'
            f'listeners = (\n  ' + ",\n  ".join(listeners or [listener()]) +
            '\n);\n')
        self.write(text)

    def write(self, text):
        with open(self.conf + ".new", "w", encoding="utf-8") as conf:
            conf.write(text)
        os.rename(self.conf + ".new", self.conf)

    def read(self):
        with open(self.conf, encoding="utf-8") as conf:
            return conf.read()

    # --- commands ---

    def cli(self, *words, seconds=20, env=None):
        """Runs a command; (exit status, stdout, stderr)."""
        done = subprocess.run(
            [SHOAL, *words, "-c", self.conf], capture_output=True, text=True,
            stdin=subprocess.DEVNULL, timeout=seconds * PATIENCE,
            env=env or environment(), check=False)
        fear_sanitizers(done.stderr)
        return done.returncode, done.stdout, done.stderr

    def good(self, *words):
        """Runs a command that must succeed; its stdout."""
        code, out, err = self.cli(*words)
        if code != 0:
            raise AssertionError(f"{' '.join(words)}: {code}\n{out}{err}")
        return out

    def status(self):
        """What `status --json' says, or None when nothing runs."""
        code, out, _ = self.cli("status", "--json")
        if code not in (0, 150):
            return None
        status = json.loads(out)
        status["code"] = code
        self.known.update(w["pid"] for w in status["workers"])
        return status

    # --- life ---

    def spawn(self, *words, env=None, prefix=(), group=True):
        """Begins `run' without waiting for it."""
        with open(self.path("stderr"), "ab") as stderr:
            self.process = subprocess.Popen(
                [*prefix, SHOAL, "run", "-c", self.conf, *words],
                stdin=subprocess.DEVNULL, stdout=stderr, stderr=stderr,
                env=env or environment(), start_new_session=group)
        self.master = self.process.pid
        return self

    def run(self, *words, env=None):
        """Runs in the foreground; returns when it serves."""
        self.spawn(*words, env=env)
        return self.wait_ready()

    def start(self, *words):
        """Runs in the background, by `start'."""
        self.good("start", *words)
        self.master = self.status()["pid"]
        return self

    def wait_ready(self, seconds=20):
        """Waits until all workers serve."""
        def is_ready():
            if self.process is not None and self.process.poll() is not None:
                raise AssertionError(
                    f"run ended with {self.process.returncode}")
            status = self.status()
            return status is not None and status["code"] == 0
        until(is_ready, "a master that is ready", seconds)
        return self

    def wait_end(self, seconds=20):
        """Waits for the end of the master; its exit status under `run'."""
        if self.process is None:
            if not wait_gone(self.master, seconds):
                raise AssertionError("the master does not end")
            return None
        return self.process.wait(timeout=seconds * PATIENCE)

    def signal(self, signo):
        os.kill(self.master, signo)

    def stop(self, *words):
        """Stops it in good order; the exit status of `run'."""
        self.good("stop", *words)
        return self.wait_end()

    def clean_up(self):
        """Ends whatever is left, and removes the folder."""
        if self.master is not None:
            left = descendants_of(self.master)
            if is_alive(self.master):
                left.insert(0, self.master)
            left += [pid for pid in self.known - set(left)
                     if is_alive(pid) and self.is_ours(pid)]
            end_processes(left)
        if self.process is not None:
            self.process.wait()
        self.last_words = self.log_text()
        shutil.rmtree(self.folder, ignore_errors=True)

    @staticmethod
    def is_ours(pid):
        """Whether a pid is still that of a worker: numbers are used again."""
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as comm:
                return comm.read().startswith("shoal-w")
        except OSError:
            return False

    # --- what it is like ---

    def port(self, index=0):
        """The port of a listener, which the kernel picked."""
        address = self.status()["listeners"][index]["address"]
        return int(address.rpartition(":")[2])

    def workers(self, state="ready"):
        """The workers of a state, by slot."""
        found = [w for w in self.status()["workers"] if w["state"] == state]
        return sorted(found, key=lambda w: w["slot"])

    def pid_of(self, slot=0):
        """The worker that serves a slot, or None."""
        status = self.status()
        found = [w["pid"] for w in status["workers"]
                 if w["slot"] == slot and w["state"] == "ready" and
                 w["generation"] == status["generation"]]
        return found[-1] if found else None

    def counter(self, name):
        return self.status()["counters"][name]

    def wait_counter(self, name, value, seconds=10):
        """Waits until a counter has reached a value."""
        return until(lambda: self.counter(name) >= value,
                     f"counter {name} to reach {value}", seconds)

    def reload(self, *words):
        """Reloads, which must succeed."""
        return self.good("reload", *words)

    def log_text(self):
        text = ""
        for name in ("stderr", "log"):
            try:
                with open(self.path(name), encoding="utf-8",
                          errors="replace") as log:
                    text += log.read()
            except OSError:
                pass
        return text

    def wait_log(self, words, seconds=10):
        """Waits for words in the log."""
        until(lambda: words in self.log_text(), f"'{words}' in the log",
              seconds)

    def print_log(self):
        """The end of the log, for whoever reads about a failure."""
        text = self.log_text() or self.last_words
        print(f"--- log of {self.folder} ---")
        print(text[-6000:])
        print("---", flush=True)


def kill_worker(pid):
    """Ends one worker the hard way."""
    os.kill(pid, signal.SIGKILL)
