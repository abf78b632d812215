"""Who answers in the arm ``reference`` when a hop failed or a record is broken: plain arithmetic.

Comes in: records, and their feature rows where those arrived. Goes out: degraded decisions. Three
steps down: a logistic model on the rows that the features service made (``fallback-logistic``); the
same model on rows made here from the record, in which what depends on a broken field is missing
(``fallback-record``); the share of positives in history (``fallback-prior``). The model is a file of
plain arrays, ``fallback.npz``, made by ``training``. Pure; numpy and msgspec only.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.arrays import read_arrays, write_arrays
from reference_pipeline.errors import BadRecord, BadTemplate
from reference_pipeline.features import Features
from reference_pipeline.inpath import Lost
from reference_pipeline.records import APPROVE, DECLINE, Decided, FeatureSpec, FieldSpec, Record

Floats = NDArray[np.float64]

FALLBACK_FILE = "fallback.npz"
MANIFEST_FILE = "manifest.json"
BY_ROWS, BY_RECORD, BY_PRIOR = "fallback-logistic", "fallback-record", "fallback-prior"
_DEPENDENTS = {  # features of transactions by field: names, or their beginnings
    "customer_id": ("amount_over_mean", "amount_z", "distance", "customer_"),
    "terminal_id": ("distance", "terminal_"),
    "amount": ("log_amount", "amount_over_mean", "amount_z"),
    "channel": ("channel=",),
    "category": ("category=",),
    "card_age_days": ("card_age_log",),
    "event_time_s": ("hour_", "night", "weekend"),
}

_REACH = 10.0  # standard deviations: beyond them an input tells no more, and nothing overflows


class _Manifest(msgspec.Struct):
    files: dict[str, str]


_RECORD = msgspec.json.Decoder(dict[str, object])
_ROW = msgspec.json.Decoder(list[float | None])
_MANIFEST = msgspec.json.Decoder(_Manifest)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weights:
    """A logistic model of K features and P of their products, V times: whole, and without one field each.

    ``mean`` and ``scale`` (K,) standardise; ``pairs`` (P, 2) are the features whose product counts as well;
    ``weights`` (V, K + P) and ``bias`` (V,) belong to ``variants`` (V,), names of fields, the first one ""
    for the whole model. A missing feature counts as its mean. ``prior`` is the share of positives in history.
    """

    mean: Floats
    scale: Floats
    pairs: NDArray[np.int64]
    weights: Floats
    bias: Floats
    variants: NDArray[np.str_]
    prior: float

    def score(self, rows: Floats, variant: NDArray[np.int64]) -> Floats:
        """Return P(y = 1) of rows (n, K), each by its variant (n,); NaN is a missing feature."""
        inputs = with_products(standardised(rows, self.mean, self.scale), self.pairs)
        raw = (inputs * self.weights[variant]).sum(axis=1)
        return np.asarray(1.0 / (1.0 + np.exp(-(raw + self.bias[variant]))), dtype=np.float64)


def standardised(rows: Floats, mean: Floats, scale: Floats) -> Floats:
    """Return (rows - mean) / scale within +-10, missing ones 0; for training and serving alike."""
    with np.errstate(over="ignore", invalid="ignore"):
        reach = np.clip((rows - mean) / scale, -_REACH, _REACH)
    return np.nan_to_num(reach, nan=0.0)


def with_products(inputs: Floats, pairs: NDArray[np.int64]) -> Floats:
    """Return standardised inputs (n, K) with the products of ``pairs`` behind them, within +-10 like them.

    >>> with_products(np.array([[2.0, 3.0, 0.0]]), np.array([[0, 1], [1, 2]])).tolist()
    [[2.0, 3.0, 0.0, 6.0, 0.0]]
    """
    products = inputs[:, pairs[:, 0]] * inputs[:, pairs[:, 1]]
    return np.concatenate([inputs, np.clip(products, -_REACH, _REACH)], axis=1)


class LogisticFallback:
    """Answers by ``weights``; ``features`` makes rows of records here, without the features service."""

    def __init__(self, features: Features, weights: Weights) -> None:
        self._features = features
        self._weights = weights
        self._threshold = features.spec.costs.threshold
        self._width = len(features.spec.features)
        self._of_field = dependents(features.spec)
        self._placeholder = {field.name: _placeholder(field) for field in features.spec.fields}
        names: list[str] = weights.variants.tolist()
        self._variant = {name: index for index, name in enumerate(names)}

    def decide(self, lost: Lost, /) -> list[Decided]:
        """See :class:`reference_pipeline.inpath.Fallback`; it can always answer."""
        rows = _rows(lost.rows, self._width) if lost.rows else None
        if rows is not None:
            scores = self._weights.score(rows, np.zeros(len(rows), dtype=np.int64)).tolist()
            return [self._decided(key, s, BY_ROWS) for key, s in zip(lost.records, scores, strict=True)]
        records = {key: _RECORD.decode(raw) for key, raw in lost.records.items()}
        return self._by_record(records, lost.broken)

    def learn(self, decided: Sequence[Decided], /) -> None:
        """Nothing: what it knows comes from history with labels, not from the model's own answers."""

    def _by_record(
        self, records: Mapping[str, Record], broken: Mapping[str, frozenset[str]]
    ) -> list[Decided]:
        """Score all in one step; if a record makes that impossible, each alone."""
        try:
            scores = self._record_scores(
                list(records.values()), [broken.get(k, frozenset()) for k in records]
            )
        except BadRecord:
            if len(records) > 1:
                return [d for key, record in records.items() for d in self._by_record({key: record}, broken)]
            scores = [math.nan]
        return [
            self._decided(key, score, BY_RECORD)
            if math.isfinite(score)
            else self._decided(key, self._weights.prior, BY_PRIOR)
            for key, score in zip(records, scores, strict=True)
        ]

    def _record_scores(self, records: Sequence[Record], broken: Sequence[frozenset[str]]) -> list[float]:
        """Scores, NaN where no field is left to tell anything.

        Raises:
            BadRecord: the features cannot be made of one of them.
        """
        patched = [
            {**record, **{name: self._placeholder[name] for name in fields}} if fields else record
            for record, fields in zip(records, broken, strict=True)
        ]
        rows = self._features.rows(patched)
        for row, fields in zip(rows, broken, strict=True):
            for name in fields:
                row[self._of_field[name]] = np.nan
        variant = np.array([self._variant_of(fields) for fields in broken], dtype=np.int64)
        scores = self._weights.score(rows, variant)
        scores[np.isnan(rows).all(axis=1)] = np.nan
        return [float(score) for score in scores]

    def _variant_of(self, fields: frozenset[str]) -> int:
        """The model without the field on which most depends; what else is missing counts as its mean."""
        known = [name for name in sorted(fields) if name in self._variant]
        most = max(known, key=lambda name: (len(self._of_field[name]), name), default="")
        return self._variant[most]

    def _decided(self, key: str, score: float, model: str) -> Decided:
        decision = DECLINE if score >= self._threshold else APPROVE
        return Decided(id=key, decision=decision, score=score, model=model, degraded=True)


