"""What stood on a stream's subjects, counted. Pure.

Comes in: the lines of ``stream.jsonl``. Goes out: ``Streamed``.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.driver.stream_ledger import Accepted, Decided, Line
from harness.history.events import Streamed


def counted(lines: Sequence[Line]) -> Streamed:
    """Count decisions, those beyond the first of a record, and those out of the order of publication.

    Both orders are those of the streams, not of arrival. What nobody acknowledged has no place in the first.

    >>> taken = [Accepted(id=name, seq=place) for place, name in enumerate("abc")]
    >>> counted([*taken, *(Decided(id=name, seq=place, digest=1) for place, name in enumerate("acbb"))])
    Streamed(decisions=4, surplus=1, out_of_order=1)
    """
    published = {line.id: line.seq for line in lines if isinstance(line, Accepted)}
    decisions = sorted((line for line in lines if isinstance(line, Decided)), key=lambda line: line.seq)
    first = {line.id: None for line in decisions}  # in order
    latest, behind = -1, 0
    for name in first:
        place = published.get(name, latest)
        behind += place < latest
        latest = max(latest, place)
    return Streamed(decisions=len(decisions), surplus=len(decisions) - len(first), out_of_order=behind)
