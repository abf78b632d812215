"""What the pipeline would decide as it was prepared: the champion of the template, on its own features.

Comes in: records. Goes out: 1 where it declines, else 0. The world tells it as a reference for what is
decided later: by how much a drift hurt, and how much of that was won back. The model lies in the template a
second time, apart from the registry, which services own and change.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import BadTemplate
from reference_pipeline.features import load_features
from reference_pipeline.records import Record
from reference_pipeline.scoring import load_model

FROZEN_FILE = "frozen.npz"
_BLOCK = 10_000


def save_frozen(artefact: bytes, template: Path) -> None:
    """Write the champion's artefact into ``template``."""
    (template / FROZEN_FILE).write_bytes(artefact)


def frozen_declines(records: Sequence[Record], template: Path) -> NDArray[np.int8]:
    """Tell for each record whether the champion of ``template`` declines it, shape (len(records),).

    Raises:
        BadTemplate: the template has no such model.
    """
    try:
        data = (template / FROZEN_FILE).read_bytes()
    except OSError as error:
        raise BadTemplate(f"{template / FROZEN_FILE}: {error.strerror}; prepare the template anew") from error
    model, features = load_model(data, hashlib.sha256(data).hexdigest()), load_features(template)
    blocks = [
        model.score(features.rows(records[begin : begin + _BLOCK])) >= model.threshold
        for begin in range(0, len(records), _BLOCK)
    ]
    return np.concatenate([np.zeros(0, dtype=np.bool_), *blocks]).astype(np.int8)
