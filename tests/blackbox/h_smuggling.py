#!/usr/bin/env python3
"""What two parsers could read in two ways is refused, the connection ends, and
nothing behind it is answered: RFC 9112, sections 2, 3, 5, 6, 7 and 11. What is
only unusual is served."""
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from http_raw import (Connection, chunked, request,  # noqa: E402
                      wait_read)
from site_under_test import Site  # noqa: E402
from waiting import expect, run_checks, same  # noqa: E402

SMUGGLED = b"GET /seen?smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def post(*fields, body=b"", line="POST /body HTTP/1.1", host=True):
    """A request of these lines, whatever they are."""
    lines = [line, *(["Host: x"] if host else []), *fields]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def coded(value, *more, body=chunked(b"hello")):
    """A body in chunks behind a Transfer-Encoding."""
    return post(f"Transfer-Encoding:{value}", *more, body=body)


def chunks(body):
    """A body in chunks that may be wrong."""
    return post("Transfer-Encoding: chunked", body=body)


def sized(*values):
    """A body behind these lengths."""
    return post(*(f"Content-Length:{value}" for value in values),
                body=b"hello")


def raw(text, line=b"GET /hello HTTP/1.1"):
    """A head with these bytes among its fields."""
    return line + b"\r\nHost: x\r\n" + text + b"\r\n\r\n"


