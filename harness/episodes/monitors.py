"""What monitors that need no labels would have seen of a fault.

Comes in: nothing; these are types. Next: ``episodes.confidence`` fills them, ``episodes.model`` holds them.
"""

from __future__ import annotations

import msgspec


class Confidence(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a monitor of confidence saw, in means of max(p, 1 - p) over answers, p their scores.

    ``reference``: of the last ``WINDOW`` before the first fault of the run (``episodes.confidence``).
    ``lowest``: of so many in a row, in the episode; ``fires``: that is more than ``FALL_RATIO`` below.
    ``there``: of all ``answers`` that came while the fault was there, None = none did; of a fault that set a
    model ``version`` of the answers by that one, whenever they came, None = fewer than ``ANSWERS_MIN`` did.
    """

    reference: float
    lowest: float
    answers: int
    there: float | None
    fires: bool
    version: str = ""
