"""Appends the witness's rows to ``observations.bin``, so that a killed driver loses 20 ms at most."""

from __future__ import annotations

import asyncio
import struct

from harness.driver.sinks import Sink
from harness.driver.workload import Finding, Reply, Unit
from harness.history.observations import (
    ACCEPTED_FLAG,
    DEAD_LETTER_FLAG,
    DECLINED_FLAG,
    DTYPE,
    GOLDEN_FLAG,
    REASONS,
    REFERENCE_DECLINED_BEFORE,
    REFERENCE_DECLINES,
    REFERENCE_KNOWN,
)

FLUSH_S = 0.02
_ROW = struct.Struct("<QdddffQIIHHBBBBffBf")  # DTYPE, field by field
if _ROW.size != DTYPE.itemsize:
    raise ImportError("the row format of the driver is not the DTYPE of the observations")
_REASON = {word: index for index, word in enumerate(REASONS)}


class RowWriter:
    """Buffers rows and hands them on whole."""

    def __init__(self, sink: Sink) -> None:
        self._sink = sink
        self._buffer = bytearray()

    def add(
        self, unit: Unit, finding: Finding, *, due_s: float, reply: Reply, version: int, boot: int
    ) -> None:
        """Buffer one row; ``due_s`` is in monotonic seconds, ``version`` and ``boot`` as in DTYPE."""
        self._buffer += _ROW.pack(
            unit.number,
            due_s,
            reply.sent_s,
            reply.ended_s,
            unit.weight,
            finding.score,
            finding.digest,
            version,
            boot,
            finding.status,
            1,
            finding.outcome,
            _REASON[finding.reason],
            unit.stream,
            _flags(unit, finding),
            unit.posterior,
            unit.posterior_before,
            _reference(unit),
            finding.probability,
        )

    def flush(self) -> None:
        """Hand all whole rows to the kernel; a full disk raises OSError and ends the driver."""
        if self._buffer:
            self._sink.write(bytes(self._buffer))
            self._buffer.clear()

    def close(self) -> None:
        """Flush, make durable, close."""
        self.flush()
        self._sink.close()

    async def pump(self) -> None:
        """Flush every ``FLUSH_S`` until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_S)
            self.flush()


def _reference(unit: Unit) -> int:
    if unit.reference < 0:
        return 0
    return (
        REFERENCE_KNOWN
        | (REFERENCE_DECLINES if unit.reference else 0)
        | (REFERENCE_DECLINED_BEFORE if unit.reference_before > 0 else 0)
    )


def _flags(unit: Unit, finding: Finding) -> int:
    return (
        (GOLDEN_FLAG if unit.golden else 0)
        | (ACCEPTED_FLAG if finding.accepted else 0)
        | (DEAD_LETTER_FLAG if finding.dead_letter else 0)
        | (DECLINED_FLAG if finding.declined else 0)
    )
