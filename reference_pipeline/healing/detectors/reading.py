"""What a detector says of one look: nothing to look at, quiet, or an alarm, and what that may lead to."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Says: TypeAlias = Literal["no data", "quiet", "alarm"]
Means: TypeAlias = Literal["moved", "harmed"]


class Reading(msgspec.Struct, frozen=True, kw_only=True):
    """One look of a detector; ``statistic`` and ``threshold`` have the detector's own scale.

    ``means``: what an alarm of it is evidence of. Rows, scores or volume have *moved*: diagnose, hold
    training, quarantine, but never touch the model, since most moves do no harm. Decisions are *harmed*.
    ``window``: over how many batches or labels the statistic is greatest. ``where``: the column or part
    that stands out, ``how``: which of its components, with the sign of its change.
    """

    says: Says
    means: Means
    statistic: float | None = None
    threshold: float | None = None
    window: int = 0
    where: str = ""
    how: str = ""

    @property
    def may_touch_model(self) -> bool:
        """True only for evidence of harm.

        >>> Reading(says="alarm", means="moved").may_touch_model
        False
        """
        return self.says == "alarm" and self.means == "harmed"
