#!/usr/bin/env python3
"""Clients that others have written: python3-websockets and node-ws, plain and
compressed, with messages and fragments of all sizes."""
import asyncio
import json
import os
import random
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from shoal import environment  # noqa: E402
from site_under_test import FREE, Site, route  # noqa: E402
from waiting import PATIENCE, SLOW, Skip, expect, run_checks, same  # noqa: E402

SIZES = (0, 1, 125, 126, 65535, 65536, 1 << 20, 16 << 20)
NODE, NODE_PATH = "/usr/bin/node", "/usr/share/nodejs"
SECONDS = 120 * PATIENCE
ROUTES = (
    route("/plain", websocket=FREE),
    route("/packed", websocket=FREE + "compression = true;"),
    route("/greet", "greet"),
    route("/sub", "site.serve", 'subprotocols = ( "chat" );'),
)

# Sends messages, whole and in fragments, and compares what comes back.
SCRIPT = """
const WebSocket = require('ws');
const crypto = require('crypto');
const { url, sizes, compressed } = JSON.parse(process.argv[1]);
const ws = new WebSocket(url, { perMessageDeflate: compressed,
	maxPayload: 64 << 20 });
const waiting = [];
let count = 0;

function fail(why) { console.error(why); process.exit(1); }

function content(size, binary) {
	if (binary)
		return size % 2 ? crypto.randomBytes(size) : Buffer.alloc(size, 7);
	return Buffer.from('a\\u00e9\\u20ac'.repeat(size / 6 + 1)).subarray(0,
	    size - size % 6).toString() + 'x'.repeat(size % 6);
}

function send(data, piece, binary) {
	if (!piece) {
		ws.send(data, { binary });
		return;
	}
	data = Buffer.from(data);
	for (let i = 0; i < data.length; i += piece)
		ws.send(data.subarray(i, i + piece),
		    { binary, fin: i + piece >= data.length });
}

async function exchange(data, piece, binary) {
	const answer = new Promise((done) => waiting.push(done));
	send(data, piece, binary);
	const [seen, isBinary] = await answer;
	if (isBinary !== binary || !seen.equals(Buffer.from(data)))
		fail(`${data.length} bytes in pieces of ${piece}: ` +
		    `${seen.length} came back, binary ${isBinary}`);
	count++;
}

ws.on('message', (data, isBinary) => waiting.shift()([data, isBinary]));
ws.on('error', fail);
ws.on('open', async () => {
	if (compressed !== (ws.extensions === 'permessage-deflate' ||
	    ws.extensions.startsWith('permessage-deflate;')))
		fail(`extensions: ${ws.extensions}`);
	for (const size of sizes)
		for (const binary of [false, true]) {
			const data = content(size, binary);
			await exchange(data, 0, binary);
			if (size > 0)
				await exchange(data,
				    size <= 65536 ? 1 : 4096, binary);
		}
	await new Promise((done) => { ws.once('pong', done); ws.ping('x'); });
	ws.close(3001, 'done');
});
ws.on('close', (code, reason) => {
	if (code !== 3001)
		fail(`closed with ${code} ${reason}`);
	console.log(count);
});
"""


def run_node(address, path, compressed):
    for needed in (NODE, os.path.join(NODE_PATH, "ws", "package.json")):
        if not os.path.exists(needed):
            raise Skip(f"there is no {needed}")
    done = subprocess.run(
        [NODE, "-e", SCRIPT, "--", json.dumps({
            "url": f"ws://127.0.0.1:{address}{path}", "sizes": SIZES,
            "compressed": compressed})],
        capture_output=True, text=True, timeout=SECONDS, check=False,
        env=environment(NODE_PATH=NODE_PATH))
    same(done.returncode, 0, done.stderr[-2000:])
    same(int(done.stdout), 4 * len(SIZES) - 2)
    print(f"     {done.stdout.strip()} messages")


def messages():
    """A text and a binary message of each size, and how to cut them."""
    for size in SIZES:
        text = ("a\u00e9\u20ac" * (size // 6 + 1)).encode()
        text = text[:size - size % 6].decode() + "x" * (size % 6)
        binary = random.Random(size).randbytes(size)
        for data in (text, binary, b"\7" * size) if SLOW else (text, binary):
            yield data, 1 if size <= 65536 else 4096


async def talk_python(address, path, compressed):
    import websockets
    url, count = f"ws://127.0.0.1:{address}{path}", 0
    async with websockets.connect(
            url, max_size=64 << 20, ping_interval=None, max_queue=None,
            compression="deflate" if compressed else None) as ws:
        same([e.name for e in ws.extensions],
             ["permessage-deflate"] if compressed else [])
        for data, piece in messages():
            await ws.send(data)
            seen = await ws.recv()
            expect(seen == data, f"{len(data)} are {len(seen)}")
            if data:
                await ws.send([data[i:i + piece]
                               for i in range(0, len(data), piece)])
                seen = await ws.recv()
                expect(seen == data, f"fragments: {len(data)}, {len(seen)}")
            count += 1
        await (await ws.ping(b"there?"))
        await ws.close(3001, "done")
        same(ws.close_code, 3001)
    print(f"     {count} messages, whole and in fragments")


def run_python(address, path, compressed):
    try:
        __import__("websockets")
    except ImportError as error:
        raise Skip("python3-websockets is not installed") from error
    asyncio.run(asyncio.wait_for(talk_python(address, path, compressed),
                                 SECONDS))


def check_python():
    with Site(*ROUTES) as site:
        run_python(site.address, "/plain", False)


def check_python_compressed():
    with Site(*ROUTES) as site:
        run_python(site.address, "/packed", True)


def check_node():
    with Site(*ROUTES) as site:
        run_node(site.address, "/plain", False)


def check_node_compressed():
    with Site(*ROUTES) as site:
        run_node(site.address, "/packed", True)


def check_many_clients():
    """A hundred at once, with subprotocols, until the greeter closes."""
    try:
        import websockets
    except ImportError as error:
        raise Skip("python3-websockets is not installed") from error

    async def one(address, i):
        async with websockets.connect(
                f"ws://127.0.0.1:{address}/greet") as ws:
            for j in range(20):
                name = f"number {i}.{j}"
                await ws.send(name)
                same(await ws.recv(), f"Hello {name}!")
                same(await ws.recv(), f"How are you, {name}?")
            await ws.send("close")
            await ws.wait_closed()
            same(ws.close_code, 1000)

    async def agree(address):
        async with websockets.connect(
                f"ws://127.0.0.1:{address}/sub",
                subprotocols=["x", "chat"]) as ws:
            same(ws.subprotocol, "chat")
            await ws.send("agreed")
            same((await ws.recv()).partition("|")[0], "chat")

    async def everyone(address):
        await asyncio.gather(*(one(address, i) for i in range(100)))
        await agree(address)

    with Site(*ROUTES, workers=2) as site:
        asyncio.run(asyncio.wait_for(everyone(site.address), SECONDS))


if __name__ == "__main__":
    sys.exit(run_checks(globals()))
