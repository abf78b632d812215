"""The witness's rows: one fixed-width record an attempt, for requests, streams and tables alike."""

from __future__ import annotations

import hashlib

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
    "missing",
    "half",
    "wrong",
    "doubled",
)
"""Why an outcome is not good; the row holds the index. The last four are of partitions."""

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
        ("flags", "u1"),  # bit 0 golden unit, 1 accepted for certain, 2 kept as dead letter, 3 declined
        ("posterior", "<f4"),  # P(y = 1 | x) under the world as it is; NaN where unknown
        ("posterior_before", "<f4"),  # of this unit, had the world not moved; NaN where unknown
        ("reference", "u1"),  # bit 0 known, 1 the system as prepared declines it, 2 would, unmoved
        ("probability", "<f4"),  # score of the answer, taken as P(y = 1 | x); NaN where there is none
    ]
)
GOLDEN_FLAG, ACCEPTED_FLAG, DEAD_LETTER_FLAG, DECLINED_FLAG = 1, 2, 4, 8
REFERENCE_KNOWN, REFERENCE_DECLINES, REFERENCE_DECLINED_BEFORE = 1, 2, 4
DECLINE = "decline"
"""The decision that DECLINED_FLAG stands for; a system with other words has no such rows."""

Rows = NDArray[np.void]


def read_rows(data: bytes) -> Rows:
    """Decode whole records from ``data``; a torn last record is left out.

    >>> len(read_rows(bytes(DTYPE.itemsize * 2 + 5)))
    2
    """
    whole = len(data) // DTYPE.itemsize * DTYPE.itemsize
    return np.frombuffer(data[:whole], dtype=DTYPE)


def answer_digest(decision: str, score: float) -> int:
    """Hash what was answered, as stored in ``digest``; never 0, which means "no answer".

    The audit hashes the system's own listing the same way to find answers that changed.

    >>> answer_digest("approve", 0.25) == answer_digest("approve", 0.250), answer_digest("approve", 0.5) > 0
    (True, True)
    """
    text = f"{decision}\n{float(score)!r}".encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") or 1


def boot_hash(boot_id: str) -> int:
    """Hash a boot id to the 32 bits of the ``boot`` column; 0 = unknown.

    >>> boot_hash(""), 0 < boot_hash("3f2a") < 2**32
    (0, True)
    """
    if not boot_id:
        return 0
    return int.from_bytes(hashlib.blake2b(boot_id.encode(), digest_size=4).digest(), "little") or 1
