"""How a gate compares recovery times, class by class: with those of a stored baseline, or beside them. Pure.

Comes in: times run by run, divided by the margin already. Goes out: evidence that a class is slower, and that
a slow-down is excluded.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import fsum, inf
from typing import Protocol

from harness.estimates.evalues import JointEvidence, PairEvidence, RankEvidence, mean_of_exps


class Comparison(Protocol):
    """Evidence of a gate; ``beside``: the time of the same fault in the version beside, None = void there."""

    def add(
        self, label: str, slower: float | None, excluded: float, die: float, *, beside: float | None
    ) -> None:
        """Take one time as it counts for ``slower`` (None = not at all) and for what is excluded."""
        ...

    def end_run(self) -> float:
        """All of one run is in: gives the evidence for slower, of all classes together and of each alone."""
        ...

    def of(self, label: str) -> tuple[float, float]:
        """The evidence of one class: slower, and a slow-down excluded."""
        ...


class Ranks:
    """Times are ranked among those of a stored baseline; classes are taken as independent."""

    def __init__(self, before: Mapping[str, Sequence[float]]) -> None:
        self._slower = {label: RankEvidence(times, "more") for label, times in before.items()}
        self._excluded = {label: RankEvidence(times, "less") for label, times in before.items()}

    def add(
        self, label: str, slower: float | None, excluded: float, die: float, *, beside: float | None
    ) -> None:
        """See ``Comparison``; what ran beside is no part of it."""
        del beside
        self._excluded[label].add(excluded, die)
        if slower is not None:
            self._slower[label].add(slower, die)

    def end_run(self) -> float:
        """See ``Comparison``."""
        each = self._slower.values()
        together = mean_of_exps([sum(logs) for logs in zip(*(one.logs for one in each), strict=True)])
        return together + fsum(one.value() for one in each) / len(each)

    def of(self, label: str) -> tuple[float, float]:
        """See ``Comparison``."""
        return self._slower[label].value(), self._excluded[label].value()


class Pairs:
    """Times are compared with those of the version that ran beside, in an order that a coin decided."""

    def __init__(self, labels: Iterable[str]) -> None:
        labels = tuple(labels)
        self._slower = {label: PairEvidence("more") for label in labels}
        self._excluded = {label: PairEvidence("less") for label in labels}
        self._together = JointEvidence()
        self._stakes: list[float] = []

    def add(
        self, label: str, slower: float | None, excluded: float, die: float, *, beside: float | None
    ) -> None:
        """See ``Comparison``. What is void beside counts as fast as can be against PASS, and not for FAIL."""
        self._excluded[label].add(excluded, 0.0 if beside is None else beside, die)
        if slower is not None and beside is not None:
            self._stakes.append(self._slower[label].add(slower, beside, die))

    def end_run(self) -> float:
        """See ``Comparison``."""
        self._together.add(self._stakes)
        self._stakes = []
        each = self._slower.values()
        return self._together.value() + fsum(one.value() for one in each) / len(each)

    def of(self, label: str) -> tuple[float, float]:
        """See ``Comparison``."""
        return self._slower[label].value(), self._excluded[label].value()


def beside_s(time_s: float | None, void: bool) -> float | None:
    """A time as it stands beside another: infinite where it is not back, None where it is void.

    >>> beside_s(None, False), beside_s(None, True), beside_s(2.0, False)
    (inf, None, 2.0)
    """
    return None if void else inf if time_s is None else time_s
