"""The witness's rows: one fixed-width record an attempt, for requests, streams and tables alike."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

UNKNOWN, GOOD, DEGRADED, BAD = 0, 1, 2, 3
"""Outcomes. "unknown" (no answer after sending) is never good and never proof of loss."""

WITNESS, LOAD = 0, 1
"""Streams. Only the witness's rows are a sample of service; load rows feed the audit."""

REASONS: tuple[str, ...] = (
    "",
    "late",
    "refused",
    "reset",
    "timeout",
    "status",
    "schema",
    "golden",
    "skipped",
    "other",
)
"""Why an outcome is not good; the row holds the index."""

DTYPE = np.dtype(
    [
        ("unit", "<u8"),  # number of the unit in its stream; the id is made from it and the seed
        ("due", "<f8"),  # monotonic seconds at which it was due; latency counts from here
        ("sent", "<f8"),  # monotonic seconds; NaN if never sent
        ("ended", "<f8"),  # monotonic seconds of the answer or of giving up
        ("weight", "<f4"),  # 1 a request; rows of a partition for tables
        ("score", "<f4"),  # check score in [0, 1]
        ("digest", "<u8"),  # hash of the answer's decision and score; 0 if none
        ("version", "<u4"),  # index into the run's list of model versions; 0 = unknown
        ("boot", "<u4"),  # hash of the answering process's boot id; 0 = unknown
        ("status", "<u2"),  # HTTP status, 0 if none
        ("attempt", "<u2"),  # 1 for the first
        ("outcome", "u1"),  # UNKNOWN, GOOD, DEGRADED, BAD
        ("reason", "u1"),  # index into REASONS
        ("stream", "u1"),  # WITNESS or LOAD
        ("flags", "u1"),  # bit 0 golden unit, bit 1 accepted by the system for certain
    ]
)
GOLDEN_FLAG, ACCEPTED_FLAG = 1, 2

Rows = NDArray[np.void]


def read_rows(data: bytes) -> Rows:
    """Decode whole records from ``data``; a torn last record is left out.

    >>> len(read_rows(bytes(DTYPE.itemsize * 2 + 5)))
    2
    """
    whole = len(data) // DTYPE.itemsize * DTYPE.itemsize
    return np.frombuffer(data[:whole], dtype=DTYPE)
