"""One stored campaign as a line of a list and a point of a trend: types alone."""

from __future__ import annotations

import re
from typing import Literal

import msgspec

from harness.estimates.model import Quantile, Share
from harness.experiment.model import Profile

State = Literal["whole", "not over", "damaged"]
_ID = re.compile(r"[a-z0-9][a-z0-9-]{2,63}")


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Point(_Frozen, frozen=True, kw_only=True):
    """One class of one campaign: recovery times given impact, seconds."""

    fault: str
    subject: str
    arm: str
    restart_profile: str
    n: int
    back: Share
    median: Quantile
    p90: Quantile
    horizon_s: float


class Entry(_Frozen, frozen=True, kw_only=True):
    """One campaign. ``id`` is its folder's name; ``word`` its verdict, "" where it has none.

    ``why``: of the verdict, or what is wrong. ``profile`` None: not in the record. ``runs``: how many were
    counted or not; of pairs, all that the table was made of.
    """

    id: str
    kind: Literal["runs", "pairs", ""] = ""
    state: State = "whole"
    title: str = ""
    system: str = ""
    target: str = ""
    pace: str = ""
    started_utc: str = ""
    word: str = ""
    why: str = ""
    seed: int = 0
    runs: int = 0
    harness_version: str = ""
    profile_name: str = ""
    profile: Profile | None = None
    classes: tuple[Point, ...] = ()

    def is_linked(self) -> bool:
        """Whether a page can be made of it.

        >>> [Entry(id=name, state=state).is_linked() for name, state in
        ...     (("kill-1", "whole"), ("<b>", "whole"), ("kill-1", "damaged"))]
        [True, False, False]
        """
        return self.state == "whole" and bool(_ID.fullmatch(self.id))
