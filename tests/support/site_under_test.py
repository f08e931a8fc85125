"""The site under test: a daemon with the handlers of site_under_test.c."""
import os

import modules
from shoal import Shoal
from waiting import SRCDIR

FREE = ('message_size = "64M"; fragments = "off"; control_rate = "off"; '
        'ping = "off";')


def route(path, handler="echo", websocket="", more=""):
    """A route as the configuration file has it."""
    group = f"websocket = {{ {websocket} }};" if websocket else ""
    return (f'{{ path = "{path}"; handler = "{handler}"; {more} {group} }}')


ROUTES = (
    route("/", "site.answer"),
    route("/echo"),
    # nothing is limited
    route("/free", websocket=FREE),
    # nothing ends by itself, so an end has another reason
    route("/calm", websocket='control_rate = "off"; ping = "off"; '
          'close_timeout = "1h";'),
    route("/serve", "site.serve", 'close_timeout = "300ms"; ping = "off"; '
          'control_rate = "off";'),
    route("/call", "site.call", 'close_timeout = "300ms"; ping = "off"; '
          'control_rate = "off";'),
)


def listener(*routes, more="", address="127.0.0.1:0"):
    """An HTTP listener with the routes, or with ROUTES."""
    return (f'{{ address = "{address}"; protocol = "http"; {more}\n'
            '    routes = (\n      ' + ",\n      ".join(routes or ROUTES) +
            " ); }")


class Site(Shoal):
    """Runs as soon as it is entered."""

    def __init__(self, *routes, listen="", at="127.0.0.1:0", **settings):
        super().__init__()
        with open(os.path.join(SRCDIR, "tests", "support", "site_under_test.c"),
                  encoding="utf-8") as source:
            self.module = modules.compile_text(
                self.path("site.so"), source.read())
        self.configure(listener(*routes, more=listen,
                                address=at.replace("FOLDER", self.folder)),
                       modules=modules.entry(self.module, "site"), **settings)
        self.address = None

    def __enter__(self):
        self.run()
        address = self.status()["listeners"][0]["address"]
        kind, _, rest = address.partition(":")
        host, _, port = address.rpartition(":")
        self.address = (rest if kind == "unix" else int(port)
                        if host == "127.0.0.1" else
                        (host.strip("[]"), int(port)))
        return self
