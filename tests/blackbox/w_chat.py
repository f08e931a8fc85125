"""Two browser windows chat through two workers, with the page of conf/demo.conf.

Pictures of them are kept beside the log, as chat*.png.
"""
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))
from browser import (ENTER, Browser, fits, picture,  # noqa: E402
                     read_source, run_demo)
from http_raw import fetch, request  # noqa: E402
from shoal import Shoal  # noqa: E402
from waiting import expect, run_checks, same, until  # noqa: E402

LARGE, SMALL = (1280, 800, "light"), (390, 844, "dark")
DRAIN = 'reload = { drain_timeout = "100ms"; };'


class Chat(Browser):
    """A window with somebody in front of it."""

    def __init__(self, name, screen):
        super().__init__()
        self.name, self.screen, self.port = name, screen, None

    def visit(self, port, query=""):
        self.port = port
        self.become(*self.screen)
        self.open(f"http://127.0.0.1:{port}/chat{query}")
        same(self.text("#state"), "Not in the room")

    def come_in(self):
        """By keyboard alone."""
        same(self.focus(), "name")
        self.type(self.name + ENTER)
        until(lambda: self.text("#state") == f"In the room as {self.name}",
              f"{self.name} in the room", 20)
        same(self.focus(), "message")

    def focus(self):
        return self.run("return document.activeElement.id;")

    def worker(self):
        """The low bits of the incarnation of its worker."""
        own = until(lambda: self.run("return own_id;"), "the welcome")
        return int(own) >> 40

    def say(self, text):
        self.type(text + ENTER)

    def entries(self):
        """What the log has: (kind, who, what), or (kind, "", text)."""
        return [tuple(entry) for entry in self.run(
            "return Array.from(document.querySelectorAll('#log li'),"
            "    (entry) => {"
            "        const who = entry.querySelector('.who span');"
            "        const what = entry.querySelector('.what');"
            "        return [entry.className, who ? who.textContent : '',"
            "            (what || entry).textContent];"
            "    });")]

    def wait_entries(self, *wanted):
        until(lambda: self.entries()[-len(wanted):] == list(wanted),
              f"{wanted} in the log of {self.name}", 20)

    def wait_people(self, *names):
        wanted = "Here: " + ", ".join(names)
        until(lambda: self.text("#people") == wanted, wanted, 20)

    def messages(self):
        """What was said, without notes."""
        return [what for kind, _, what in self.entries()
                if kind in ("mine", "theirs")]


def publish(port, text):
    answer = fetch(port, request("/publish/lobby", "POST",
                                 ("Authorization: Bearer demo",),
                                 text.encode()))
    same(answer.status, 200, answer.body)
    same(json.loads(answer.body)["topic"], "lobby")


def come_in_elsewhere(chat, other):
    """Comes in, and again until another worker has taken the connection."""
    for _ in range(50):
        chat.come_in()
        if chat.worker() != other.worker():
            return
        chat.click("#leave")
        until(lambda: chat.focus() == "name", "the way out")
        chat.run("get('name').select();")
    raise AssertionError("always the same worker")


def check_two_windows():
    """What one says the other sees, and who is there."""
    with Shoal() as shoal, Chat("Ada", LARGE) as ada, \
            Chat("Böb", SMALL) as bob:
        port = run_demo(shoal)
        ada.visit(port)
        expect(fits(ada), "larger than", ada.screen)
        picture(ada, "chat-begin")
        ada.come_in()
        ada.wait_people("Ada")
        bob.visit(port)
        come_in_elsewhere(bob, ada)
        workers = {worker["incarnation"] & 0xffffff
                   for worker in shoal.workers()}
        same({ada.worker(), bob.worker()}, workers)
        ada.wait_people("Ada", "Böb")
        bob.wait_people("Ada", "Böb")
        ada.wait_entries(("note", "", "Böb came in"))
        ada.say("hello from one worker")
        ada.wait_entries(("mine", "You", "hello from one worker"))
        bob.wait_entries(("theirs", "Ada", "hello from one worker"))
        bob.say("und zurück, <b>\"quoted\"</b> 🐟 " + "x" * 300)
        ada.wait_entries(("theirs", "Böb", "und zurück, <b>\"quoted\"</b> "
                          "🐟 " + "x" * 300))
        publish(port, "published by HTTP")
        for chat in ada, bob:
            chat.wait_entries(("theirs", "published", "published by HTTP"))
            expect(fits(chat), "larger than", chat.screen)
        picture(ada, "chat")
        picture(bob, "chat-small")
        # many do not make the page grow
        for i in range(40):
            publish(port, f"line {i}")
        ada.wait_entries(("theirs", "published", "line 39"))
        expect(fits(ada), "larger than", ada.screen)
        bob.click("#leave")
        bob.wait_entries(("note", "", "You left"))
        # there is less room for the log then
        bob.wait_run("const log = get('log'); return log.scrollHeight -"
                     "    log.scrollTop - log.clientHeight < 2;",
                     "the end of the log")
        same(bob.focus(), "name")
        ada.wait_entries(("note", "", "Böb left"))
        ada.wait_people("Ada")
        for chat in ada, bob:
            same(chat.console(), [])


