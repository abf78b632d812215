"""The wire of the stream archetype: one connection to a NATS server, records out, decisions in.

Comes in: an address and two subjects. Goes out: acknowledgements and decisions, told to a ``Listener`` as
they arrive, also those that come long after they were waited for. The only module that knows NATS.

Decisions are read through a consumer that the server keeps (acknowledged, at least once): what was on its way
when a connection broke comes again, and its place in the stream tells that it is the same.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

import nats
import nats.errors
import nats.js.errors
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from harness.errors import Refused
from harness.experiment.subjects import Subjects

DURABLE = "hormesis-witness"
AGAIN_S = 1.0
"""A decision whose delivery was cut off comes again after this."""
RECONNECT_S = 0.05
"""Not the client's own 2 s, which would be the least outage of a server that is back after 22 ms."""
PATIENCE_S = 10.0
"""For the system to make the streams, once it is ready."""
_LOOK_S = 0.1


class Listener(Protocol):
    """Whoever wants to know what became of records."""

    def taken(self, key: str, seq: int, /) -> None:
        """The server keeps the record at that place of its stream."""
        ...

    def refused(self, key: str, /) -> None:
        """The server does not keep it."""
        ...

    def decided(self, body: bytes, headers: Mapping[str, str], seq: int, /) -> None:
        """A decision stands at that place of its stream."""
        ...


class JetStream:
    """See ``Wire`` in ``streamed``; made by ``connected``."""

    def __init__(self, subjects: Subjects) -> None:
        self.client = Client()
        self._subjects = subjects
        self._inbox = ""
        self._listener: Listener | None = None
        self._stream = self._records = ""
        self._broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def open(self, address: str) -> None:
        """Connect and find the streams of both subjects; Refused where there are none."""
        await self.client.connect(
            f"nats://{address}",
            name=DURABLE,
            error_cb=self._heard_error,
            reconnected_cb=self._check_consumer,
            connect_timeout=2,
            reconnect_time_wait=RECONNECT_S,  # type: ignore[arg-type]  # it sleeps so long, whole or not
            max_reconnect_attempts=-1,
            ping_interval=1,
            max_outstanding_pings=2,
        )
        self._records = await self._stream_of(self._subjects.records)
        self._stream = await self._stream_of(self._subjects.decisions)

    async def listen(self, listener: Listener) -> None:
        """Tell ``listener`` all that arrives from now on."""
        self._listener = listener
        self._inbox = self.client.new_inbox()
        await self.client.subscribe(f"{self._inbox}.*", cb=self._heard_ack)
        config = ConsumerConfig(
            ack_policy=AckPolicy.EXPLICIT,
            ack_wait=AGAIN_S,
            deliver_policy=DeliverPolicy.NEW,
            max_ack_pending=-1,
        )
        await self.client.jetstream().subscribe(
            self._subjects.decisions,
            durable=DURABLE,
            stream=self._stream,
            cb=self._heard_decision,
            config=config,
            manual_ack=True,
        )

    async def until_broken(self) -> None:
        """Wait for what makes counting impossible, and raise it."""
        await self._broken

    async def held(self) -> int | None:
        """How many records consumers have and have not acknowledged; None while the server does not say."""
        try:
            consumers = await self.client.jetstream().consumers_info(self._records)
        except (nats.errors.Error, OSError):
            return None
        await self._check_consumer()
        return sum(one.num_ack_pending or 0 for one in consumers if one.name != DURABLE)

    def is_up(self) -> bool:
        """See ``Wire``."""
        return self.client.is_connected

    async def send(self, key: str, body: bytes, headers: Mapping[str, str], /) -> None:
        """See ``Wire``."""
        try:
            await self.client.publish(
                self._subjects.records, body, reply=f"{self._inbox}.{key}", headers=dict(headers) or None
            )
        except (nats.errors.Error, OSError):
            assert self._listener is not None
            self._listener.refused(key)

    async def _stream_of(self, subject: str) -> str:
        for _ in range(round(PATIENCE_S / _LOOK_S)):
            try:
                found: str = await self.client.jetstream().find_stream_name_by_subject(subject)
            except (nats.js.errors.NotFoundError, nats.errors.TimeoutError):
                await asyncio.sleep(_LOOK_S)
            else:
                return found
        raise Refused(
            f"no JetStream stream keeps subject {subject!r}, {PATIENCE_S:g} s after the system was ready; "
            "whoever reads or writes it must make one first"
        )

    async def _heard_ack(self, message: Msg) -> None:
        assert self._listener is not None
        key = message.subject.rpartition(".")[2]
        # Without a body: nobody keeps that subject (status 503).
        told = json.loads(message.data) if message.data else {"error": "no stream"}
        if "error" in told:
            self._listener.refused(key)
        else:
            self._listener.taken(key, int(told["seq"]))

    async def _heard_decision(self, message: Msg) -> None:
        assert self._listener is not None
        self._listener.decided(message.data, message.headers or {}, message.metadata.sequence.stream)
        if self.client.is_connected:
            await message.ack()

    async def _check_consumer(self) -> None:
        """Whoever forgot our consumer, or made the stream anew, has decisions that nobody counts."""
        try:
            await self.client.jetstream().consumer_info(self._stream, DURABLE)
        except nats.js.errors.NotFoundError:
            why = f"stream {self._stream!r} is not the one of the start any more: decisions cannot be counted"
            self._break(Refused(why))
        except (nats.errors.Error, OSError):
            return  # gone again: the next look asks

    async def _heard_error(self, error: Exception) -> None:
        """What the network does is measured; what else is raised is ours, and ends the driver."""
        if not isinstance(error, nats.errors.Error | OSError | EOFError):
            self._break(error)

    def _break(self, error: Exception) -> None:
        if not self._broken.done():
            self._broken.set_exception(error)


@asynccontextmanager
async def connected(address: str, subjects: Subjects) -> AsyncIterator[JetStream]:
    """Connect to the server at ``address`` (host:port); Refused where it, or a stream, is not there."""
    wire = JetStream(subjects)
    try:
        await wire.open(address)
        yield wire
    except (nats.errors.NoServersError, ConnectionError) as error:
        raise Refused(f"no NATS server answers at {address}: {error}") from error
    finally:
        await wire.client.close()
