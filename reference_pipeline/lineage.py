"""Where a version comes from: hashes of the code and of the data that made it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline import aggregates, features, scoring


def code_hash(*more: str) -> str:
    """Return the SHA-256 of the code that decides what a model is: features, predictor and files ``more``."""
    digest = hashlib.sha256()
    for source in (aggregates.__file__, features.__file__, scoring.__file__, *more):
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()


def data_hash(rows: NDArray[np.generic], label: NDArray[np.generic]) -> str:
    """Return the SHA-256 of rows and labels, shapes left out: they follow from the features."""
    digest = hashlib.sha256(np.ascontiguousarray(rows).tobytes())
    digest.update(np.ascontiguousarray(label).tobytes())
    return digest.hexdigest()
