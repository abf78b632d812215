"""The champion in service: a data-only artefact of flat tree arrays and a numpy predictor.

Comes in: artefact bytes (made by ``training``) and the SHA-256 they must have.
Goes out: scores in [0, 1], decisions and the version. Imports numpy only, so that a restarted
scorer pays no scikit-learn import.
"""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from reference_pipeline.arrays import unpacked
from reference_pipeline.errors import BadArtefact

FORMAT = "hormesis-trees-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trees:
    """Boosted trees as flat arrays over all nodes of all trees.

    ``children`` has two entries a node (left, right; absolute); a leaf is its own child, so a
    walk of ``depth`` steps ends in a leaf whatever its path. ``value`` counts at leaves only.
    """

    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    children: NDArray[np.int32]
    value: NDArray[np.float64]
    roots: NDArray[np.int32]
    baseline: float
    depth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """One loaded model: immutable, identified by ``version`` (semantic version + content hash)."""

    version: str
    sha256: str
    threshold: float
    features: tuple[str, ...]
    metrics: Mapping[str, float]
    lineage: Mapping[str, str]
    trees: Trees

    def score(self, rows: ArrayLike) -> NDArray[np.float64]:
        """Return P(fraud) of each row; ``rows`` is (n, len(features)), NaN where missing.

        Walks all trees of all rows in parallel, one level a step.

        Raises:
            ValueError: ``rows`` is not of that shape.
        """
        return np.asarray(1.0 / (1.0 + np.exp(-self.raw(rows))), dtype=np.float64)

    def raw(self, rows: ArrayLike) -> NDArray[np.float64]:
        """Return the log odds of fraud of each row, as :meth:`score` its probability.

        Raises:
            ValueError: ``rows`` is not of that shape.
        """
        values = np.ascontiguousarray(rows, dtype=np.float64)
        width = len(self.features)
        if values.ndim != 2 or values.shape[1] != width:
            raise ValueError(f"rows have shape {values.shape}; this model needs (n, {width})")
        leaves = _walk(self.trees, values)
        return np.asarray(self.trees.baseline + self.trees.value[leaves].sum(axis=1), dtype=np.float64)

    def decide(self, scores: ArrayLike) -> list[str]:
        """Return "decline" where the score reaches the threshold of the costs, else "approve"."""
        declined = np.asarray(scores, dtype=np.float64) >= self.threshold
        return ["decline" if d else "approve" for d in declined.tolist()]


def load_model(data: bytes, sha256: str) -> Model:
    """Decode artefact bytes after checking that their SHA-256 is ``sha256``.

    Raises:
        BadArtefact: another hash, another format, or arrays that do not fit together.
    """
    found = hashlib.sha256(data).hexdigest()
    if found != sha256:
        raise BadArtefact(f"model bytes have sha256 {found[:12]}.., the registry says {sha256[:12]}..")
    try:
        parts = unpacked(io.BytesIO(data))
        meta = json.loads(parts["meta"].tobytes())
        if meta["format"] != FORMAT:
            raise BadArtefact(f"model format is {meta['format']!r}; this code reads {FORMAT!r}")
        trees = _checked(parts, depth=int(meta["depth"]), width=len(meta["features"]))
        return Model(
            version=f"{meta['version']}+{found[:12]}",
            sha256=found,
            threshold=float(meta["threshold"]),
            features=tuple(meta["features"]),
            metrics=meta["metrics"],
            lineage=meta["lineage"],
            trees=trees,
        )
    except (KeyError, TypeError, ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise BadArtefact(f"model bytes are no {FORMAT} artefact: {error}") from error


LoadModel = Callable[[bytes, str], Model]
"""Decodes an artefact as :func:`load_model` does."""


def dump_model(
    trees: Trees,
    *,
    version: str,
    threshold: float,
    features: Sequence[str],
    metrics: Mapping[str, float],
    lineage: Mapping[str, str],
) -> bytes:
    """Encode a model as an npz without pickles; the same arguments give the same bytes."""
    meta = {
        "format": FORMAT,
        "version": version,
        "threshold": threshold,
        "features": list(features),
        "metrics": dict(metrics),
        "lineage": dict(lineage),
        "depth": trees.depth,
    }
    encoded = json.dumps(meta, sort_keys=True, allow_nan=False).encode()
    buffer = io.BytesIO()
    np.savez(
        buffer,
        feature=trees.feature,
        threshold=trees.threshold,
        missing_left=trees.missing_left,
        children=trees.children,
        value=trees.value,
        roots=trees.roots,
        baseline=np.float64(trees.baseline),
        meta=np.frombuffer(encoded, dtype=np.uint8),
    )
    return buffer.getvalue()


def _walk(trees: Trees, values: NDArray[np.float64]) -> NDArray[np.int32]:
    """Return the leaf of every (row, tree), shape (n, trees)."""
    count, width = values.shape
    flat = values.ravel()
    row_start = np.arange(0, count * width, width, dtype=np.int64)[:, None]
    node = np.broadcast_to(trees.roots, (count, len(trees.roots)))
    missing = bool(np.isnan(flat).any())
    for _ in range(trees.depth):
        value = flat.take(row_start + trees.feature.take(node))
        left = value <= trees.threshold.take(node)
        if missing:  # NaN compares false, so without this it would always go right
            left |= np.isnan(value) & trees.missing_left.take(node)
        node = trees.children.take(2 * node + ~left)
    return node


def _checked(parts: Mapping[str, NDArray[np.generic]], *, depth: int, width: int) -> Trees:
    """Build the trees, refusing indices that point outside (take would raise in mid-service)."""
    trees = Trees(
        feature=np.ascontiguousarray(parts["feature"], dtype=np.int32),
        threshold=np.ascontiguousarray(parts["threshold"], dtype=np.float64),
        missing_left=np.ascontiguousarray(parts["missing_left"], dtype=np.bool_),
        children=np.ascontiguousarray(parts["children"], dtype=np.int32),
        value=np.ascontiguousarray(parts["value"], dtype=np.float64),
        roots=np.ascontiguousarray(parts["roots"], dtype=np.int32),
        baseline=float(np.asarray(parts["baseline"], dtype=np.float64)),
        depth=depth,
    )
    nodes = len(trees.value)
    sizes = {len(trees.feature), len(trees.threshold), len(trees.missing_left), len(trees.children) // 2}
    if sizes != {nodes} or not len(trees.roots):
        raise ValueError("its arrays differ in length")
    for index, end in ((trees.feature, width), (trees.children, nodes), (trees.roots, nodes)):
        if index.min() < 0 or index.max() >= end:
            raise ValueError("its trees point outside of themselves")
    return trees
