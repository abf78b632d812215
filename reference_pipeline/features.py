"""From records to feature rows: one pure function for training and for the features service.

Comes in: records that passed the contract, and what the template holds (``contract.json``,
``features.npz``). Goes out: float64 rows in the order of ``spec.features``. Two kinds: the
simulator's transactions get engineered features against tables learned from history; a user's
columns are passed through (numbers as they are, categories one-hot). Imports numpy and msgspec only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.aggregates import Columns, Floats, Tables
from reference_pipeline.arrays import read_arrays, write_arrays
from reference_pipeline.errors import BadRecord, BadTemplate
from reference_pipeline.records import (
    CATEGORIES,
    CHANNELS,
    DAY_S,
    TRANSACTION_FIELDS,
    FeatureSpec,
    FieldSpec,
    Record,
)

CONTRACT_FILE = "contract.json"
TABLES_FILE = "features.npz"
TRANSACTION_FEATURES = (
    "log_amount",
    "amount_over_mean",
    "amount_z",
    "hour_sin",
    "hour_cos",
    "night",
    "weekend",
    "distance",
    "card_age_log",
    "customer_log_mean",
    "customer_count_log",
    "customer_fraud_rate",
    "customer_recent_fraud_rate",
    "terminal_count_log",
    "terminal_fraud_rate",
    "terminal_recent_fraud_rate",
    *(f"channel={name}" for name in CHANNELS),
    *(f"category={name}" for name in CATEGORIES),
)


class Features(Protocol):
    """What makes feature rows of records."""

    @property
    def spec(self) -> FeatureSpec:
        """Fields that come in and features that go out."""
        ...

    def rows(self, records: Sequence[Record], /) -> Floats:
        """Return shape (len(records), len(spec.features)); raise BadRecord for an unusable one."""
        ...


@dataclass(frozen=True, slots=True)
class TransactionFeatures:
    """Engineered features of the simulator's transactions."""

    spec: FeatureSpec
    tables: Tables

    def rows(self, records: Sequence[Record], /) -> Floats:
        """Return shape (len(records), len(spec.features)).

        Raises:
            BadRecord: a field is missing or of a type that is no number or known category.
        """
        return self.rows_of(transaction_columns(records))

    def rows_of(self, columns: Columns) -> Floats:
        """Return the rows of columns as :func:`transaction_columns` makes them (training path)."""
        tables = self.tables
        amount = np.asarray(columns["amount"], dtype=np.float64)
        time_s = np.asarray(columns["event_time_s"], dtype=np.float64)
        who = _index(columns["customer_id"], len(tables.customer_x) - 1)
        where = _index(columns["terminal_id"], len(tables.terminal_x) - 1)
        hour = time_s % DAY_S / 3600.0
        log_amount = np.log(amount)
        log_mean = tables.customer_log_mean[who]
        out = np.zeros((len(amount), len(TRANSACTION_FEATURES)))
        out[:, 0] = log_amount
        out[:, 1] = amount / tables.customer_mean[who]
        out[:, 2] = (log_amount - log_mean) / tables.customer_log_sd[who]
        out[:, 3] = np.sin(hour * (np.pi / 12.0))
        out[:, 4] = np.cos(hour * (np.pi / 12.0))
        out[:, 5] = hour < 6.0
        out[:, 6] = time_s // DAY_S % 7.0 >= 5.0
        out[:, 7] = np.hypot(
            tables.customer_x[who] - tables.terminal_x[where],
            tables.customer_y[who] - tables.terminal_y[where],
        )
        out[:, 8] = np.log1p(np.asarray(columns["card_age_days"], dtype=np.float64))
        out[:, 9] = log_mean
        out[:, 10] = tables.customer_count_log[who]
        out[:, 11] = tables.customer_fraud_rate[who]
        out[:, 12] = tables.customer_recent_fraud_rate[who]
        out[:, 13] = tables.terminal_count_log[where]
        out[:, 14] = tables.terminal_fraud_rate[where]
        out[:, 15] = tables.terminal_recent_fraud_rate[where]
        row = np.arange(len(amount))
        out[row, 16 + np.asarray(columns["channel"], dtype=np.int64)] = 1.0
        out[row, 16 + len(CHANNELS) + np.asarray(columns["category"], dtype=np.int64)] = 1.0
        return out


