#!/usr/bin/python3
"""The programs in the manual pages compile, with warnings as errors, and those
that end by themselves do so without a failure."""

import os
import re
import shlex
import subprocess
import sys
import tempfile

SRC = os.environ.get("SHOAL_SRCDIR", ".")
BUILD = os.environ.get("SHOAL_BUILDDIR", "build/devel")
LIBS = os.path.abspath(os.path.join(BUILD, ".libs"))
CC = shlex.split(os.environ.get("CC", "cc"))
DEADLINE_S = 60
# Pages whose first program needs nothing but itself and soon ends.
RUN = {"shoal_channel.3", "shoal_co.3", "shoal_mutex.3", "shoal_semaphore.3",
       "shoal_wait.3", "shoal_wait_group.3"}


def programs(path):
    """The literal displays of a page that begin with an #include."""
    with open(path, encoding="utf-8") as page:
        text = page.read()
    found = re.findall(r"^\.Bd -literal[^\n]*\n(#include.*?)^\.Ed$", text,
                       re.MULTILINE | re.DOTALL)
    return [program.replace("\\e", "\\").replace("\\-", "-")
            for program in found]


def is_sanitized():
    with open(os.path.join(BUILD, "src", "config.h"),
              encoding="utf-8") as config:
        return "#define SH_SANITIZE 1" in config.read()


def compile_one(text, output):
    command = [*CC, "-Wall", "-Wextra", "-Wno-unused-parameter", "-Werror",
               "-D_GNU_SOURCE", "-I", os.path.join(SRC, "src", "include"),
               "-x", "c", "-", "-o", output]
    if is_sanitized():
        command += ["-c"]       # or it would have to be sanitized too
    else:
        command += ["-L", LIBS, "-lshoal", f"-Wl,-rpath,{LIBS}"]
    return subprocess.run(command, input=text, text=True,
                          check=False).returncode == 0


def main():
    failures = count = 0
    folder = os.path.join(SRC, "man")
    with tempfile.TemporaryDirectory() as temporary:
        output = os.path.join(temporary, "program")
        for name in sorted(os.listdir(folder)):
            if not name.endswith(".3"):
                continue
            for index, text in enumerate(
                    programs(os.path.join(folder, name))):
                count += 1
                if not compile_one(text, output):
                    print(f"{name}: program {index + 1} does not compile")
                    failures += 1
                elif name in RUN and index == 0 and not is_sanitized():
                    done = subprocess.run([output], check=False,
                                          timeout=DEADLINE_S)
                    print(f"{name}: exit status {done.returncode}")
                    failures += done.returncode != 0
    print(f"{count} programs, {failures} failures")
    return 1 if failures or count == 0 else 0


try:
    sys.exit(main())
except FileNotFoundError as error:
    print(f"no compiler: {error}")
    sys.exit(77)
