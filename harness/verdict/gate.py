"""Is a new version worse than a baseline? Evidence that may be looked at after every run. Pure.

Comes in: what may be worse by how much, a baseline, outcomes run by run. Goes out: ``Verdict``. Recovery
times are compared with the baseline's, class by class (``verdict.comparisons``). FAIL: the mean of the
evidence of all classes together, of each alone and of what never recovered reaches its limit at any time.
PASS: every class alone excludes a slow-down, and the share that never recovers is excluded as well. Where a
run is void, its faults count as not recovered for PASS, and not at all for FAIL.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

import msgspec

from harness.estimates.evalues import RateEvidence, ShareEvidence
from harness.experiment.model import Gate
from harness.units import named, percent_text, seconds_text
from harness.verdict.baseline import Baseline
from harness.verdict.codes import EXIT_CODE
from harness.verdict.comparisons import Comparison, Pairs, Ranks, beside_s
from harness.verdict.floor import Floor
from harness.verdict.model import Claim, Verdict, Word
from harness.verdict.outcomes import Recovery, RunOutcome, die_of

ALPHA = 0.05
VOID_MAX_RATIO = 0.05
LOOK_AHEAD_RUNS = 1000


@dataclass(slots=True)
class _Class:
    """One class: times of the baseline, and those so far."""

    before: tuple[float, ...]
    times: list[float] = field(default_factory=list)
    n: int = 0
    void: int = 0


@dataclass(slots=True)
class _Extra:
    """Something else that is asked for: evidence against it and for it, and what was counted."""

    text: str
    unit: str
    against: ShareEvidence | RateEvidence
    favour: ShareEvidence | RateEvidence
    unseen: int = 0
    events: int = 0
    of: float = 0.0
    failed: bool = False


class Scale:
    """Weighs runs one by one; a word that was reached stands, and FAIL wins."""

    def __init__(
        self, gate: Gate, baseline: Baseline, *, baselines: int = 1, is_beside: bool = False
    ) -> None:
        """``baselines``: against how many the same runs are weighed; the error is shared out among them.

        ``is_beside``: the baseline ran beside, run by run (``RunOutcome.beside``).
        """
        self._gate, self._baseline, self._is_beside = gate, baseline, is_beside
        self._classes = {label: _class(times) for label, times in baseline.times_s.items()}
        before = {label: one.before for label, one in self._classes.items()}
        self._compared: Comparison = Pairs(before) if is_beside else Ranks(before)
        never, more = gate.never_ratio, gate.never_excluded_ratio
        self._never = ShareEvidence(never, (more, min(2 * more, (1 + more) / 2)))
        self._back = ShareEvidence(more, (0.0, never))
        self._extras = _extras(gate)
        self._floor = Floor(gate.floor_points, before)
        self.limit = baselines * (1 + len(self._extras) + self._floor.is_asked) / ALPHA
        """What evidence must reach for FAIL: the error is shared out among all that may fail."""
        self.peak, self.runs, self.decided_after = 0.0, 0, 0
        self._below = False
        self.unknown: set[str] = set()
        self.passed = False

    @property
    def against(self) -> str:
        """The campaign that is compared with."""
        return self._baseline.campaign

    @property
    def is_empty(self) -> bool:
        """Whether the baseline holds no time, so that nothing can be weighed."""
        return not (self._classes and all(self._baseline.times_s.values()))

    @property
    def failed(self) -> bool:
        """Whether evidence of something worse was reached."""
        return self.peak >= self.limit or self._below or any(extra.failed for extra in self._extras)

    @property
    def is_decided(self) -> bool:
        """Whether another run is not needed."""
        return self.failed or self.passed

    def add(self, run: RunOutcome) -> None:
        """Weigh one run."""
        self.runs += 1
        for one in run.recoveries:
            if one.label not in self._classes:
                self.unknown.add(one.label)
                continue
            self._add(one, run)
            self._floor.add(one)
        self.peak = max(self.peak, (self._compared.end_run() + self._never.value()) / 3)
        self._below = self._below or self._floor.against() >= self.limit
        for extra in self._extras:
            _count(extra, run)
            extra.failed = extra.failed or extra.against.value() >= self.limit
        self.passed = self.passed or self._all_excluded()
        if self.is_decided and not self.decided_after:
            self.decided_after = self.runs

    def _add(self, one: Recovery, run: RunOutcome) -> None:
        found, gate = self._classes[one.label], self._gate
        time_s = math.inf if one.time_s is None or one.void else one.time_s
        beside = next((other for other in run.beside if other.label == one.label), None)
        other_s = None if beside is None else beside_s(beside.time_s, beside.void)
        self._compared.add(
            one.label,
            None if one.void else min(time_s / gate.slower_ratio, time_s - gate.slower_s),
            min(time_s / gate.excluded_ratio, time_s - gate.excluded_s),
            die_of(run, one.label),
            beside=other_s,
        )
        self._back.add(time_s == math.inf)
        found.n += 1
        found.void += one.void or (self._is_beside and other_s is None)
        if not one.void:
            found.times.append(time_s)
            self._never.add(time_s == math.inf)

    def _all_excluded(self) -> bool:
        values = [self._compared.of(label)[1] for label in self._classes]
        values += [self._back.value(), *(extra.favour.value() for extra in self._extras)]
        seen = not any(extra.unseen for extra in self._extras)
        return min(values) >= 1 / ALPHA and seen and self._floor.holds(1 / ALPHA)

    def missing(self) -> list[str]:
        """Classes of the baseline of which nothing came."""
        return [label for label, one in self._classes.items() if not one.n]

    def void_ratio(self) -> float:
        """Share of faults that cannot be counted, here or beside."""
        void = sum(one.void for one in self._classes.values())
        return void / max(1, sum(one.n for one in self._classes.values()))

    def claims(self, *, named: bool) -> tuple[Claim, ...]:
        """What was weighed, in words: worse or not, class by class, and the rest that was asked for.

        ``named``: with the baseline's name before each.
        """
        claims = (
            self._regression(),
            *(self._excluded(label, one) for label, one in self._classes.items()),
            self._recovers(),
            *self._floor.claims(against=self.limit, limit=1 / ALPHA, failed=self._below),
            *(self._extra(extra) for extra in self._extras),
        )
        before = f"against {self._baseline.campaign}: " if named else ""
        return tuple(msgspec.structs.replace(claim, text=before + claim.text) for claim in claims)

    def _regression(self) -> Claim:
        gate = self._gate
        text = (
            f"no class is slower than {_margin(gate.slower_ratio, gate.slower_s)},"
            f" and no more than {percent_text(gate.never_ratio)} never recover"
        )
        worst = max(self._classes, key=lambda label: self._compared.of(label)[0])
        worse = self.peak >= self.limit
        evidence = f"evidence against it {_evidence(self.peak)} of {self.limit:g}"
        if worse:
            evidence += f"; most in {worst}: {_medians(self._classes[worst])}"
        return Claim(text=text, word="FAIL" if worse else self._otherwise(), evidence=evidence)

    def _otherwise(self) -> Word:
        return "PASS" if self.passed else "INCONCLUSIVE"

    def _excluded(self, label: str, one: _Class) -> Claim:
        gate, value = self._gate, self._compared.of(label)[1]
        text = f"{label}: not slower than {_margin(gate.excluded_ratio, gate.excluded_s)}"
        void = f" and {one.void} void, taken for not recovered" if one.void else ""
        evidence = f"evidence {_evidence(value)} of {1 / ALPHA:g}; {_medians(one)}{void}"
        return Claim(text=text, word=self._word(value), evidence=evidence)

    def _recovers(self) -> Claim:
        value, times = self._back.value(), [time for one in self._classes.values() for time in one.times]
        text = f"fewer than {percent_text(self._gate.never_excluded_ratio)} are not back within the horizon"
        never = times.count(math.inf)
        evidence = f"evidence {_evidence(value)} of {1 / ALPHA:g}; {never} of {len(times)} were not back"
        return Claim(text=text, word=self._word(value), evidence=evidence)

    def _extra(self, extra: _Extra) -> Claim:
        value = extra.favour.value()
        word: Word = "FAIL" if extra.failed else self._word(value)
        against = f"against it {_evidence(extra.against.value())} of {self.limit:g}"
        seen = f"{extra.events} in {extra.of:.4g} {extra.unit}"
        evidence = f"{seen}; evidence {_evidence(value)} of {1 / ALPHA:g}, {against}"
        if extra.unseen and word == "PASS":
            word = "INCONCLUSIVE"
        if extra.unseen:
            evidence += f"; {extra.unseen} runs in which it could not be seen"
        if not extra.of:
            word, evidence = "VOID", "nothing that was measured tells it"
        return Claim(text=extra.text, word=word, evidence=evidence)

    def _word(self, value: float) -> Word:
        return "PASS" if self.passed or value >= 1 / ALPHA else "INCONCLUSIVE"


def judge_gate(scales: Sequence[Scale], runs: Sequence[RunOutcome], *, doubts: Sequence[str] = ()) -> Verdict:
    """Weigh ``runs`` on each fresh scale and judge: UNSAFE wins, then VOID, FAIL, INCONCLUSIVE, PASS.

    ``doubts``: what the instrument found against itself; no other word can be trusted then.
    """
    unsafe = [run.name for run in runs if run.unsafe]
    if unsafe:
        return _verdict("UNSAFE", f"a clean state is not proven in {named(unsafe)}", ())
    if empty := [f"nothing that counts was measured of {one.against}" for one in scales if one.is_empty]:
        return _verdict("VOID", named([*doubts, *empty]), ())
    for scale in scales:
        for run in runs:
            scale.add(run)
    found = [*doubts, *(doubt for doubt in (_doubt(scale, runs) for scale in scales) if doubt)]
    if found:
        return _verdict("VOID", named(found), ())
    several = len(scales) > 1
    claims = [claim for scale in scales for claim in scale.claims(named=several)] + list(_once(runs))
    order: tuple[Word, ...] = ("VOID", "FAIL", "INCONCLUSIVE", "PASS")
    word: Word = next((word for word in order if any(claim.word == word for claim in claims)), "VOID")
    told = [f"{claim.text} ({claim.evidence})" for claim in claims if claim.word == word]
    why = f"{len(told)} of {len(claims)} claims: {named(told)}"
    if word == "INCONCLUSIVE":
        more = _look_ahead(scales, runs)
        claims = [
            msgspec.structs.replace(one, more=more) if one.word == "INCONCLUSIVE" else one for one in claims
        ]
    return _verdict(word, why, tuple(claims))


def _look_ahead(scales: Sequence[Scale], runs: Sequence[RunOutcome]) -> int | None:
    """How many further runs decide it if they go as those seen, in their order; None = no number is known."""
    ahead = copy.deepcopy(list(scales))
    for number, run in enumerate(islice(cycle(runs), LOOK_AHEAD_RUNS), 1):
        for scale in ahead:
            scale.add(msgspec.structs.replace(run, name=f"{run.name} again {number}"))
        if any(scale.failed for scale in ahead) or all(scale.passed for scale in ahead):
            return number
    return None


def _doubt(scale: Scale, runs: Sequence[RunOutcome]) -> str:
    if not runs:
        return "no data: no run with a fault was recorded"
    if len({run.name for run in runs}) != len(runs):
        return "a run stands in the evidence twice"
    if scale.unknown:
        return f"the baseline has nothing of {named(sorted(scale.unknown))}; make a new one"
    if missing := scale.missing():
        return f"nothing was measured of {named(missing)}, which the baseline has"
    share = scale.void_ratio()
    if share > VOID_MAX_RATIO:
        return (
            f"{percent_text(share)} of the faults are void, and at most {percent_text(VOID_MAX_RATIO)} may be"
        )
    return ""


def _once(runs: Sequence[RunOutcome]) -> tuple[Claim, ...]:
    broken = [run.name for run in runs if run.exactly_once is False]
    if not broken:
        return ()
    text = "every accepted transaction ends exactly once"
    return (Claim(text=text, word="FAIL", evidence=f"not in {named(broken)}"),)


def _class(times: Sequence[float | None]) -> _Class:
    return _Class(tuple(math.inf if time_s is None else time_s for time_s in times))


def _extras(gate: Gate) -> tuple[_Extra, ...]:
    found: list[_Extra] = []
    if gate.false_heals_per_h is not None:
        rate = gate.false_heals_per_h
        found.append(
            _Extra(
                f"at most {rate:g} false heals an hour",
                "hours",
                RateEvidence(rate, (2 * rate, 4 * rate, 8 * rate)),
                RateEvidence(rate, (0.0, rate / 4, rate / 2)),
            )
        )
    if gate.harmed_ratio is not None:
        most = gate.harmed_ratio
        found.append(
            _Extra(
                f"at most {percent_text(most)} of runs are harmed by healing",
                "runs",
                ShareEvidence(most, ((1 + 3 * most) / 4, (1 + most) / 2)),
                ShareEvidence(most, (0.0, most / 4, most / 2)),
            )
        )
    return tuple(found)


def _count(extra: _Extra, run: RunOutcome) -> None:
    if isinstance(extra.against, RateEvidence) and isinstance(extra.favour, RateEvidence):
        if run.false_heals is None:
            extra.unseen += 1
            return
        extra.events, extra.of = extra.events + run.false_heals, extra.of + run.quiet_h
        extra.against.add(run.false_heals, run.quiet_h)
        extra.favour.add(run.false_heals, run.quiet_h)
    elif isinstance(extra.against, ShareEvidence) and isinstance(extra.favour, ShareEvidence):
        if run.harmed is None:
            extra.unseen += 1
            return
        extra.events, extra.of = extra.events + run.harmed, extra.of + 1
        extra.against.add(run.harmed)
        extra.favour.add(run.harmed)


def _margin(ratio: float, seconds: float) -> str:
    return f"x{ratio:g}" + (f" and {seconds_text(seconds)}" if seconds else "")


def _medians(one: _Class) -> str:
    now, before = (_middle(times) for times in (one.times, one.before))
    return f"median {now} of {len(one.times)}, {before} of {len(one.before)} in the baseline"


def _middle(times: Sequence[float]) -> str:
    if not times:
        return "none"
    middle = sorted(times)[(len(times) - 1) // 2]
    return "not back" if middle == math.inf else seconds_text(middle)


def _evidence(value: float) -> str:
    return "over 1e6" if value > 1e6 else f"{value:.3g}"


def _verdict(word: Word, why: str, claims: tuple[Claim, ...]) -> Verdict:
    code = EXIT_CODE[word]
    following = "" if word == "PASS" else f"hormesis explain code {code}"
    return Verdict(word=word, exit_code=code, why=why, claims=claims, next=following)
