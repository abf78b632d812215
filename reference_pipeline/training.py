"""The trainer: gradient boosting on the world's history, exported as a data-only artefact.

Comes in: labelled feature rows. Goes out: artefact bytes for the registry, metrics on a later
holdout, lineage. Scikit-learn is imported here and in ``fallback_training`` alone, on one OpenMP
thread: two on a busy two-core machine turn a fit of 0.4 s into one of 16 s.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from reference_pipeline import scoring
from reference_pipeline.aggregates import Columns, learn_tables
from reference_pipeline.features import TransactionFeatures, transaction_spec
from reference_pipeline.lineage import code_hash, data_hash
from reference_pipeline.records import DAY_S, Costs, FeatureSpec

if TYPE_CHECKING:
    from sklearn.ensemble import HistGradientBoostingClassifier

Floats = NDArray[np.float64]
Labels = NDArray[np.int8]

WINDOW_DAYS = 30.0  # of history that a table of aggregates looks back on
BLOCK_DAYS = 7.0  # rows of a week share one table, made from the window before them
TREES = 60
_TREE_DEPTH = 6


@dataclass(frozen=True, slots=True)
class Labelled:
    """Feature rows (n, features) with labels (n,) in {0, 1}, or with probabilities of 1."""

    rows: Floats
    label: Labels | Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Champion:
    """A trained model as the registry takes it."""

    artefact: bytes
    metrics: Mapping[str, float]
    lineage: Mapping[str, str]


def train_champion(
    train: Labelled, holdout: Labelled, *, spec: FeatureSpec, version: str, lineage: Mapping[str, str]
) -> Champion:
    """Fit on ``train``, measure on ``holdout``, export; the threshold is that of ``spec.costs``.

    The same arguments give the same bytes. Metrics: average precision, accuracy, cost of a row
    (expected cost of the decisions; ``approve_all`` and ``decline_all`` beside it), positives.

    Raises:
        ValueError: ``train`` holds one class only.
    """
    if len(np.unique(train.label)) < 2:
        raise ValueError(f"training rows hold one class only ({len(train.label)} rows)")
    trees = export_trees(fit(train))
    full_lineage = {
        **lineage,
        "data_sha256": data_hash(train.rows, train.label),
        "code_sha256": code_hash(__file__),
        "train_rows": str(len(train.label)),
        "holdout_rows": str(len(holdout.label)),
    }
    bare = scoring.dump_model(
        trees,
        version=version,
        threshold=spec.costs.threshold,
        features=spec.features,
        metrics={},
        lineage={},
    )
    model = scoring.load_model(bare, hashlib.sha256(bare).hexdigest())
    metrics = evaluate(model.score(holdout.rows), holdout.label, spec.costs)
    artefact = scoring.dump_model(
        trees,
        version=version,
        threshold=spec.costs.threshold,
        features=spec.features,
        metrics=metrics,
        lineage=full_lineage,
    )
    return Champion(artefact=artefact, metrics=metrics, lineage=full_lineage)


def fit(train: Labelled) -> HistGradientBoostingClassifier:
    """Fit the booster on one OpenMP thread; no early stopping, so that the size is known."""
    from sklearn.ensemble import HistGradientBoostingClassifier
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    estimator = HistGradientBoostingClassifier(
        max_iter=TREES,
        max_depth=_TREE_DEPTH,
        max_leaf_nodes=24,
        learning_rate=0.1,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=0,
    )
    with threadpool_limits(limits=1):
        return estimator.fit(train.rows, train.label)


def export_trees(estimator: HistGradientBoostingClassifier) -> scoring.Trees:
    """Flatten the booster's trees; the numpy predictor equals ``predict_proba`` on any rows.

    Reads scikit-learn's private node arrays: there is no public way to them. A test compares the
    predictions, so a change there is seen.
    """
    nodes = [predictor[0].nodes for predictor in estimator._predictors]
    sizes = [len(tree) for tree in nodes]
    roots = np.concatenate(([0], np.cumsum(sizes)[:-1])).astype(np.int32)
    every = np.concatenate(nodes)
    start = np.repeat(roots, sizes)
    leaf = every["is_leaf"].astype(np.bool_)
    own = np.arange(len(every), dtype=np.int64)
    children = np.empty(2 * len(every), dtype=np.int32)
    children[0::2] = np.where(leaf, own, start + every["left"])
    children[1::2] = np.where(leaf, own, start + every["right"])
    return scoring.Trees(
        feature=np.where(leaf, 0, every["feature_idx"]).astype(np.int32),
        threshold=np.where(leaf, 0.0, every["num_threshold"]).astype(np.float64),
        missing_left=every["missing_go_to_left"].astype(np.bool_),
        children=children,
        value=every["value"].astype(np.float64),
        roots=roots,
        baseline=float(estimator._baseline_prediction.item()),
        depth=int(every["depth"].max()),
    )


def evaluate(scores: Floats, label: Labels | Floats, costs: Costs) -> dict[str, float]:
    """Measure scores (n,) against labels (n,) or probabilities; costs are means a row."""
    from sklearn.metrics import average_precision_score

    declined = scores >= costs.threshold
    fraud = label >= 0.5
    missed = float(np.where(declined, 0.0, label).mean()) * costs.missed_fraud
    annoyed = float(np.where(declined, 1.0 - label, 0.0).mean()) * costs.declined_good
    return {
        "average_precision": float(average_precision_score(fraud, scores)) if fraud.any() else 0.0,
        "accuracy": float((declined == fraud).mean()),
        "cost": missed + annoyed,
        "cost_approve_all": float(label.mean()) * costs.missed_fraud,
        "cost_decline_all": float(1.0 - label.mean()) * costs.declined_good,
        "positives": float(label.sum()),
    }


def transaction_sets(
    columns: Columns, label: Labels, *, customer_xy: tuple[Floats, Floats], terminal_xy: tuple[Floats, Floats]
) -> tuple[Labelled, Labelled, TransactionFeatures]:
    """Turn history into (training rows, holdout rows of the last week, features to serve with).

    Every row's aggregates come from the window *before* its week: its own label must not be among
    its features, and a served row is later than its tables, too.
    """
    time_s = np.asarray(columns["event_time_s"], dtype=np.float64)
    end_s = float(np.ceil(time_s.max() / DAY_S)) * DAY_S
    window_s, block_s = WINDOW_DAYS * DAY_S, BLOCK_DAYS * DAY_S
    blocks = int((end_s - window_s) // block_s)
    if blocks < 2:
        raise ValueError(f"history of {end_s / DAY_S:.0f} days is too short; it needs 44")

    def made_at(instant_s: float) -> TransactionFeatures:
        seen = (time_s >= instant_s - window_s) & (time_s < instant_s)
        past = {name: column[seen] for name, column in columns.items()}
        tables = learn_tables(past, label[seen], customer_xy=customer_xy, terminal_xy=terminal_xy)
        return TransactionFeatures(transaction_spec(), tables)

    parts = []
    for block in range(blocks, 0, -1):
        begin_s = end_s - block * block_s
        of_block = (time_s >= begin_s) & (time_s < begin_s + block_s)
        rows = made_at(begin_s).rows_of({name: column[of_block] for name, column in columns.items()})
        parts.append(Labelled(rows, label[of_block]))
    train = Labelled(
        np.concatenate([part.rows for part in parts[:-1]]),
        np.concatenate([part.label for part in parts[:-1]]),
    )
    return train, parts[-1], made_at(end_s)
