#!/usr/bin/python3
"""The examples in the manual pages, in doc/ and in README.md compile, with
warnings as errors, and programs that end by themselves do so without a
failure."""

import glob
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
HEADERS = ("errno.h", "stdio.h", "string.h", "unistd.h", "shoal/shoal.h")
# Pages whose first program needs nothing but itself and soon ends.
RUN = {"shoal_channel.3", "shoal_co.3", "shoal_mutex.3", "shoal_semaphore.3",
       "shoal_wait.3", "shoal_wait_group.3"}


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def displays(path):
    """The literal displays of a page that begin with an #include."""
    found = re.findall(r"^\.Bd -literal[^\n]*\n(#include.*?)^\.Ed$",
                       read(path), re.MULTILINE | re.DOTALL)
    return [program.replace("\\e", "\\").replace("\\-", "-")
            for program in found]


def fences(path):
    """The blocks of C of a text, which leave out the headers."""
    found = re.findall(r"^```c\n(.*?)^```$", read(path),
                       re.MULTILINE | re.DOTALL)
    headers = "".join(f"#include <{name}>\n" for name in HEADERS)
    return [block if "#include" in block else headers + block
            for block in found]


def is_sanitized():
    config = os.path.join(BUILD, "src", "config.h")
    return "#define SH_SANITIZE 1" in read(config)


def examples():
    """Where each example is from, and its text."""
    for path in sorted(glob.glob(os.path.join(SRC, "man", "*.[37]"))):
        for index, text in enumerate(displays(path)):
            yield os.path.basename(path), index + 1, text
    texts = glob.glob(os.path.join(SRC, "doc", "*.md"))
    for path in sorted([*texts, os.path.join(SRC, "README.md")]):
        for index, text in enumerate(fences(path)):
            yield os.path.basename(path), index + 1, text


def is_program(text):
    """Whether it can be linked and run here."""
    return "\nmain(" in text and not is_sanitized()


def compile_one(text, output):
    command = [*CC, "-Wall", "-Wextra", "-Wno-unused-parameter",
               "-Wno-unused-function", "-Werror", "-D_GNU_SOURCE",
               "-I", os.path.join(SRC, "src", "include"),
               "-x", "c", "-", "-o", output]
    if is_program(text):
        command += ["-L", LIBS, "-lshoal", f"-Wl,-rpath,{LIBS}"]
    else:
        command += ["-c"]
    return subprocess.run(command, input=text, text=True,
                          check=False).returncode == 0


def main():
    failures = count = 0
    with tempfile.TemporaryDirectory() as temporary:
        output = os.path.join(temporary, "program")
        for name, index, text in examples():
            count += 1
            if not compile_one(text, output):
                print(f"{name}: example {index} does not compile")
                failures += 1
            elif name in RUN and index == 1 and is_program(text):
                done = subprocess.run([output], check=False,
                                      timeout=DEADLINE_S)
                print(f"{name}: exit status {done.returncode}")
                failures += done.returncode != 0
    print(f"{count} examples, {failures} failures")
    return 1 if failures or count == 0 else 0


try:
    sys.exit(main())
except FileNotFoundError as error:
    print(f"no compiler: {error}")
    sys.exit(77)
