"""What a stream did, to the record: which records it took, and every decision that stood on its subject.

Comes in: acknowledgements and decisions as they arrive. Goes out: lines of ``stream.jsonl``, and those lines
read back strictly. No line holds a value of anybody's rows. ``seq``: the place in the stream of the message.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from harness.errors import Untrustworthy


class _Any(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="line"):
    pass


class _Line(_Any, frozen=True, kw_only=True):
    id: str
    seq: int


class Accepted(_Line, frozen=True, kw_only=True, tag="accepted"):
    """The server acknowledged that it keeps the record."""


class Decided(_Line, frozen=True, kw_only=True, tag="decided"):
    """A decision; ``digest`` as in the rows, 0 where its content is none. ``id`` "": it tells none."""

    digest: int


class Held(_Any, frozen=True, kw_only=True, tag="held"):
    """So many records consumers have and have not acknowledged, from here on: they may be decided again."""

    count: int


Line = Accepted | Decided | Held


def line_bytes(line: Line) -> bytes:
    """Encode one whole line.

    >>> line_bytes(Decided(id="w7-1", seq=3, digest=9))
    b'{"line":"decided","id":"w7-1","seq":3,"digest":9}\\n'
    """
    return msgspec.json.encode(line) + b"\n"


def read_stream(data: bytes) -> tuple[Line, ...]:
    """Decode a ledger without an unfinished last line; raises Untrustworthy where it is none of ours.

    >>> read_stream(b'{"line":"accepted","id":"w7-1","seq":1}\\n{"line"')
    (Accepted(id='w7-1', seq=1),)
    """
    whole: Iterable[bytes] = data.split(b"\n")[:-1]
    try:
        return tuple(msgspec.json.decode(line, type=Line) for line in whole)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Untrustworthy(f"the ledger of the stream is no ledger: {error}") from error
