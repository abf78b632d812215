"""Golden rows: records whose right decision is beyond doubt, stored in the template.

They serve the witness as a check of answers: a pipeline that errs on one is broken, not unlucky.
The simulator's lie far from the threshold under the weakest and the strongest P(y|x) that the
knobs allow, and concern customers and terminals that are never compromised where the answer is
"approve"; the champion agrees with a margin.
"""

from __future__ import annotations

from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import BadTemplate
from reference_pipeline.records import APPROVE, DECLINE

GOLDEN_FILE = "golden.json"
GOLDEN_PER_SIDE = 60  # rows of each decision that a template holds at most
GOLDEN_LEAST = 5  # with fewer of a side the template is refused
MARGIN = 2.0  # the champion's odds are this factor away from the threshold's


class Golden(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Records and their one right decision, approvals and declines in turn."""

    records: list[dict[str, object]]
    decisions: list[str]

    def take(self, count: int) -> tuple[list[dict[str, object]], list[str]]:
        """Return ``count`` rows, going round when the template holds fewer."""
        turn = [index % len(self.records) for index in range(count)]
        return [dict(self.records[i]) for i in turn], [self.decisions[i] for i in turn]


def choose_golden(
    *,
    approve: NDArray[np.bool_],
    decline: NDArray[np.bool_],
    scores: NDArray[np.float64],
    threshold: float,
) -> tuple[NDArray[np.int64], list[str]]:
    """Choose among candidates (one entry a row) those the champion agrees on: (rows, decisions).

    Raises:
        BadTemplate: fewer than ``GOLDEN_LEAST`` rows on a side; the champion is unfit.
    """
    odds = scores / np.maximum(1.0 - scores, 1e-12)
    limit = threshold / (1.0 - threshold)
    good = np.flatnonzero(approve & (odds <= limit / MARGIN))[:GOLDEN_PER_SIDE]
    bad = np.flatnonzero(decline & (odds >= limit * MARGIN))[:GOLDEN_PER_SIDE]
    each = min(len(good), len(bad))
    if each < GOLDEN_LEAST:
        raise BadTemplate(
            f"the champion is sure and right on {len(good)} clear approvals and {len(bad)} clear declines; "
            f"golden rows need {GOLDEN_LEAST} of each"
        )
    return np.stack([good[:each], bad[:each]], axis=1).ravel(), [APPROVE, DECLINE] * each


def save_golden(golden: Golden, template: Path) -> None:
    """Write ``golden.json`` into ``template``."""
    (template / GOLDEN_FILE).write_bytes(msgspec.json.encode(golden))


def load_golden(template: Path) -> Golden:
    """Load ``golden.json``.

    Raises:
        BadTemplate: it is missing or damaged.
    """
    path = template / GOLDEN_FILE
    try:
        return msgspec.json.decode(path.read_bytes(), type=Golden)
    except (OSError, msgspec.DecodeError) as error:
        raise BadTemplate(f"{path} cannot be read: {error}; prepare the template anew") from error
