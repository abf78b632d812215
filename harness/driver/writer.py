"""Appends the witness's rows to ``observations.bin``, so that a killed driver loses 20 ms at most."""

from __future__ import annotations

import asyncio
import os
import struct
from pathlib import Path

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
    """Buffers rows and appends them whole; a file is never rewritten."""

    def __init__(self, path: Path) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o644)
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
        while self._buffer:
            del self._buffer[: os.write(self._fd, self._buffer)]

    def close(self) -> None:
        """Flush, make durable, close."""
        self.flush()
        os.fsync(self._fd)
        os.close(self._fd)

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