# name, request, status
LENGTHS = (
    ("coding behind a length", post(
        "Content-Length: 5", "Transfer-Encoding: chunked",
        body=chunked(b"hello")), 400),
    ("length behind a coding", post(
        "Transfer-Encoding: chunked", "Content-Length: 15",
        body=chunked(b"hello")), 400),
    ("length 0 and coding", post(
        "Content-Length: 0", "Transfer-Encoding: chunked",
        body=chunked(b"hello")), 400),
    ("length and unknown coding", post(
        "Content-Length: 5", "Transfer-Encoding: x", body=b"hello"), 400),
    ("the same twice", sized(" 5", " 5"), 400),
    ("two lengths", sized(" 5", " 6"), 400),
    ("a list of the same", sized(" 5, 5"), 400),
    ("a list of others", sized(" 5, 6"), 400),
    ("a list of one", sized(" 5,"), 400),
    ("plus", sized(" +5"), 400),
    ("minus", sized(" -5"), 400),
    ("minus nothing", sized(" -0"), 400),
    ("hexadecimal", sized(" 0x5"), 400),
    ("hexadecimal digit", sized(" a"), 400),
    ("a fraction", sized(" 5.0"), 400),
    ("an exponent", sized(" 5e0"), 400),
    ("white space inside", sized(" 5 5"), 400),
    ("a tab inside", sized(" 5\t5"), 400),
    ("underscore", sized(" 5_0"), 400),
    ("quoted", sized(' "5"'), 400),
    ("nothing", sized(""), 400),
    ("white space", sized("   "), 400),
    ("a vertical tab", sized(" 5\v"), 400),
    ("other digits", sized(" \u00b2"), 400),
    ("2^63", sized(" 9223372036854775808"), 413),
    ("2^64 + 5", sized(" 18446744073709551621"), 413),
    ("2^128 + 5", sized(" 340282366920938463463374607431768211461"), 413),
    ("a thousand digits", sized(" " + "9" * 1000), 413),
)
CODINGS = (
    ("chunked twice in one", coded(" chunked, chunked"), 501),
    ("two fields", coded(" chunked", "Transfer-Encoding: chunked"), 501),
    ("two fields, one unknown", coded(" chunked", "Transfer-Encoding: x"),
     501),
    ("x behind chunked", coded(" chunked, x"), 501),
    ("gzip before chunked", coded(" gzip, chunked"), 501),
    ("identity", coded(" identity"), 501),
    ("identity before chunked", coded(" identity, chunked"), 501),
    ("gzip", coded(" gzip"), 501),
    ("xchunked", coded(" xchunked"), 501),
    ("chunkedx", coded(" chunkedx"), 501),
    ("chunke", coded(" chunke"), 501),
    ("quality", coded(" chunked;q=1"), 501),
    ("quoted", coded(' "chunked"'), 501),
    ("nothing", coded(""), 501),
    ("empty element", coded(" , chunked"), 501),
    ("vertical tab", coded(" \vchunked"), 400),
    ("form feed", coded(" chunked\f"), 400),
    ("NUL", coded(" chunked\0"), 400),
    ("no-break space", coded(" \u00a0chunked"), 501),
    ("white space inside", coded(" chun ked"), 501),
    ("folded", coded("\r\n chunked"), 400),
    ("folded by a tab", coded("\r\n\tchunked"), 400),
    ("in HTTP/1.0", post(
        "Transfer-Encoding: chunked", body=chunked(b"hello"),
        line="POST /body HTTP/1.0"), 400),
    ("space before the colon", post(
        "Transfer-Encoding : chunked", body=chunked(b"hello")), 400),
    ("another name", post("Transfer_Encoding: chunked",
                          "Transfer-Encoding : chunked"), 400),
)
HEADS = (
    ("space before the colon", raw(b"A : b"), 400),
    ("tab before the colon", raw(b"A\t: b"), 400),
    ("space before the name", raw(b" A: b"), 400),
    ("folded", raw(b"A: b\r\n c"), 400),
    ("folded by a tab", raw(b"A: b\r\n\tc"), 400),
    ("folded into an empty line", raw(b"A: b\r\n "), 400),
    ("space behind the request line",
     b"GET /hello HTTP/1.1\r\n Host: x\r\n\r\n", 400),
    ("no colon", raw(b"Abc"), 400),
    ("no name", raw(b": b"), 400),
    ("only a colon", raw(b":"), 400),
    ("NUL in a value", raw(b"A: b\0c"), 400),
    ("NUL in a name", raw(b"A\0: b"), 400),
    *((f"{code:#04x} in a value", raw(b"A: b%cc" % code), 400)
      for code in (1, 8, 0xb, 0xc, 0x1b, 0x1f, 0x7f)),
    *((f"{code:#04x} in a name", raw(b"A%cb: c" % code), 400)
      for code in (*b" \t\"(),/;<=>?@[\\]{}", 1, 0x7f, 0x80, 0xff)),
    ("CR in a value", raw(b"A: b\rc"), 400),
    ("CR in a name", raw(b"A\rB: c"), 400),
    ("two CR", raw(b"A: b\r"), 400),
    ("CR before the end", b"GET /hello HTTP/1.1\r\nHost: x\r\n\r\r\n", 400),
    ("LF alone", b"GET /hello HTTP/1.1\nHost: x\n\n", 400),
    ("LF behind the request line",
     b"GET /hello HTTP/1.1\nHost: x\r\n\r\n", 400),
    ("LF behind a field", b"GET /hello HTTP/1.1\r\nHost: x\n\r\n", 400),
    ("LF for the end", b"GET /hello HTTP/1.1\r\nHost: x\r\n\n", 400),
    ("CR alone", b"GET /hello HTTP/1.1\rHost: x\r\r\n\r\n", 400),
    ("LF CR", raw(b"A: b\n\rC: d"), 400),
)
LINES = tuple(
    (name, raw(b"A: b", line), status) for name, line, status in (
        ("no version", b"GET /hello", 400),
        ("two spaces", b"GET  /hello HTTP/1.1", 400),
        ("a tab", b"GET\t/hello HTTP/1.1", 400),
        ("a tab before the version", b"GET /hello\tHTTP/1.1", 400),
        ("space before", b" GET /hello HTTP/1.1", 400),
        ("space behind", b"GET /hello HTTP/1.1 ", 400),
        ("space in the target", b"GET /hel lo HTTP/1.1", 400),
        ("two targets", b"GET /hello /seen HTTP/1.1", 400),
        ("CR in it", b"GET /hello\r HTTP/1.1", 400),
        ("NUL in the target", b"GET /hel\0lo HTTP/1.1", 400),
        ("control character in the target", b"GET /hel\x01lo HTTP/1.1", 400),
        ("0x7f in the target", b"GET /hel\x7flo HTTP/1.1", 400),
        ("fragment", b"GET /hello#x HTTP/1.1", 400),
        ("no slash", b"GET hello HTTP/1.1", 400),
        ("no method", b"/hello HTTP/1.1", 400),
        ("colon in the method", b"GE:T /hello HTTP/1.1", 400),
        ("small letters", b"GET /hello http/1.1", 400),
        ("no digit", b"GET /hello HTTP/1.", 400),
        ("many digits", b"GET /hello HTTP/1.10", 400),
        ("01.1", b"GET /hello HTTP/01.1", 400),
        ("comma", b"GET /hello HTTP/1,1", 400),
        ("HTTPS", b"GET /hello HTTPS/1.1", 400),
        ("0.9", b"GET /hello HTTP/0.9", 505),
        ("2.0", b"GET /hello HTTP/2.0", 505),
        ("3.0", b"GET /hello HTTP/3.0", 505),
        ("asterisk", b"GET * HTTP/1.1", 400),
        ("authority", b"GET x:80 HTTP/1.1", 400),
        ("another scheme", b"GET ftp://x/hello HTTP/1.1", 400),
        ("no host in the target", b"GET http:///hello HTTP/1.1", 400),
        ("a name in the target", b"GET http://me@x/hello HTTP/1.1", 400),
    ))
