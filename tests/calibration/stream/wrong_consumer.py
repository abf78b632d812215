"""A consumer with planted bugs, which writes down what it did: the truth that a count must equal.

``wrong_consumer.py URL TRUTH``. By the number of the record, from 1: every 50th is decided twice (2 %),
every 500th is acknowledged and never decided (1 in 500), every 100th (from 30) waits until the next was
decided. One line of TRUTH a decision, in the order in which the server took them, and one ``lost ID`` a
record that is lost.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from pathlib import Path
from typing import TextIO

import nats
from nats.aio.msg import Msg
from nats.js import JetStreamContext


class Wrong:
    """Decides as the module says; ``truth`` gets a line for each decision and each loss."""

    def __init__(self, js: JetStreamContext, truth: TextIO) -> None:
        self._js, self._truth = js, truth
        self._waiting: list[str] = []

    async def read(self, message: Msg) -> None:
        """Decide one record, or what a bug makes of it, and acknowledge it."""
        name, number = json.loads(message.data)["id"], message.metadata.sequence.stream
        if number % 500 == 0:
            self._truth.write(f"lost {name}\n")
        elif number % 100 == 30:
            self._waiting.append(name)
        else:
            for one in (name, *[name] * (number % 50 == 0), *self._waiting):
                await self._decide(one)
            self._waiting.clear()
        await message.ack()

    async def _decide(self, name: str) -> None:
        await self._js.publish("t.decisions", json.dumps({"id": name, "decision": "approve"}).encode())
        self._truth.write(f"{name}\n")


async def main(url: str, truth: Path) -> None:
    client = await nats.connect(url)
    js = client.jetstream()
    await js.add_stream(name="records", subjects=["t.records"])
    await js.add_stream(name="decisions", subjects=["t.decisions"])
    records = await js.pull_subscribe("t.records", durable="wrong")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    wrong = Wrong(js, truth.open("w", buffering=1))
    while True:
        with contextlib.suppress(TimeoutError):
            for message in await records.fetch(50, timeout=1):
                await wrong.read(message)


asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