def dependents(spec: FeatureSpec) -> dict[str, list[int]]:
    """Return, for each field, the indices of the features that cannot be told without it.

    >>> spec = FeatureSpec(kind="columns", fields=(FieldSpec(name="age", type="number"),),
    ...                    features=("age",), time_field="age")
    >>> dependents(spec)
    {'age': [0]}
    """
    found: dict[str, list[int]] = {}
    for field in spec.fields:
        if spec.kind == "transactions":
            begins = _DEPENDENTS[field.name]
            found[field.name] = [i for i, name in enumerate(spec.features) if name.startswith(begins)]
        else:
            own = {field.name, *(f"{field.name}={category}" for category in field.categories)}
            found[field.name] = [i for i, name in enumerate(spec.features) if name in own]
    return found


def save_weights(weights: Weights, template: Path) -> None:
    """Write ``fallback.npz`` into ``template``."""
    arrays = {name: np.asarray(value) for name, value in asdict(weights).items()}
    write_arrays(template / FALLBACK_FILE, arrays)


def load_fallback(features: Features, template: Path) -> LogisticFallback:
    """Load what :func:`save_weights` wrote, if its SHA-256 is the one in the template's manifest.

    Raises:
        BadTemplate: missing, damaged, or made for other features.
    """
    path = template / FALLBACK_FILE
    try:
        wanted = _MANIFEST.decode((template / MANIFEST_FILE).read_bytes()).files.get(FALLBACK_FILE, "")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
    except (OSError, msgspec.DecodeError) as error:
        raise BadTemplate(f"{path} cannot be read: {error}; prepare the template anew") from error
    if found != wanted:
        raise BadTemplate(f"{path} is not the file that the manifest names; prepare the template anew")
    arrays = read_arrays(path)
    try:
        weights = Weights(
            **{name: np.asarray(arrays[name], np.float64) for name in ("mean", "scale", "weights", "bias")},
            pairs=np.asarray(arrays["pairs"], dtype=np.int64).reshape(-1, 2),
            variants=np.asarray(arrays["variants"], dtype=np.str_),
            prior=float(np.asarray(arrays["prior"], dtype=np.float64)),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise BadTemplate(f"{path} holds other arrays: {error}; prepare the template anew") from error
    width = len(features.spec.features)
    shape = (len(weights.variants), width + len(weights.pairs))
    inside = bool(((weights.pairs >= 0) & (weights.pairs < width)).all())
    if weights.weights.shape != shape or weights.variants[0] != "" or not inside:
        raise BadTemplate(f"{path} is made for other features; prepare the template anew")
    return LogisticFallback(features, weights)


def _rows(raw: Sequence[msgspec.Raw], width: int) -> Floats | None:
    """Decode feature rows; None where they are no rows of this width."""
    try:
        rows = np.array([_ROW.decode(row) for row in raw], dtype=np.float64)  # null becomes NaN
    except (msgspec.DecodeError, ValueError):
        return None
    return rows if rows.shape == (len(raw), width) else None


def _placeholder(field: FieldSpec) -> object:
    """A value that keeps the contract; everything that depends on it is taken out afterwards."""
    if field.type == "string":
        return field.categories[0] if field.categories else ""
    low = -math.inf if field.minimum is None else field.minimum
    high = math.inf if field.maximum is None else field.maximum
    value = min(max(1.0, low), high)
    return int(value) if field.type == "integer" else value
