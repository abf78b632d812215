"""The taint ledger: one line a touched record, in the driver's hand before the record is sent.

Comes in: what was done to which id. Goes out: lines of ``taint.jsonl``, and those lines read back
strictly. No line holds a value of anybody's rows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from harness.errors import Untrustworthy


class Taint(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One touched record; ``mutation`` is one of the effect's words, or ``surge`` for an extra one."""

    id: str
    episode: int
    mutation: str
    field: str
    detail: str


class Taints(NamedTuple):
    """What a ledger holds; ``torn`` counts the unfinished last line of a driver that was killed (0 or 1)."""

    lines: tuple[Taint, ...]
    torn: int


def taint_bytes(lines: Iterable[Taint]) -> bytes:
    """Encode whole lines.

    >>> taint_bytes([Taint(id="w7-1", episode=0, mutation="drop", field="age", detail="")])
    b'{"id":"w7-1","episode":0,"mutation":"drop","field":"age","detail":""}\\n'
    """
    return b"".join(msgspec.json.encode(line) + b"\n" for line in lines)


def read_taint(data: bytes) -> Taints:
    """Decode a ledger; raises Untrustworthy where a whole line is not one of ours.

    >>> read_taint(b'{"id":"w7-1","episode":0,"mutation":"drop","field":"age","detail":""}\\n{"id"').torn
    1
    """
    *whole, last = data.split(b"\n")
    try:
        lines = tuple(msgspec.json.decode(line, type=Taint) for line in whole)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Untrustworthy(f"the taint ledger is no ledger: {error}") from error
    return Taints(lines, int(last != b""))
