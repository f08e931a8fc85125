"""A real browser and WebSockets: the demo's page, that of examples/ws_greet.c, and
the client that doc/websocket.md recommends.

Pictures of them are kept beside the log, as browser*.png.
"""
import os
import re
import shlex
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
import shoal as daemon  # noqa: E402
from browser import (ENTER, Browser, fits, picture,  # noqa: E402
                     read_source, run_demo)
from shoal import Shoal  # noqa: E402
from waiting import (BUILDDIR, SANITIZED, SRCDIR, Skip,  # noqa: E402
                     expect, run_checks, same, until)


def entries(browser):
    """What the page's log has: (kind, text)."""
    return [tuple(entry) for entry in browser.run(
        "return Array.from(document.querySelectorAll('#log li'),"
        "    (entry) => [entry.className, entry.textContent]);")]


def wait_entries(browser, *wanted):
    until(lambda: entries(browser)[-len(wanted):] == list(wanted),
          f"{wanted} in the log", 20)


def focus(browser):
    return browser.run("return document.activeElement.id;")


def talk(browser, word):
    """By keyboard alone: connects, says something, has it closed."""
    same(focus(browser), "connect")
    browser.type(ENTER)
    wait_entries(browser, ("note", "Connected"))
    until(lambda: focus(browser) == "message", "the focus on the message")
    same(browser.text("#state"), "Connected")
    browser.type(word + ENTER)
    wait_entries(browser, ("sent", word), ("received", f"Hello {word}!"),
                 ("received", f"How are you, {word}?"))


def check_demo():
    """The page of conf/demo.conf, on a large and a small screen."""
    with Shoal() as shoal, Browser() as browser:
        port = run_demo(shoal)
        for name, *screen in (("browser", 1280, 800, "light"),
                              ("browser-small", 390, 844, "dark")):
            browser.become(*screen)
            browser.open(f"http://127.0.0.1:{port}/")
            same(browser.text("#state"), "Not connected")
            talk(browser, "hello")
            picture(browser, name)
            expect(fits(browser), "larger than", screen)
            browser.type("close" + ENTER)
            wait_entries(browser, ("sent", "close"),
                         ("note", "Disconnected, code 1000"))
            same(browser.text("#state"), "Disconnected, code 1000")
            # and again, without loading the page anew
            until(lambda: focus(browser) == "connect", "the focus back")
            talk(browser, "wörld " + "x" * 300)
            expect(fits(browser), "larger than", screen)
            browser.click("#connect")
            wait_entries(browser, ("note", "Disconnected, code 1000"))
        same(browser.console(), [])


def check_demo_goes():
    """A server that stops says so, and the page can connect again."""
    with Shoal() as shoal, Browser() as browser:
        port = run_demo(shoal)
        browser.open(f"http://127.0.0.1:{port}/")
        talk(browser, "hello")
        shoal.stop()
        wait_entries(browser, ("note", "Disconnected, code 1001"))
        same(browser.run("return document.getElementById('message').disabled"),
             True)
        browser.click("#connect")
        wait_entries(browser, ("note", "Disconnected, code 1006"))


def build_greet(path):
    """examples/ws_greet.c, but on a port that the kernel picks."""
    source = read_source("examples", "ws_greet.c")
    libs = os.path.join(BUILDDIR, ".libs")
    try:
        subprocess.run(
            [*shlex.split(os.environ.get("CC", "cc")), "-x", "c", "-",
             "-I", os.path.join(SRCDIR, "src", "include"), "-o", path,
             "-L", libs, "-lshoal", f"-Wl,-rpath,{libs}"],
            input=source.replace("127.0.0.1:9502", "127.0.0.1:0"), text=True,
            check=True)
    except FileNotFoundError as error:
        raise Skip(f"no compiler: {error}") from error
    return path


def said(browser, lines):
    """What the page has written to the console."""
    for _, message in browser.console():
        lines.extend(re.findall(r'"(.*)"$', message))
    return lines


def check_founding_page():
    """The first program and its page: connects, greets, is told goodbye."""
    if SANITIZED:
        raise Skip("the program would have to be sanitized too")
    with Shoal() as shoal, Browser() as browser:
        shoal.write(f'control = {{ path = "{shoal.control}"; }};\n'
                    f'log = {{ target = "{shoal.log}"; }};\n')
        program, daemon.SHOAL = daemon.SHOAL, build_greet(shoal.path("greet"))
        try:
            shoal.run()
            browser.open(f"http://127.0.0.1:{shoal.port()}/")
            same(browser.text("h1"), "shoal WebSocket Server")
            lines = []
            until(lambda: len(said(browser, lines)) >= 3, "three lines", 20)
            same(lines, ["Connected to WebSocket server.",
                         "Retrieved data from server: Hello hello!",
                         "Retrieved data from server: How are you, hello?"])
            picture(browser, "browser-founding")
            browser.run("websocket.send('close');")
            until(lambda: len(said(browser, lines)) >= 4, "a fourth line", 20)
            same(lines[3:], ["Disconnected"])
            shoal.stop()
        finally:
            daemon.SHOAL = program


def check_recipe():
    """The client of the handbook comes back after a reload, and not after it
    was told that all is said."""
    recipe = re.search(r"^```js\n(.*?)^```$",
                       read_source("doc", "websocket.md"),
                       re.MULTILINE | re.DOTALL).group(1)
    with Shoal() as shoal, Browser() as browser:
        port = run_demo(shoal, 'reload = { drain_timeout = "100ms"; };')
        browser.open(f"http://127.0.0.1:{port}/")
        browser.run(recipe + "window.room = room; window.url = url;")
        lines = []
        for word in "before", "after":
            browser.wait_run(f"return room.send('{word}');", "a connection")
            until(lambda: len(said(browser, lines)) >= 2, "two answers", 20)
            same(lines, [f"Hello {word}!", f"How are you, {word}?"])
            lines.clear()
            if word == "before":
                shoal.reload()
                until(lambda: len(shoal.status()["workers"]) == 2,
                      "the end of the old workers")
        # it would come back at once, and before another one
        browser.run("Math.random = () => 0;")
        opened = shoal.counter("accepted")
        browser.run("room.send('close');")
        until(lambda: not browser.run("return room.send('?');"), "the end")
        browser.run("const other = new WebSocket(url);"
                    "other.onopen = () => { window.isOpen = true; };")
        browser.wait_run("return window.isOpen;", "another one")
        same(shoal.counter("accepted"), opened + 1)


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
