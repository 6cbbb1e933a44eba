"""Counts visits in Redis, and says which container has answered."""
import asyncio
import signal
import socket
from collections import deque

NAME = socket.gethostname()
# Balancers look every second who is there: so long it goes on after it was told to stop.
GOODBYE = 3


class Counter:
    """One connection to Redis, on which answers come in the order of the questions."""

    def __init__(self):
        self.writer = None
        self.waiting = deque()
        self.opening = asyncio.Lock()

    async def count(self):
        async with self.opening:
            if self.writer is None:
                reader, self.writer = await asyncio.open_connection("redis", 6379)
                asyncio.create_task(self.read(reader))
        answer = asyncio.get_running_loop().create_future()
        self.waiting.append(answer)
        self.writer.write(b"INCR visits\r\n")
        return await answer

    async def read(self, reader):
        try:
            while line := await reader.readline():
                self.waiting.popleft().set_result(int(line[1:]))
        finally:
            self.writer.close()
            self.writer = None
            while self.waiting:
                self.waiting.popleft().set_exception(ConnectionError("Redis is away"))


class Visit(asyncio.Protocol):
    def __init__(self, counter):
        self.counter = counter
        self.asked = b""

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.asked += data
        if b"\r\n\r\n" not in self.asked:
            return
        if self.asked.startswith(b"GET /health "):
            self.answer("200 OK", "well")
        else:
            asyncio.create_task(self.visit())

    async def visit(self):
        try:
            visits = await self.counter.count()
        except (OSError, ValueError) as error:
            self.answer("503 Service Unavailable", f"no Redis: {error}")
        else:
            self.answer("200 OK", f"visit {visits} answered by {NAME}")

    def answer(self, status, text):
        body = f"{text}\n"
        head = f"HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
        self.transport.write((head + body).encode())
        self.transport.close()


async def serve():
    loop = asyncio.get_running_loop()
    counter = Counter()
    server = await loop.create_server(lambda: Visit(counter), port=80, backlog=1024)
    stopping = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, stopping.set)
    await stopping.wait()
    await asyncio.sleep(GOODBYE)
    server.close()
    await asyncio.sleep(0.2)


asyncio.run(serve())
