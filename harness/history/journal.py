"""The healer's own words beside a history: ``journal.jsonl``, as far as it can be understood.

They give reasons and no figure: what they say was done is counted only where it was seen from outside. A line
that is no CloudEvent of the known form is left out.
"""

from __future__ import annotations

import msgspec

from harness.history.model import Said

LINES_MAX = 10_000
TEXT_MAX = 300


class _Data(msgspec.Struct):
    reason: str = ""
    target: str = ""


class _Event(msgspec.Struct):
    type: str
    data: _Data
    subject: str = ""


class _Kept(msgspec.Struct):
    received_s: float
    line: _Event


_KEPT = msgspec.json.Decoder(_Kept)


def read_journal(data: bytes) -> tuple[Said, ...]:
    """Read the lines that are understood, in their order, at most ``LINES_MAX``.

    >>> line = b'{"received_s": 2.5, "line": {"type": "x.heal.decided.v1", "data": {"reason": "it hangs"}}}'
    >>> read_journal(line + b'\\nnonsense\\n')
    (Said(received_s=2.5, kind='decided', target='', reason='it hangs'),)
    """
    found = []
    for line in data.split(b"\n")[:LINES_MAX]:
        try:
            kept = _KEPT.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        event = kept.line
        found.append(
            Said(
                received_s=kept.received_s,
                kind=event.type.removesuffix(".v1").rpartition(".")[2][:TEXT_MAX],
                target=(event.data.target or event.subject)[:TEXT_MAX],
                reason=event.data.reason[:TEXT_MAX],
            )
        )
    return tuple(found)
