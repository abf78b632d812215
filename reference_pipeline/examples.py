"""The learner's memory: what was decided on which features, what turned out to be true, and the two joined.

Comes in: decided rows with their features, labels in any order, any number of times. Goes out: labelled
examples in the order in which both were there, by cursor. Durable before told; the first label of an id
counts, another one is counted as a contradiction.
"""

from __future__ import annotations

import struct
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from operator import attrgetter
from typing import NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.newest import newer
from reference_pipeline.ports import Append, Row, Store

EXAMPLES, LABELS, KNOWN = LOGS = ("examples", "labels", "known")
Floats = NDArray[np.float64]

KEPT = 50_000  # labelled examples in memory: at 250 a second some three minutes; older ones stay on disk
_LABEL = struct.Struct("<d")
_LATELY = 5000  # decided rows
_PAGE = 5000
_CURSOR = "cursor"


class Example(msgspec.Struct, frozen=True, array_like=True):
    """One decided row: ``features`` are the bytes of little-endian float64 in the order of the contract."""

    features: bytes
    declined: bool
    score: float
    model: str
    degraded: bool


class Label(msgspec.Struct, frozen=True):
    """What turned out to be true of a unit: 1 positive, 0 not; an oracle knows with which probability."""

    id: str
    label: float


class Known(NamedTuple):
    """A labelled example under its cursor."""

    seq: int
    label: float
    example: Example


@dataclass(frozen=True, slots=True)
class Window:
    """Labelled examples as columns, oldest first; ``last`` is the cursor of the newest one."""

    last: int
    rows: Floats
    label: Floats
    declined: NDArray[np.bool_]
    score: Floats
    model: tuple[str, ...]
    degraded: NDArray[np.bool_]


class Examples:
    """Examples of one learner; call :meth:`recover` first. ``width``: features of a row."""

    def __init__(self, store: Store, width: int, *, kept: int = KEPT) -> None:
        self._store = store
        self._width = width
        self._known: deque[Known] = deque(maxlen=kept)
        self.left_out: Mapping[int, float] = {}  # column of the features -> value: such rows are in no window
        self._lately: deque[bool] = deque(maxlen=_LATELY)
        names = ("examples_total", "labels_total", "labels_repeated_total", "labels_contradicted_total")
        self.counts: Counter[str] = Counter(dict.fromkeys(names, 0))

    @property
    def cursor(self) -> int:
        """Up to where decided rows have been taken."""
        return int(self._store.find("values", _CURSOR) or 0)

    @property
    def last_known(self) -> int:
        """Cursor of the newest labelled example; 0 before the first."""
        return self._known[-1].seq if self._known else 0

    @property
    def decided_declined(self) -> float:
        """Share of declined rows among those decided lately, labelled or not; 0 before the first."""
        return self._lately.count(True) / len(self._lately) if self._lately else 0.0

    def recover(self) -> None:
        """Read what an earlier life joined; only what is kept is decoded."""
        last, newest = 0, deque[Row](maxlen=self._known.maxlen)
        while page := self._store.read(KNOWN, last, _PAGE):
            newest.extend(page)
            last = page[-1].seq
        self._known.extend(_decoded(seq, value) for seq, _, value in newest)
        self._lately.extend(one.example.declined for one in self._known)

    def take(
        self, examples: Mapping[str, Example], cursor: int, *, also: Mapping[str, bytes] | None = None
    ) -> None:
        """Make decided rows durable, join those whose label came before them, and move the cursor.

        ``also``: named values that must change with it.

        Raises:
            StoreFailed: nothing has changed.
        """
        early = {key: label for key in examples if (label := self._store.find(LABELS, key)) is not None}
        appends = [Append(EXAMPLES, key, msgspec.msgpack.encode(one)) for key, one in examples.items()]
        joined = [
            Append(KNOWN, key, label + msgspec.msgpack.encode(examples[key])) for key, label in early.items()
        ]
        values = {_CURSOR: str(cursor).encode(), **(also or {})}
        seqs = self._store.commit([*appends, *joined], values)
        self._lately.extend(one.declined for one in examples.values())
        self.counts["examples_total"] += sum(seq > 0 for seq in seqs[: len(appends)])
        self._remember(joined, seqs[len(appends) :])

    def label(self, labels: Sequence[Label]) -> None:
        """Make labels durable and join those whose row is here; the first label of an id counts.

        Raises:
            StoreFailed: nothing has changed.
        """
        first: dict[str, float] = {}
        for one in labels:
            first.setdefault(one.id, one.label)
        known = {key: self._store.find(LABELS, key) for key in first}
        appends = [Append(LABELS, key, _packed(label)) for key, label in first.items() if known[key] is None]
        rows = {one.key: self._store.find(EXAMPLES, one.key) for one in appends}
        joined = [Append(KNOWN, one.key, one.value + row) for one in appends if (row := rows[one.key])]
        seqs = self._store.commit([*appends, *joined])
        self._remember(joined, seqs[len(appends) :])
        self.counts["labels_total"] += len(appends)
        self.counts["labels_repeated_total"] += len(labels) - len(appends)
        self.counts["labels_contradicted_total"] += sum(
            _packed(one.label) != (known[one.id] or _packed(first[one.id])) for one in labels
        )

    def window(self, after: int, limit: int, *, whole: bool = False) -> Window:
        """Give at most ``limit`` labelled examples with a cursor above ``after``, oldest first.

        ``whole``: those too that are left out of what is learned. What no memory holds any more is not
        there: a learner looks at recent rows.
        """
        return self._columns(newer(self._known, attrgetter("seq"), after, limit), after, whole=whole)

    def newest(self, limit: int, *, after: int = 0) -> Window:
        """Give the newest ``limit`` labelled examples above ``after``, oldest first."""
        newest = islice(reversed(self._known), limit)
        return self._columns([one for one in newest if one.seq > after][::-1], after)

    def is_left_out(self, row: Floats) -> bool:
        """Tell whether this row of features is in no window."""
        return any(row[column] == value for column, value in self.left_out.items())

    def _columns(self, found: Sequence[Known], after: int, *, whole: bool = False) -> Window:
        last = found[-1].seq if found else after
        if self.left_out and not whole:
            found = [one for one in found if not self.is_left_out(np.frombuffer(one.example.features, "<f8"))]
        rows = np.frombuffer(b"".join(one.example.features for one in found), dtype="<f8")
        return Window(
            last=last,
            rows=rows.reshape(len(found), self._width),
            label=np.array([one.label for one in found], dtype=np.float64),
            declined=np.array([one.example.declined for one in found], dtype=np.bool_),
            score=np.array([one.example.score for one in found], dtype=np.float64),
            model=tuple(one.example.model for one in found),
            degraded=np.array([one.example.degraded for one in found], dtype=np.bool_),
        )

    def _remember(self, joined: Sequence[Append], seqs: Sequence[int]) -> None:
        self._known.extend(_decoded(seq, one.value) for seq, one in zip(seqs, joined, strict=True) if seq)


def as_bytes(row: Floats) -> bytes:
    """Encode the features of one row as :class:`Example` keeps them."""
    return np.asarray(row, dtype="<f8").tobytes()


def _packed(label: float) -> bytes:
    return _LABEL.pack(label)


def _decoded(seq: int, value: bytes) -> Known:
    (label,) = _LABEL.unpack_from(value)
    return Known(seq, label, msgspec.msgpack.decode(value[_LABEL.size :], type=Example))
