"""The floor of a gate: no class keeps less of the good service after a fault than was asked for. Pure.

Comes in: points asked for, recoveries one by one. Goes out: evidence against and in favour, and claims.
What is kept of one episode is 1 - L / tau of docs/score.md; a void one kept nothing for PASS, and does not
count for FAIL.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from math import fsum

from harness.estimates.evalues import MeanEvidence
from harness.verdict.model import Claim, Word
from harness.verdict.outcomes import Recovery


@dataclass(slots=True)
class _Kept:
    against: MeanEvidence
    favour: MeanEvidence
    kept: list[float] = field(default_factory=list)
    unseen: int = 0


class Floor:
    """Evidence about every class; without any asked for it holds and proves nothing."""

    def __init__(self, points: float | None, labels: Iterable[str]) -> None:
        """``points`` of 100; None = no floor is asked for."""
        self._points = points or 0.0
        null = self._points / 100
        self._classes = (
            {label: _Kept(MeanEvidence(null, "less"), MeanEvidence(null, "more")) for label in labels}
            if points is not None
            else {}
        )

    @property
    def is_asked(self) -> bool:
        """Whether there is a floor."""
        return bool(self._classes)

    def add(self, one: Recovery) -> None:
        """Take what one fault left."""
        if one.label not in self._classes:
            return
        found = self._classes[one.label]
        if one.void:
            found.favour.add(0.0)
        elif one.kept_ratio is None:
            found.unseen += 1
        else:
            found.kept.append(one.kept_ratio)
            found.favour.add(one.kept_ratio)
            found.against.add(one.kept_ratio)

    def against(self) -> float:
        """Evidence that some class keeps less: the mean of all, 0 where none is asked for."""
        values = [one.against.value() for one in self._classes.values()]
        return fsum(values) / len(values) if values else 0.0

    def holds(self, limit: float) -> bool:
        """Whether every class is proven to keep as much."""
        return all(one.favour.value() >= limit and not one.unseen for one in self._classes.values())

    def claims(self, *, against: float, limit: float, failed: bool) -> Iterator[Claim]:
        """One claim a class; ``against`` and ``limit``: what evidence must reach for FAIL and for PASS."""
        worst = max(self._classes, key=lambda label: self._classes[label].against.value(), default="")
        for label, one in self._classes.items():
            value = one.favour.value()
            word: Word = "PASS" if value >= limit and not one.unseen else "INCONCLUSIVE"
            if failed and label == worst:
                word = "FAIL"
            told = f"{100 * fsum(one.kept) / len(one.kept):.1f} of {len(one.kept)}" if one.kept else "nothing"
            evidence = f"kept {told}; evidence {value:.3g} of {limit:g}"
            if label == worst:
                evidence += f", against it {self.against():.3g} of {against:g}"
            if one.unseen:
                evidence += f"; {one.unseen} of which it is not known"
            yield Claim(text=f"{label}: keeps at least {self._points:g} points", word=word, evidence=evidence)
