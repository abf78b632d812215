"""Answers to records that were offered again: they are in no row, and must decide as the first answer did.

Comes in: what was found in the answers of a duplicate. Goes out: lines of ``resends.jsonl``, and those
lines read back strictly. No line holds a value of anybody's rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from harness.driver.workload import Finding
from harness.errors import Untrustworthy


class Resend(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A decision that a record got when it was offered again; ``digest`` as in the rows."""

    id: str
    digest: int
    dead_letter: bool = False


def resend_bytes(findings: Mapping[str, Finding]) -> bytes:
    """Encode whole lines for the answers by id that hold a decision.

    >>> from harness.history.observations import GOOD
    >>> resend_bytes({"w7-1": Finding(GOOD, "", 200, digest=9), "w7-2": Finding(GOOD, "")})
    b'{"id":"w7-1","digest":9,"dead_letter":false}\\n'
    """
    return b"".join(
        msgspec.json.encode(Resend(id=name, digest=finding.digest, dead_letter=finding.dead_letter)) + b"\n"
        for name, finding in findings.items()
        if finding.digest
    )


def read_resends(data: bytes) -> tuple[Resend, ...]:
    """Decode a ledger without an unfinished last line; raises Untrustworthy where it is none of ours.

    >>> len(read_resends(b'{"id":"w7-1","digest":9,"dead_letter":false}\\n{"id"'))
    1
    """
    whole: Iterable[bytes] = data.split(b"\n")[:-1]
    try:
        return tuple(msgspec.json.decode(line, type=Resend) for line in whole)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Untrustworthy(f"the ledger of resends is no ledger: {error}") from error
