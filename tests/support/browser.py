"""Chromium without a window, driven over WebDriver (https://w3.org/TR/webdriver2).

Everything that it writes is in a folder of its own, and it is ended with its
driver, by pid.
"""
import base64
import http.client
import json
import os
import re
import shutil
import subprocess
import tempfile

from waiting import (BUILDDIR, PATIENCE, SRCDIR, Skip, descendants_of,
                     end_processes, on_failure, until)

CHROMIUM, DRIVER = "/usr/bin/chromium", "/usr/bin/chromedriver"
FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-quic",
         "--disable-dev-shm-usage", "--no-first-run",
         "--disable-background-networking", "--disable-component-update",
         "--disable-sync", "--disable-breakpad")
ENTER = "\ue007"
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"


class Browser:
    """One window of one browser."""

    def __init__(self):
        if not os.path.exists(CHROMIUM) or not os.path.exists(DRIVER):
            raise Skip("chromium or its driver is not installed")
        self.folder = tempfile.mkdtemp(prefix="browser-")
        self.session = self.connection = None
        self.said = os.path.join(self.folder, "driver.log")
        with open(self.said, "wb") as said:
            self.driver = subprocess.Popen(
                [DRIVER, "--port=0"], stdin=subprocess.DEVNULL, stdout=said,
                stderr=said, start_new_session=True,
                env={**os.environ, "HOME": self.folder,
                     "TMPDIR": self.folder})
        on_failure(self.print_log)

    def __enter__(self):
        try:
            self.connect()
        except BaseException:
            self.clean_up()
            raise
        return self

    def __exit__(self, *_):
        self.clean_up()

    def read_said(self):
        try:
            with open(self.said, encoding="utf-8", errors="replace") as said:
                return said.read()
        except OSError:
            return ""

    def print_log(self):
        print("--- chromedriver\n" + self.read_said()[-4000:] + "---")

    def connect(self):
        """Opens the window."""
        def find_port():
            if self.driver.poll() is not None:
                raise AssertionError("chromedriver has ended")
            return re.search(r"successfully on port (\d+)", self.read_said())

        port = int(until(find_port, "chromedriver", 30).group(1))
        self.connection = http.client.HTTPConnection(
            "127.0.0.1", port, timeout=60 * PATIENCE)
        flags = [*FLAGS, f"--user-data-dir={self.folder}/profile"]
        made = self.ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome",
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": {"binary": CHROMIUM, "args": flags}}}})
        self.session = "/session/" + made["sessionId"]

    def ask(self, method, path, body=None):
        """One command; the value of its answer."""
        self.connection.request(
            method, path, json.dumps(body) if body is not None else None,
            {"Content-Type": "application/json"})
        answer = self.connection.getresponse()
        value = json.loads(answer.read())["value"]
        if answer.status != 200:
            raise AssertionError(f"{path}: {value}")
        return value

    def clean_up(self):
        if self.session is not None:
            try:
                self.ask("DELETE", self.session)
            except (AssertionError, OSError, http.client.HTTPException):
                pass
        end_processes([self.driver.pid, *descendants_of(self.driver.pid)])
        self.driver.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def devtools(self, command, **params):
        """A command of the DevTools protocol."""
        return self.ask("POST", self.session + "/goog/cdp/execute",
                        {"cmd": command, "params": params})

    def become(self, width, height, scheme="light"):
        """Takes the size of another screen, and another colour scheme."""
        self.devtools("Emulation.setDeviceMetricsOverride", width=width,
                      height=height, deviceScaleFactor=1, mobile=width < 600)
        self.devtools("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])

    # --- what a person does ---

    def open(self, url):
        self.ask("POST", self.session + "/url", {"url": url})

    def element(self, selector):
        found = self.ask("POST", self.session + "/element",
                         {"using": "css selector", "value": selector})
        return f"{self.session}/element/{found[ELEMENT]}"

    def click(self, selector):
        self.ask("POST", self.element(selector) + "/click", {})

    def type(self, keys):
        """Types into whatever has the focus."""
        strokes = [{"type": kind, "value": key}
                   for key in keys for kind in ("keyDown", "keyUp")]
        self.ask("POST", self.session + "/actions", {"actions": [
            {"type": "key", "id": "keyboard", "actions": strokes}]})

    # --- what a person sees ---

    def text(self, selector):
        return self.ask("GET", self.element(selector) + "/text")

    def run(self, script):
        """The value of a function's body."""
        return self.ask("POST", self.session + "/execute/sync",
                        {"script": script, "args": []})

    def wait_run(self, script, what, seconds=20):
        return until(lambda: self.run(script), what, seconds)

    def console(self):
        """What was logged since the last time: (level, message)."""
        entries = self.ask("POST", self.session + "/se/log",
                           {"type": "browser"})
        return [(entry["level"], entry["message"]) for entry in entries]

    def screenshot(self, path):
        picture = self.ask("GET", self.session + "/screenshot")
        with open(path, "wb") as file:
            file.write(base64.b64decode(picture))


# --- what the tests of pages have in common ---

def picture(browser, name):
    folder = os.path.join(BUILDDIR, "tests", "blackbox")
    os.makedirs(folder, exist_ok=True)
    browser.screenshot(os.path.join(folder, name + ".png"))


def read_source(*path):
    with open(os.path.join(SRCDIR, *path), encoding="utf-8") as file:
        return file.read()


def run_demo(shoal, more=""):
    """Runs conf/demo.conf, but on ports that the kernel picks."""
    own = read_source("conf", "demo.conf")
    own = own.replace("127.0.0.1:9501", "127.0.0.2:0")
    own = own.replace("127.0.0.1:9502", "127.0.0.1:0")
    shoal.write(f'control = {{ path = "{shoal.control}"; }};\n'
                f'log = {{ target = "{shoal.log}"; level = "debug"; }};\n' +
                more + own)
    shoal.run()
    return shoal.port(1)


def fits(browser):
    """Whether the log is all that scrolls."""
    return browser.run("const page = document.documentElement;"
                       "return page.scrollWidth <= page.clientWidth &&"
                       "    page.scrollHeight <= page.clientHeight;")
