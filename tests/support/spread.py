"""A port whose connections go to several servers in turn, so that one crowd of
clients is spread over them: addresses are (host, port) or paths of sockets."""
import asyncio
import threading


class Spread:
    """A context manager; connect to 127.0.0.1, self.port."""

    def __init__(self, *targets):
        self.targets, self.turn = targets, 0
        self.port, self.loop = None, asyncio.new_event_loop()
        self.tasks = set()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.ready = threading.Event()

    def __enter__(self):
        self.thread.start()
        if not self.ready.wait(10):
            raise AssertionError("no port for the clients")
        return self

    def __exit__(self, *_):
        asyncio.run_coroutine_threadsafe(self.end(), self.loop)
        self.thread.join(10)

    async def end(self):
        """Ends all connections, and the thread."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.loop.stop()

    def run(self):
        async def begin():
            server = await asyncio.start_server(
                self.serve, "127.0.0.1", 0, backlog=1024)
            self.port = server.sockets[0].getsockname()[1]
            self.ready.set()
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(begin())
        self.loop.run_forever()

    async def connect(self):
        target = self.targets[self.turn % len(self.targets)]
        self.turn += 1
        if isinstance(target, str):
            return await asyncio.open_unix_connection(target)
        return await asyncio.open_connection(*target)

    async def bring(self, reader, writer):
        """What the server sends."""
        await copy(reader, writer)

    async def send(self, reader, writer):
        """What the client sends."""
        await copy(reader, writer)

    async def serve(self, reader, writer):
        try:
            server_reader, server_writer = await self.connect()
        except OSError:
            writer.close()
            return
        back = asyncio.ensure_future(self.bring(server_reader, writer))
        self.tasks.add(back)
        back.add_done_callback(self.tasks.discard)
        await self.send(reader, server_writer)


async def copy(reader, writer):
    """All bytes of one direction, and then its end."""
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.close()