@dataclass(frozen=True, slots=True)
class ColumnFeatures:
    """A user's own columns: numbers pass through (null -> NaN), categories become one-hot.

    A category that was not seen in training has no feature: all zeros.
    """

    spec: FeatureSpec

    def rows(self, records: Sequence[Record], /) -> Floats:
        """Return shape (len(records), len(spec.features)).

        Raises:
            BadRecord: a field is missing, or a number field holds no number.
        """
        known = set(self.spec.features)
        columns: list[Floats] = []
        for field in self.spec.fields:
            if field.categories:
                chosen = [c for c in field.categories if f"{field.name}={c}" in known]
                columns.extend(_one_hot(records, field, chosen))
            elif field.name in known:
                columns.append(_numbers(records, field.name))
        return np.column_stack(columns) if records else np.zeros((0, len(self.spec.features)))


def transaction_spec() -> FeatureSpec:
    """Build the specification of the simulator's transactions."""
    return FeatureSpec(
        kind="transactions",
        fields=TRANSACTION_FIELDS,
        features=TRANSACTION_FEATURES,
        time_field="event_time_s",
    )


def transaction_columns(records: Sequence[Record]) -> dict[str, NDArray[np.generic]]:
    """Turn records into columns: float64 numbers, int64 ids and codes of channel and category.

    Raises:
        BadRecord: a field is missing or of another type.
    """
    try:
        return {
            "customer_id": np.array([r["customer_id"] for r in records], dtype=np.int64),
            "terminal_id": np.array([r["terminal_id"] for r in records], dtype=np.int64),
            "amount": _positive([r["amount"] for r in records]),
            "channel": np.array([CHANNELS.index(r["channel"]) for r in records], dtype=np.int64),
            "category": np.array([CATEGORIES.index(r["category"]) for r in records], dtype=np.int64),
            "card_age_days": np.array([r["card_age_days"] for r in records], dtype=np.float64),
            "event_time_s": np.array([r["event_time_s"] for r in records], dtype=np.float64),
        }
    except KeyError as error:
        raise BadRecord(f"field {error} is missing") from error
    except (TypeError, ValueError, OverflowError) as error:
        raise BadRecord(f"a field holds a value of another kind: {error}") from error


def save_features(features: Features, template: Path) -> None:
    """Write ``contract.json`` and, for transactions, ``features.npz`` into ``template``."""
    (template / CONTRACT_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(features.spec)))
    if isinstance(features, TransactionFeatures):
        write_arrays(template / TABLES_FILE, asdict(features.tables))


def load_features(template: Path) -> Features:
    """Load what :func:`save_features` wrote.

    Raises:
        BadTemplate: a file is missing or damaged.
    """
    spec = load_spec(template)
    if spec.kind == "columns":
        return ColumnFeatures(spec)
    if spec.features != TRANSACTION_FEATURES:
        raise BadTemplate(f"{template}: its features are those of other code; prepare it anew")
    arrays = read_arrays(template / TABLES_FILE)
    try:
        tables = Tables(**{name: np.asarray(array, dtype=np.float64) for name, array in arrays.items()})
    except TypeError as error:
        raise BadTemplate(f"{template / TABLES_FILE} holds other tables: {error}; prepare it anew") from error
    return TransactionFeatures(spec, tables)


def load_spec(template: Path) -> FeatureSpec:
    """Load ``contract.json`` alone (what the gateway needs).

    Raises:
        BadTemplate: it is missing or damaged.
    """
    path = template / CONTRACT_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=FeatureSpec)
    except (OSError, msgspec.DecodeError) as error:
        raise BadTemplate(f"{path} cannot be read: {error}") from error


def _index(ids: NDArray[np.generic], unknown: int) -> NDArray[np.int64]:
    index = np.asarray(ids, dtype=np.int64)
    return np.where((index >= 0) & (index < unknown), index, unknown)


def _positive(values: list[object]) -> Floats:
    amounts = np.array(values, dtype=np.float64)
    if not (amounts > 0).all():
        raise ValueError("amount is not above zero")
    return amounts


def _numbers(records: Sequence[Record], name: str) -> Floats:
    try:
        return np.array([r[name] for r in records], dtype=np.float64)  # None becomes NaN
    except KeyError as error:
        raise BadRecord(f"field {error} is missing") from error
    except (TypeError, ValueError) as error:
        raise BadRecord(f"field {name!r} holds something that is no number: {error}") from error


def _one_hot(records: Sequence[Record], field: FieldSpec, chosen: Sequence[str]) -> list[Floats]:
    try:
        values = [r[field.name] for r in records]
    except KeyError as error:
        raise BadRecord(f"field {error} is missing") from error
    return [np.array([value == category for value in values], dtype=np.float64) for category in chosen]
