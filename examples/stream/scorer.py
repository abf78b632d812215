"""A scorer of payments as one finds them: reads records from one subject, writes decisions to another.

Nothing here knows of a test harness. NATS_URL names the server, HEALTH_PORT where it says that it is alive.
A record is acknowledged after its decision was written: what a crash interrupts is delivered again, and the
id of the decision lets the server drop a second one.
"""

import asyncio
import json
import math
import os

import nats
from nats.js import JetStreamContext
from nats.js.api import ConsumerConfig

URL = os.environ.get("NATS_URL", "nats://127.0.0.1:4222")
AT_ONCE = 50
AGAIN_S = 1.0  # a record that is not acknowledged by then is delivered again


def score(payment: dict) -> float:
    """How likely it is a fraud."""
    weight = 0.004 * payment["amount"] - 0.01 * payment["card_age_days"] + (2.0 if payment["abroad"] else 0.0)
    return round(1 / (1 + math.exp(2.0 - weight)), 4)


async def decide(js: JetStreamContext, message: nats.aio.msg.Msg) -> None:
    """Write the decision, then acknowledge; what the server did not take is delivered again."""
    payment = json.loads(message.data)
    risk = score(payment)
    decision = {"id": payment["id"], "decision": "decline" if risk > 0.5 else "approve", "score": risk}
    headers = {"Nats-Msg-Id": payment["id"]}
    try:
        await js.publish("payments.decisions", json.dumps(decision).encode(), headers=headers)
        await message.ack()
    except nats.errors.Error as error:
        print(f"{payment['id']} not decided: {error!r}", flush=True)


async def alive(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer whoever asks."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
    await writer.drain()
    writer.close()


async def main() -> None:
    """Score for ever."""
    client = await nats.connect(URL, max_reconnect_attempts=-1, reconnect_time_wait=0.1)
    js = client.jetstream()
    await js.add_stream(name="payments", subjects=["payments.records", "payments.decisions"])
    own = ConsumerConfig(ack_wait=AGAIN_S)
    records = await js.pull_subscribe("payments.records", durable="scorer", config=own)
    await asyncio.start_server(alive, "127.0.0.1", int(os.environ["HEALTH_PORT"]))
    while True:
        try:
            batch = await records.fetch(AT_ONCE, timeout=1)
        except (TimeoutError, nats.js.errors.Error):
            continue
        await asyncio.gather(*(decide(js, message) for message in batch))


asyncio.run(main())
