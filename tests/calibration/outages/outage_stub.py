"""A service that is down for known lengths of time: it closes its listener and stamps the clock.

``python outage_stub.py COUNT SEED`` prints its port, waits for a line ``start AT_S`` on its standard
input, goes down COUNT times for a random 0.5 to 3 s, prints the stamps as JSON lines
``{"down_s", "up_s"}``, then ``{"end": true, "stalls": [[at_s, lasted_s], ...]}``, and serves on until
its standard input closes. A stall is the machine's: while this process does not run it is down
without a stamp, so the truth of an outage near one is not known.

``down_s`` is stamped before the listener and all connections are closed, ``up_s`` after the new
listener listens: all that is served lies outside the stamps, in whatever way the machine is busy.
"""

from __future__ import annotations

import asyncio
import json
import random
import socket
import sys

from outage_world import decide

DOWN_S = (0.5, 3.0)
UP_S = (1.0, 1.6)  # longer than the last answers of one outage take to come in


def answers(body: bytes) -> bytes:
    """The valid reply to a body of the driver."""
    records = json.loads(body)["records"]
    return json.dumps({"answers": [_answer(record) for record in records]}).encode()


def _answer(record: dict) -> dict:
    score = record["amount"] / 1000
    decision = decide(record["amount"])
    return {
        "id": record["id"],
        "status": 200,
        "decision": decision,
        "score": score,
        "model": "stub-1",
        "degraded": False,
    }


class Connection(asyncio.Protocol):
    """Just enough HTTP/1.1: requests with a content length, kept alive."""

    def __init__(self, open_connections: set) -> None:
        self._all = open_connections
        self._data = b""

    def connection_made(self, transport) -> None:
        self.transport = transport
        self._all.add(self)

    def connection_lost(self, _error) -> None:
        self._all.discard(self)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while (end := self._data.find(b"\r\n\r\n")) >= 0:
            head = self._data[:end].lower()
            length = int(head.split(b"content-length:")[1].split(b"\r\n")[0])
            if len(self._data) < end + 4 + length:
                return
            body, self._data = self._data[end + 4 : end + 4 + length], self._data[end + 4 + length :]
            reply = answers(body)
            self.transport.write(
                b"HTTP/1.1 200 OK\r\nx-boot-id: stub\r\ncontent-type: application/json\r\n"
                + b"content-length: %d\r\n\r\n" % len(reply)
                + reply
            )


class Stub:
    """Listens on one port, stops, and listens again."""

    def __init__(self) -> None:
        self._open: set[Connection] = set()
        self._server = None
        self.port = 0

    async def up(self) -> float:
        """Listen; the instant after which connections are served."""
        loop = asyncio.get_running_loop()
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", self.port))
        self._server = await loop.create_server(lambda: Connection(self._open), sock=listener, backlog=1000)
        self.port = listener.getsockname()[1]
        return loop.time()

    def down(self) -> float:
        """Close the listener and every connection; the instant before which all was served."""
        at_s = asyncio.get_running_loop().time()
        self._server.close()
        for connection in list(self._open):
            connection.transport.abort()
        return at_s


STALL_S = 0.05


async def watch(stalls: list) -> None:
    """Note when the loop itself stood still."""
    loop = asyncio.get_running_loop()
    while True:
        began_s = loop.time()
        await asyncio.sleep(0.01)
        lasted_s = loop.time() - began_s - 0.01
        if lasted_s > STALL_S:
            stalls.append((began_s, lasted_s))


async def serve(count: int, seed: int) -> None:
    """Print the port, go down ``count`` times, serve on until the standard input ends."""
    dice = random.Random(seed)
    stub = Stub()
    await stub.up()
    _say({"port": stub.port})
    orders = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(orders), sys.stdin)
    order = await orders.readline()
    stalls = []
    watching = asyncio.create_task(watch(stalls))
    if order:
        await asyncio.sleep(float(order.split()[1]) - loop.time())
        for length_s, pause_s in timetable(count, dice):
            await asyncio.sleep(pause_s)
            down_s = stub.down()
            await asyncio.sleep(length_s)
            _say({"down_s": down_s, "up_s": await stub.up()})
        _say({"end": True, "stalls": stalls})
        await orders.read()
    watching.cancel()


def timetable(count: int, dice: random.Random) -> list[tuple[float, float]]:
    """(length, pause before it) of every outage, in seconds."""
    return [(dice.uniform(*DOWN_S), dice.uniform(*UP_S)) for _ in range(count)]


def _say(message: dict) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), int(sys.argv[2])))
