"""What a world offers: records with what is known of them, one entry a unit."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Offers:
    """Records with their posterior P(y = 1 | x), NaN where unknown, and what will turn out to be true."""

    records: list[dict[str, object]]
    posterior: NDArray[np.float64]
    label: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class MovedOffers(Offers):
    """Offers of a world on the move; ``before``: P(y = 1 | x) of these very records, had it not moved."""

    before: NDArray[np.float64]
