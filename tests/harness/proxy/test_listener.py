"""A port of an edge: what it accepts is sent on at once."""

from __future__ import annotations

import asyncio
import socket

from harness.proxy.listener import Listener
from tests.ports import free_port


def test_the_second_piece_of_an_answer_does_not_wait_for_the_first_to_be_acknowledged():
    """Nagle's algorithm and a delayed acknowledgement cost 40 ms, which no toxic was asked for."""

    async def accepted() -> int:
        port = free_port()
        got = asyncio.get_running_loop().create_future()
        listener = Listener(port, got.set_result)
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", port)
            with await asyncio.wait_for(got, 10) as taken:
                option = taken.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            writer.close()
            return option
        finally:
            listener.close()

    assert asyncio.run(accepted())