def check_reload():
    """A reload cuts the windows off; they come back, and miss nothing."""
    with Shoal() as shoal, Chat("Ada", LARGE) as ada:
        port = run_demo(shoal, DRAIN)
        publish(port, "before anybody")
        ada.visit(port)
        ada.come_in()
        ada.wait_entries(("theirs", "published", "before anybody"))
        before = ada.worker()
        # not before there is something that it would miss
        ada.run("Math.random = () => 1; wait = 1000;")
        shoal.reload()
        until(lambda: "The connection is lost" in
              [text for _, _, text in ada.entries()], "the end", 20)
        publish(port, "while away")
        until(lambda: ada.messages() == ["before anybody", "while away"],
              "the message", 20)
        until(lambda: ada.worker() != before, "another worker")
        ada.say("back")
        ada.wait_entries(("mine", "You", "back"))
        same(ada.messages(), ["before anybody", "while away", "back"])
        # what it would resume from is gone
        ada.run("place.epoch = '1'; socket.close(4000);")
        until(lambda: "Messages were lost here" in
              [text for _, _, text in ada.entries()], "a gap", 20)


def said(browser, lines):
    """What the page has written to the console."""
    for _, message in browser.console():
        lines.extend(re.findall(r'"(.*)"$', message))
    return lines


def check_recipe():
    """The client of the handbook misses nothing over a reload."""
    recipe = re.search(r"^```js\n(.*?)^```$", read_source("doc", "topics.md"),
                       re.MULTILINE | re.DOTALL).group(1)
    with Shoal() as shoal, Chat("Ada", LARGE) as ada:
        port = run_demo(shoal, DRAIN)
        ada.visit(port)
        ada.run(recipe + "window.room = room;")
        ada.wait_run("return window.room.send('one');", "a connection")
        lines = []
        until(lambda: said(ada, lines) == ["one"], "the first", 20)
        ada.run("Math.random = () => 1;")
        shoal.reload()
        until(lambda: not ada.run("return window.room.send('x');"), "the end")
        publish(port, "two")
        until(lambda: "two" in said(ada, lines), "the second", 20)
        publish(port, "three")
        until(lambda: "three" in said(ada, lines), "the third", 20)
        same([line for line in lines if line != "x"], ["one", "two", "three"])
        ada.run("window.room.leave();")


def check_end():
    """A server that goes is waited for; who is not let in is told."""
    with Shoal() as shoal, Chat("Ada", LARGE) as ada:
        port = run_demo(shoal)
        ada.visit(port, "?room=kitchen&name=Ada+L")
        same(ada.run("return get('name').value;"), "Ada L")
        same(ada.text("#room"), "/ kitchen")
        ada.type(ENTER)
        ada.wait_people("Ada L")
        shoal.stop()
        until(lambda: ada.text("#state") == "Not connected",
              "that it is not connected", 20)
        expect("again in" in ada.text("#due"), "it does not say when")
        same(ada.run("return get('send').disabled;"), True)
        ada.run("get('message').value = 'kept';")
        picture(ada, "chat-cut-off")
        ada.click("#leave")
        same(ada.text("#state"), "Not in the room")
        same(ada.focus(), "name")
        expect("open a second window" in ada.text("#people"), "no words")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
