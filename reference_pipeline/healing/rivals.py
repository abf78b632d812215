"""Who could serve instead: versions compared with the one that serves, on rows none of them has learned from.

Comes in: versions with the cursor up to which each has learned, and what all lost on the same rows. Goes out:
the one that is proven to lose less, if there is one. Pure. A version leaves when it is proven to lose more,
cannot be loaded, or decides golden rows wrongly: labels may lie, golden rows do not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from reference_pipeline.healing.detectors.golden import judge_golden
from reference_pipeline.healing.detectors.reading import Reading
from reference_pipeline.healing.model_ports import Compared
from reference_pipeline.rollout import Comparison, compare

RIVALS_MAX = 6
GOLDEN_WRONG_SHARE, GOLDEN_RUN_LENGTH = 0.02, 1e5  # looks to a false alarm, at least


class Better(NamedTuple):
    """A version that is proven to lose less, by how much on how many rows."""

    version: str
    comparison: Comparison


@dataclass(slots=True)
class Rivals:
    """Rivals of one case. ``level``: that any of them all is called better without being so."""

    level: float
    left: dict[str, str] = field(default_factory=dict)
    """Who has left, and why."""
    _in: dict[str, Comparison] = field(default_factory=dict)
    _not_before: dict[str, int] = field(default_factory=dict)

    @property
    def names(self) -> list[str]:
        """Those that compete now, in the order in which they joined."""
        return list(self._in)

    @property
    def not_before(self) -> int:
        """The cursor from which on rows are new to all of them."""
        return max((self._not_before[name] for name in self._in), default=0)

    def join(self, name: str, not_before: int) -> None:
        """Let ``name`` compete on rows above the cursor; the one with the least to show makes room."""
        if name in self.left or name in self._in:
            return
        if len(self._in) >= RIVALS_MAX:
            least = min(self._in, key=lambda other: self._in[other].saved)
            self._leave(least, "others have more to show")
        self._in[name] = Comparison()
        self._not_before[name] = not_before

    def bar(self, names: Iterable[str], why: str) -> None:
        """Let those of ``names`` that compete leave."""
        for name in names:
            self._leave(name, why)

    def take(self, served: str, told: Compared) -> None:
        """Take one page of rows in; nothing where the one that serves could not be asked itself."""
        for name, why in told.refused.items():
            self._leave(name, why)
        if served not in told.losses:
            return
        own = np.array(told.losses[served])
        for name in [name for name in self._in if name in told.losses]:
            self._in[name] = compare(self._in[name], own, np.array(told.losses[name]))
            if self._in[name].word(level=self._each) == "worse":
                self._leave(name, f"it loses more than {served}")
            elif golden_reading(told, name).says == "alarm":
                rows, wrong = told.golden[name]
                self._leave(name, f"it decides {wrong} of {rows} golden rows wrongly")

    def best(self) -> Better | None:
        """Give the version that is proven to lose less; of several the one that saved most."""
        proven = [
            Better(name, one) for name, one in self._in.items() if one.word(level=self._each) == "better"
        ]
        return max(proven, key=lambda better: better.comparison.saved, default=None)

    @property
    def _each(self) -> float:
        """The level of one: with those who join later there may be twice as many as fit at once."""
        return self.level / (2 * RIVALS_MAX)

    def _leave(self, name: str, why: str) -> None:
        if self._in.pop(name, None) is not None:
            self.left[name] = why


def golden_reading(told: Compared, name: str) -> Reading:
    """Judge how ``name`` decides the golden rows: harm for certain, since what is right there is known."""
    rows, wrong = told.golden.get(name, (0, 0))
    return judge_golden(wrong, rows, wrong_share=GOLDEN_WRONG_SHARE, run_length=GOLDEN_RUN_LENGTH)


def soundest(told: Compared, order: Sequence[str], *, level: float) -> str:
    """Give the first of ``order`` that decides golden rows rightly and is not proven worse than another such.

    "" where none does. ``told``: all of them on the newest labelled rows; without such rows the golden ones
    alone decide.
    """
    sound = [name for name in order if name in told.losses and golden_reading(told, name).says == "quiet"]
    if not sound:
        return ""
    lost = {name: np.array(told.losses[name]) for name in sound}
    least = min(sound, key=lambda name: float(lost[name].sum()))
    kept = (
        name for name in sound if compare(Comparison(), lost[least], lost[name]).word(level=level) != "worse"
    )
    return next(kept)
