"""Features and scores computed once: functions of a record, and of a model and a row, and of nothing else.

Comes in: what computes them, records, rows. Goes out: the same numbers, from memory where they were computed
before. A row's numbers do not depend on what it is computed together with (a test says so, to the last bit),
so memory changes speed alone. In arms of one pair, and in services of one world, the same records come again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import msgspec
import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference_pipeline.features import Features
from reference_pipeline.records import FeatureSpec, Record
from reference_pipeline.scoring import Model, load_model

Floats = NDArray[np.float64]
KEPT = 200_000
"""Rows that are kept, of about 300 bytes each; beyond that all are let go."""

_ENCODE = msgspec.json.Encoder().encode


def begin_world(features: Features, first: Record, champion: str) -> None:
    """Let go of what earlier worlds have left, unless this one begins with the same record.

    The arms of a pair do, and share; the worlds of a campaign would fill the memory one after the other.
    ``champion``: hash of the one model that all of them begin with.
    """
    if not isinstance(features, MemoFeatures) or features.knows(first):
        return
    features.forget()
    for sha256 in [one for one in _scores if one != champion]:
        del _scores[sha256], _models[sha256]
    for scores in _scores.values():
        scores.forget()


class MemoFeatures:
    """See :class:`reference_pipeline.features.Features`."""

    def __init__(self, made_by: Features) -> None:
        self._made_by = made_by
        self._rows: dict[bytes, Floats] = {}

    @property
    def spec(self) -> FeatureSpec:
        """Fields that come in and features that go out."""
        return self._made_by.spec

    def knows(self, record: Record) -> bool:
        """Whether its features are here."""
        return _ENCODE(record) in self._rows

    def forget(self) -> None:
        """Let go of all."""
        self._rows.clear()

    def rows(self, records: Sequence[Record], /) -> Floats:
        """Return shape (len(records), len(spec.features)); raise BadRecord for an unusable one."""
        if not records:
            return self._made_by.rows(records)
        keys = [_ENCODE(record) for record in records]
        known = self._rows
        missing = {key: record for key, record in zip(keys, records, strict=True) if key not in known}
        if missing:
            if len(known) + len(missing) > KEPT:
                known.clear()
                return self._made_by.rows(records)
            known.update(zip(missing, self._made_by.rows(list(missing.values())), strict=True))
        return np.array([known[key] for key in keys])


class _Scores:
    """The log odds of one model, by row."""

    def __init__(self, made_by: Callable[[ArrayLike], Floats]) -> None:
        self._made_by = made_by
        self._known: dict[bytes, float] = {}

    def forget(self) -> None:
        """Let go of all."""
        self._known.clear()

    def __call__(self, rows: ArrayLike) -> Floats:
        values = np.ascontiguousarray(rows, dtype=np.float64)
        if values.ndim != 2 or not len(values):
            return self._made_by(values)
        known, keys = self._known, [row.tobytes() for row in values]
        places = {key: place for place, key in enumerate(keys) if key not in known}
        if places:
            if len(known) + len(places) > KEPT:
                known.clear()
                return self._made_by(values)
            made = self._made_by(values[list(places.values())])
            known.update(zip(places, made.tolist(), strict=True))
        return np.array([known[key] for key in keys])


_scores: dict[str, _Scores] = {}
_models: dict[str, Model] = {}


class _MemoModel(Model):
    """A model whose scores are kept, by the hash of its bytes."""

    def raw(self, rows: ArrayLike) -> Floats:
        """See :class:`reference_pipeline.scoring.Model`."""
        return _scores[self.sha256](rows)


def load_once(data: bytes, sha256: str) -> Model:
    """Load a model as :func:`reference_pipeline.scoring.load_model` does, decoding the same bytes once."""
    known = _models.get(sha256)
    if known is None or hashlib.sha256(data).hexdigest() != sha256:
        loaded = load_model(data, sha256)  # raises where these are other bytes
        _scores[sha256] = _Scores(loaded.raw)
        fields = {name: getattr(loaded, name) for name in Model.__dataclass_fields__}
        known = _models[sha256] = _MemoModel(**fields)
    return known
