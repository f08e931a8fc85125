#!/usr/bin/env python3
"""Tests the load generator's broadcast against rooms that are right or wrong."""
import os
import sys
import threading

from check_load import FAST, IMPATIENT, LOAD, run_cases
from check_load_web import WELCOME, frame, read_head, read_message

WORDS = (b"call", b"open")


def room(spoil=lambda member, number, data: data, greet=WELCOME, deaf=0):
    """A server that sends what is published to all; what spoil() makes of it.

    It is given the number of the subscriber, that of the message, and the frame.
    The first `deaf' messages nobody is sent, as if subscribing took its time.
    """
    members, lock = [], threading.Lock()

    def publish(reader):
        words, number = 0, 0
        while (message := read_message(reader)) is not None:
            data = frame(*message)
            words += message[1] in WORDS
            with lock:
                for at, member in enumerate(members if words > deaf else ()):
                    member.sendall(data if message[1] in WORDS
                                   else spoil(at, number, data))
            number += message[1] not in WORDS

    def behave(conn):
        with conn.makefile("rb") as reader:
            if read_head(reader).startswith(b"GET /publish HTTP/1.1\r\n"):
                conn.sendall(greet)
                publish(reader)
                return
            with lock:
                conn.sendall(greet)
                members.append(conn)
            while read_message(reader) is not None:
                pass

    behave.__name__ = spoil.__name__
    return behave


def lose(member, number, data):
    return b"" if (member, number) == (2, 5) else data


def double(member, number, data):
    return 2 * data if (member, number) == (1, 3) else data


def flip(member, number, data):
    return data[:-1] + b"\0" if (member, number) == (3, 4) else data


def keep_one_back():
    """Gives one subscriber a message behind the next."""
    kept = []

    def swap(member, number, data):
        if (member, number) == (0, 2):
            kept.append(data)
            return b""
        if (member, number) == (0, 3):
            return data + kept.pop()
        return data
    return swap


def starve(member, number, data):
    return b"" if member == 3 and number >= 2 else data


MANY = ["broadcast", *FAST]
CASES = [
    (MANY, room(), 0, "deliveries"),
    ([*MANY, "-d", "4"], room(), 0, "deliveries"),
    ([*MANY, "-s", "70000", "-d", "3"], room(), 0, "deliveries"),
    (MANY, room(deaf=3), 0, "deliveries"),
    ([*MANY, "-d", "4", *IMPATIENT], room(lose), 1, "mismatched"),
    (MANY, room(double), 1, "mismatched"),
    (MANY, room(flip), 1, "mismatched"),
    ([*MANY, "-d", "4"], room(keep_one_back()), 1, "mismatched"),
    ([*MANY, *IMPATIENT], room(starve), 1, "undelivered"),
    ([*MANY, *IMPATIENT], room(deaf=1000), 1, "undelivered"),
    (MANY, room(greet=WELCOME.replace(b"s3p", b"t3p")), 1, "unopened"),
]


def main():
    if not os.access(LOAD, os.X_OK):
        print("no", LOAD)
        return 77
    return run_cases(CASES)


if __name__ == "__main__":
    sys.exit(main())
