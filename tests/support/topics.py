"""The topics' test client, topic_clients, and the hub that it talks to."""
import json
import os
import subprocess

import modules
from shoal import Shoal
from waiting import BUILDDIR, PATIENCE, SRCDIR, Skip, on_failure, same

PROGRAM = os.path.join(BUILDDIR, "tests", "support", "topic_clients")

# What must be 0 whatever happens.
FAULTS = ("refused", "missed", "doubled", "unwanted", "strange")


class Clients:
    """Many WebSockets in a process of their own; a context manager.

    Each command waits until it is done, and returns what was counted so far.
    """

    def __init__(self, port, path="/hub", seconds=30, **options):
        if not os.access(PROGRAM, os.X_OK):
            raise Skip(f"{PROGRAM} is not built")
        self.seconds = seconds * PATIENCE
        self.complaints = ""
        words = [word for key, value in options.items()
                 for word in ("-" + key[0], str(value))]
        self.process = subprocess.Popen(
            [PROGRAM, str(port), path, "-t", str(self.seconds * 1000), *words],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        on_failure(self.print_complaints)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.complaints = self.process.communicate()[1]

    def print_complaints(self):
        print(self.complaints)

    def send(self, *words):
        """Gives a command and does not wait for its answer."""
        self.process.stdin.write(" ".join(map(str, words)) + "\n")
        self.process.stdin.flush()

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            raise AssertionError("topic_clients has ended")
        return json.loads(line)

    def try_to(self, *words):
        """A command that need not be possible in time."""
        self.send(*words)
        return self.answer()

    def do(self, *words):
        """A command that has to be."""
        result = self.try_to(*words)
        if not result["done"]:
            raise AssertionError(
                f"not in {self.seconds} s: {' '.join(map(str, words))}: "
                f"{result}")
        return result

    def finish(self):
        """Closes all connections in good order, and judges what came."""
        result = self.do("finish")
        judge(result)
        return result


def judge(result):
    """Nothing was lost, came twice, out of order or unasked for."""
    same({key: result[key] for key in FAULTS}, dict.fromkeys(FAULTS, 0),
         result)


def spread(result, workers):
    """Clients by worker, all of which have to have some."""
    same(len(result["workers"]), workers, result)
    return {int(pid): count for pid, count in result["workers"].items()}


class Hub(Shoal):
    """A daemon whose handler obeys topic_clients; runs when it is entered.

    routes are pairs: a path, and what its route has beside the handler.
    """

    def __init__(self, route_more="", routes=(), **settings):
        super().__init__()
        with open(os.path.join(SRCDIR, "tests", "support", "topic_hub.c"),
                  encoding="utf-8") as source:
            self.module = modules.compile_text(
                self.path("hub.so"), source.read())
        plain = ("/hub", f'{route_more} websocket = {{ ping = "off"; }};')
        self.configure(
            '{ address = "127.0.0.1:0"; protocol = "http"; routes = ( ' +
            ", ".join(f'{{ path = "{path}"; handler = "hub.hub"; {more} }}'
                      for path, more in (plain, *routes)) + " ); }",
            modules=modules.entry(self.module, "hub"), **settings)

    def __enter__(self):
        self.run()
        return self
