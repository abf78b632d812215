"""The witness's client knows whether a whole request reached an accepted connection, whatever came back."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import threading

import pytest

from harness.driver.client import HttpClient
from harness.driver.workload import Reply

pytestmark = pytest.mark.live

BODY = b"x" * 500


def reply_of(port: int, fresh: bool) -> Reply:
    async def ask() -> Reply:
        async with HttpClient(f"http://127.0.0.1:{port}/", 0.1) as client:
            return await client.post(BODY, fresh)

    return asyncio.run(ask())


@contextlib.contextmanager
def listener(backlog: int):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(backlog)
        yield server


def test_a_request_that_a_silent_server_has_is_handed_over():
    with listener(5) as server:
        reply = reply_of(server.getsockname()[1], fresh=True)
    assert (reply.fault, reply.handed) == ("timeout", True)


def test_a_request_without_a_handshake_is_not():
    with listener(0) as server, socket.create_connection(server.getsockname()):
        reply = reply_of(server.getsockname()[1], fresh=True)
    assert (reply.fault, reply.handed) == ("timeout", False)


def test_a_request_that_is_refused_is_not():
    with listener(0) as server:
        port = server.getsockname()[1]
    reply = reply_of(port, fresh=False)
    assert (reply.fault, reply.handed) == ("refused", False)


def test_an_answer_that_sends_elsewhere_is_the_answer():
    """SR-37: followed, a unit would leave the edge that it was offered on, and perhaps this machine."""
    with listener(5) as elsewhere, listener(5) as server:
        place = f"http://127.0.0.1:{elsewhere.getsockname()[1]}/"
        answer = f"HTTP/1.1 307 Elsewhere\r\nLocation: {place}\r\nContent-Length: 0\r\n\r\n"

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer.encode())

        thread = threading.Thread(target=serve)
        thread.start()
        reply = reply_of(server.getsockname()[1], fresh=True)
        thread.join()
        elsewhere.setblocking(False)
        with pytest.raises(BlockingIOError):
            elsewhere.accept()
    assert (reply.fault, reply.status) == ("", 307)
