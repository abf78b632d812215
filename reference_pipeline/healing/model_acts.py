"""What the healer may do about the model, as values; ``acts`` has the others and the union of all."""

from __future__ import annotations

from typing import Literal

import msgspec


class Train(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="train"):
    """Fit a candidate of ``kind`` on labelled rows above the cursor ``after``."""

    kind: Literal["adapt", "recalibrate", "anew"]
    after: int


class Promote(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="promote"):
    """Let ``version`` serve in the place of ``was``: a candidate, or an older one again.

    ``after``: the cursor of the labels up to which they were compared; what comes later tells if it helped.
    ``by_steps``: it has never served, and takes a part of the traffic first.
    """

    version: str
    was: str
    after: int = 0
    by_steps: bool = False


class Restore(msgspec.Struct, frozen=True, kw_only=True, tag_field="do", tag="restore"):
    """Take a promotion back that did not help: ``version`` serves again."""

    version: str
    was: str
