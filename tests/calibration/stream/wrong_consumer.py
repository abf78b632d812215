"""A consumer with planted bugs, which writes down what it did: the truth that a count must equal.

``wrong_consumer.py URL TRUTH``. By the number of the record, from 1: every 50th is decided twice (2 %),
every 500th is acknowledged and never decided (1 in 500), every 100th (from 30) waits until the next was
decided. One line of TRUTH a decision, in the order in which the server took them, and one ``lost ID`` a
record that is lost.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import nats
from nats.errors import TimeoutError as NothingNew


async def main(url: str, truth: Path) -> None:
    client = await nats.connect(url)
    js = client.jetstream()
    await js.add_stream(name="records", subjects=["t.records"])
    await js.add_stream(name="decisions", subjects=["t.decisions"])
    records = await js.pull_subscribe("t.records", durable="wrong")
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    waiting: list[str] = []
    with truth.open("w", buffering=1) as file:

        async def decide(name: str) -> None:
            body = json.dumps({"id": name, "decision": "approve"}).encode()
            await js.publish("t.decisions", body)
            file.write(f"{name}\n")

        while True:
            try:
                batch = await records.fetch(50, timeout=1)
            except NothingNew:
                continue
            for message in batch:
                name, number = json.loads(message.data)["id"], message.metadata.sequence.stream
                if number % 500 == 0:
                    file.write(f"lost {name}\n")
                elif number % 100 == 30:
                    waiting.append(name)
                else:
                    for _ in range(2 if number % 50 == 0 else 1):
                        await decide(name)
                    while waiting:
                        await decide(waiting.pop())
                await message.ack()


asyncio.run(main(sys.argv[1], Path(sys.argv[2])))