HOSTS = (
    ("none", post(host=False, line="GET /hello HTTP/1.1"), 400),
    ("two", post("Host: x", line="GET /hello HTTP/1.1"), 400),
    ("two others", post("Host: y", line="GET /hello HTTP/1.1"), 400),
    ("none, absolute target",
     post(host=False, line="GET http://x/hello HTTP/1.1"), 400),
    *((f"{value!r}", post(f"Host:{value}", host=False,
                          line="GET /hello HTTP/1.1"), 400)
      for value in (" a b", " a/b", " a?b", " a#b", " me@a", " a:b",
                    " a:99999", " a:-1", " a:80:80", " [::1", " ::1",
                    " [x]", " [::1]x", " a\\b", " <a>", " a%zz", " http://a")),
)
# 5 bytes of body, and what is wrong with them
CHUNKS = tuple((name, chunks(body), status) for name, body, status in (
    ("0x5", b"0x5\r\nhello\r\n0\r\n\r\n", 400),
    ("5h", b"5h\r\nhello\r\n0\r\n\r\n", 400),
    ("space before", b" 5\r\nhello\r\n0\r\n\r\n", 400),
    ("space behind", b"5 \r\nhello\r\n0\r\n\r\n", 400),
    ("tab behind", b"5\t\r\nhello\r\n0\r\n\r\n", 400),
    ("plus", b"+5\r\nhello\r\n0\r\n\r\n", 400),
    ("minus", b"-5\r\nhello\r\n0\r\n\r\n", 400),
    ("minus one", b"-1\r\nhello\r\n0\r\n\r\n", 400),
    ("nothing", b"\r\nhello\r\n0\r\n\r\n", 400),
    ("underscore", b"0_5\r\nhello\r\n0\r\n\r\n", 400),
    ("quoted", b'"5"\r\nhello\r\n0\r\n\r\n', 400),
    ("NUL", b"5\0\r\nhello\r\n0\r\n\r\n", 400),
    ("2^63", b"8000000000000000\r\nhello\r\n0\r\n\r\n", 413),
    ("2^64 - 1", b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n", 413),
    ("2^64 + 5", b"10000000000000005\r\nhello\r\n0\r\n\r\n", 400),
    ("2^68 + 5", b"100000000000000005\r\nhello\r\n0\r\n\r\n", 400),
    ("many zeros", b"0" * 100 + b"5\r\nhello\r\n0\r\n\r\n", 400),
    ("LF behind the size", b"5\nhello\r\n0\r\n\r\n", 400),
    ("CR behind the size", b"5\rhello\r\n0\r\n\r\n", 400),
    ("two CR", b"5\r\r\nhello\r\n0\r\n\r\n", 400),
    ("no end of the data", b"5\r\nhello0\r\n\r\n", 400),
    ("LF behind the data", b"5\r\nhello\n0\r\n\r\n", 400),
    ("CR behind the data", b"5\r\nhello\r0\r\n\r\n", 400),
    ("more data than said", b"4\r\nhello\r\n0\r\n\r\n", 400),
    ("less data than said", b"6\r\nhello\r\n0\r\n\r\n", 400),
    ("LF for the end", b"5\r\nhello\r\n0\n\n", 400),
    ("LF behind the last size", b"5\r\nhello\r\n0\n\r\n", 400),
    ("LF behind the trailer", b"5\r\nhello\r\n0\r\n\n", 400),
    ("CR for the end", b"5\r\nhello\r\n0\r\n\rx", 400),
    ("extension without a name", b"5;\r\nhello\r\n0\r\n\r\n", 400),
    ("extension with no name but a value", b"5;=x\r\nhello\r\n0\r\n\r\n",
     400),
    ("extension without a value", b"5;a=\r\nhello\r\n0\r\n\r\n", 400),
    ("extension with a space in it", b"5;a b\r\nhello\r\n0\r\n\r\n", 400),
    ("extension with an open quote", b'5;a="b\r\nhello\r\n0\r\n\r\n', 400),
    ("extension behind a quote", b'5;a="b"c\r\nhello\r\n0\r\n\r\n', 400),
    ("extension with NUL", b"5;a=\0\r\nhello\r\n0\r\n\r\n", 400),
    ("extension with LF", b"5;a\nhello\r\n0\r\n\r\n", 400),
    ("extension with CR", b"5;a\rb\r\nhello\r\n0\r\n\r\n", 400),
    ("extension with LF in quotes", b'5;a="\n"\r\nhello\r\n0\r\n\r\n', 400),
    ("extension with CRLF in quotes", b'5;a="\r\n"\r\nhello\r\n0\r\n\r\n',
     400),
    ("comma instead of semicolon", b"5,a\r\nhello\r\n0\r\n\r\n", 400),
    ("a long extension", b"5;" + b"a" * 1000 + b"\r\nhello\r\n0\r\n\r\n",
     400),
    ("trailer with space before the colon",
     b"5\r\nhello\r\n0\r\nA : b\r\n\r\n", 400),
    ("trailer without a colon", b"5\r\nhello\r\n0\r\nabc\r\n\r\n", 400),
    ("trailer without a name", b"5\r\nhello\r\n0\r\n: b\r\n\r\n", 400),
    ("folded trailer", b"5\r\nhello\r\n0\r\nA: b\r\n c\r\n\r\n", 400),
    ("trailer with NUL", b"5\r\nhello\r\n0\r\nA: \0\r\n\r\n", 400),
    ("trailer with LF", b"5\r\nhello\r\n0\r\nA: b\n\r\n", 400),
    ("trailer with CR", b"5\r\nhello\r\n0\r\nA: b\rc\r\n\r\n", 400),
))
TABLES = {"lengths": LENGTHS, "codings": CODINGS, "heads": HEADS,
          "lines": LINES, "hosts": HOSTS, "chunks": CHUNKS}

HELLO = "GET /hello HTTP/1.1"
# name, request, body of the answer
SERVED = (
    ("a length", sized(" 5"), b"hello"),
    ("zeros before the length", sized(" 0005"), b"hello"),
    ("white space around the length", sized(" \t5\t "), b"hello"),
    ("chunks", coded(" chunked"), b"hello"),
    ("Chunked", coded(" Chunked"), b"hello"),
    ("CHUNKED and white space", coded("\t CHUNKED \t"), b"hello"),
    ("many chunks", coded(" chunked", body=chunked(*[b"%c" % c
                                                     for c in b"hello"])),
     b"hello"),
    ("no chunk", coded(" chunked", body=chunked()), b""),
    ("a size in capitals", chunks(b"A\r\n0123456789\r\n0\r\n\r\n"),
     b"0123456789"),
    ("zeros before the size", chunks(b"0005\r\nhello\r\n000\r\n\r\n"),
     b"hello"),
    ("extension", chunks(b"5;a\r\nhello\r\n0\r\n\r\n"), b"hello"),
    ("extension with a value", chunks(b"5;a=b\r\nhello\r\n0;c=d\r\n\r\n"),
     b"hello"),
    ("extension with a quoted value",
     chunks(b'5;a="b;\\"c"\r\nhello\r\n0\r\n\r\n'), b"hello"),
    ("extensions", chunks(b'5;a;b=c;d="e"\r\nhello\r\n0\r\n\r\n'), b"hello"),
    ("extension behind white space",
     chunks(b"5 ; a = b\r\nhello\r\n0\r\n\r\n"), b"hello"),
    ("trailers", chunks(b"5\r\nhello\r\n0\r\nA: b\r\nC:\r\n\r\n"), b"hello"),
    ("a trailer that would frame the message",
     chunks(b"5\r\nhello\r\n0\r\nContent-Length: 99\r\n\r\n"), b"hello"),
    ("no body", post(), b""),
    ("an empty body", post("Content-Length: 0"), b""),
    ("an empty line before", b"\r\n" + post(line=HELLO), b"hello\n"),
    ("no white space", raw(b"A:b"), b"hello\n"),
    ("an empty value", raw(b"A:"), b"hello\n"),
    ("white space around the value", raw(b"A: \t b \t "), b"hello\n"),
    ("bytes above 127", raw(b"A: \x80\xff"), b"hello\n"),
    ("a colon in the value", raw(b"A: b:c"), b"hello\n"),
    ("all characters of a name", raw(b"!#$%&'*+-.^_`|~0aZ: b"), b"hello\n"),
    ("a digit as name", raw(b"1: b"), b"hello\n"),
    ("absolute target", post(line="GET http://x/hello HTTP/1.1"), b"hello\n"),
    ("absolute target of another host",
     post(line="GET http://y:80/hello HTTP/1.1"), b"hello\n"),
    ("absolute target, scheme in capitals",
     post(line="GET HTTP://x/hello HTTP/1.1"), b"hello\n"),
    ("empty Host", post("Host:", host=False, line=HELLO), b"hello\n"),
    ("Host with a port", post("Host: x:80", host=False, line=HELLO),
     b"hello\n"),
    ("Host with an empty port", post("Host: x:", host=False, line=HELLO),
     b"hello\n"),
    ("Host of IPv6", post("Host: [::1]:80", host=False, line=HELLO),
     b"hello\n"),
    ("HTTP/1.2", post(line="GET /hello HTTP/1.2"), b"hello\n"),
    ("a query", post(line="GET /hello?a=%20&b=/?: HTTP/1.1"), b"hello\n"),
    ("dots", post(line="GET /a/../hello HTTP/1.1"), b"hello\n"),
    ("encoded letters", post(line="GET /%68ello HTTP/1.1"), b"hello\n"),
    ("an upgrade that nobody wants", post(
        "Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c",
        "HTTP2-Settings: AAMAAABk", line=HELLO), b"hello\n"),
    ("a body for GET", post("Content-Length: 5", line=HELLO, body=b"hello"),
     b"hello\n"),
    ("chunks for GET", post("Transfer-Encoding: chunked", line=HELLO,
                            body=chunked(b"hello")), b"hello\n"),
)


def expect_refused(site, name, data, status):
    with Connection(site.address) as conn:
        conn.send(data + SMUGGLED)
        answer = conn.answer()
        same(answer.status, status, name, answer)
        expect(answer.closes(), name, "is refused, but goes on:", answer)
        conn.expect_end(name)


def check_refused():
    with Site() as site:
        for table, cases in TABLES.items():
            for name, data, status in cases:
                expect_refused(site, f"{table}: {name}", data, status)
            print(f"     {table}: {len(cases)} cases")
        with Connection(site.address) as conn:
            same(conn.ask(raw(b"A: b")).body, b"hello\n")
        expect("smuggled" not in site.log_text(), "it was read as a request")
        same(site.counter("worker_crashes"), 0)


def check_refused_behind_good_ones():
    """What came before is answered."""
    with Site() as site:
        for table, cases in TABLES.items():
            for name, data, status in cases[::7]:
                with Connection(site.address) as conn:
                    conn.send(raw(b"A: b") + sized(" 5") + data + SMUGGLED)
                    same(conn.answer().body, b"hello\n", table, name)
                    same(conn.answer().body, b"hello", table, name)
                    same(conn.answer().status, status, table, name)
                    conn.expect_end(table, name)


def check_refused_in_pieces():
    """Cut in two at some places, the judgement is the same."""
    with Site() as site:
        for table, cases in TABLES.items():
            for name, data, status in cases[::9]:
                for at in range(1, len(data), 1 + len(data) // 8):
                    with Connection(site.address) as conn:
                        conn.send(data[:at])
                        wait_read(conn.sock)
                        conn.try_send(data[at:] + SMUGGLED)
                        same(conn.answer().status, status, table, name, at)
                        conn.expect_end(table, name, at)


def check_served():
    """And the next request on the same connection, too."""
    with Site() as site:
        for name, data, body in SERVED:
            with Connection(site.address) as conn:
                conn.send(data + raw(b"A: b"))
                answer = conn.answer()
                same((answer.status, answer.body), (200, body), name)
                same(conn.answer().body, b"hello\n", name)
        print(f"     {len(SERVED)} cases")
        with Connection(site.address) as conn:
            conn.send(b"".join(data for _, data, _ in SERVED))
            for name, _, body in SERVED:
                same(conn.answer().body, body, name)


def check_http_1_0():
    """Without Host; closed behind the answer, unless it asks for more."""
    with Site() as site:
        with Connection(site.address) as conn:
            conn.send(request("/hello", version="1.0", host=None) + SMUGGLED)
            same(conn.answer().body, b"hello\n")
            conn.expect_end()
        with Connection(site.address) as conn:
            kept = request("/body", "POST", ["Connection: keep-alive"],
                           b"x", "1.0", None)
            conn.send(kept + kept + request("/hello", version="1.0"))
            for body in (b"x", b"x", b"hello\n"):
                answer = conn.answer()
                same(answer.body, body)
                same(answer.get("transfer-encoding"), None)
            conn.expect_end()


def check_every_split():
    """A request in chunks is the same wherever it is cut in two."""
    data = (b"POST /pieces HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked"
            b"\r\n\r\n5;a=\"b\"\r\nhello\r\n1\r\n,\r\n6 ;c\r\n world\r\n0\r\n"
            b"Sum: 7\r\n\r\n" + raw(b"A: b"))
    with Site() as site:
        for at in range(1, len(data)):
            with Connection(site.address) as conn:
                conn.send(data[:at])
                wait_read(conn.sock)
                conn.send(data[at:])
                same(conn.answer().body, b"hello, world", at)
                same(conn.answer().body, b"hello\n", at)
        with Connection(site.address) as conn:
            for i in range(len(data)):
                conn.send(data[i:i + 1])
                wait_read(conn.sock)
            same(conn.answer().body, b"hello, world")
            same(conn.answer().body, b"hello\n")
    print(f"     {len(data)} cases")


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
