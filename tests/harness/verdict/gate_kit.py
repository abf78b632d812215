"""Gates that are asked again and again about systems whose truth is known: lognormal recoveries by class."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from harness.experiment.model import Gate
from harness.verdict.baseline import Baseline, Kind
from harness.verdict.gate import Scale
from harness.verdict.ledger import Entry, Ledger, Week, continued
from harness.verdict.outcomes import Recovery, RunOutcome

KIND = Kind(
    pack_sha256="p",
    system="s",
    arm="reference",
    target="simulation",
    fidelity="exact",
    pace="dense",
    harness_version="1",
)
MEDIAN_S, CLASSES, BASELINE_N, CAP = 10.0, 4, 40, 30
"""``CAP``: injections a class at most; ``BASELINE_N``: how many the baseline has of each."""


@dataclass(frozen=True, slots=True)
class Truth:
    """What is true of a version: by how much each class is slower, and how often nothing recovers."""

    slower: Sequence[float] = (1.0,) * CLASSES
    never_ratio: float = 0.01
    sigma: float = 0.5


@dataclass(frozen=True, slots=True)
class Told:
    """How often a gate said what, and after how many injections on average."""

    words: Counter[str]
    mean_n: float


def baseline_of(times_s: dict[str, Sequence[float | None]]) -> Baseline:
    """A baseline with these times."""
    times = {label: tuple(times) for label, times in times_s.items()}
    return Baseline(kind=KIND, campaign="before", seed=1, made_utc="2026-11-24T00:00:00Z", times_s=times)


def draw(rng: np.random.Generator, truth: Truth, number: int) -> float | None:
    """One recovery of class ``number``."""
    if rng.random() < truth.never_ratio:
        return None
    return MEDIAN_S * truth.slower[number] * math.exp(truth.sigma * rng.standard_normal())


def drawn_baseline(rng: np.random.Generator, truth: Truth, classes: int = CLASSES) -> Baseline:
    """What a sound version did before."""
    return baseline_of(
        {f"class {c}": [draw(rng, truth, c) for _ in range(BASELINE_N)] for c in range(classes)}
    )


def ask(rng: np.random.Generator, scale: Scale, truth: Truth, name: str) -> int:
    """Inject class after class until the gate has a word, or to the cap; gives how many it took."""
    for n in range(CAP * len(truth.slower)):
        number = n % len(truth.slower)
        recovery = Recovery(label=f"class {number}", time_s=draw(rng, truth, number))
        scale.add(RunOutcome(name=f"{name} {n}", recoveries=(recovery,)))
        if scale.is_decided:
            return n + 1
    return CAP * len(truth.slower)


def study(truth: Truth, times: int, seed: int) -> Told:
    """Ask ``times`` gates, each with a baseline of its own, about a version of which ``truth`` is true."""
    rng, words, injections = np.random.default_rng(seed), Counter[str](), 0
    sound = Truth(slower=(1.0,) * len(truth.slower), sigma=truth.sigma)
    for n in range(times):
        scale = Scale(Gate(), drawn_baseline(rng, sound, len(truth.slower)))
        injections += ask(rng, scale, truth, f"{seed} {n}")
        words["FAIL" if scale.failed else "PASS" if scale.passed else "INCONCLUSIVE"] += 1
    return Told(words, injections / times)


def ledger_study(truth: Truth, times: int, seed: int) -> Told:
    """Ask like ``study``, but week by week through a ledger: each ends and goes on when it likes.

    A week has one to eight runs, and who looks stops with a chance of one in fifty whatever the word is: the
    ledger must not be wrong more often for that.
    """
    rng, words, injections = np.random.default_rng(seed), Counter[str](), 0
    sound = Truth(slower=(1.0,) * len(truth.slower), sigma=truth.sigma)
    for n in range(times):
        baseline = drawn_baseline(rng, sound, len(truth.slower))
        start = Entry(kind=KIND, revision_sha256="r", baseline_sha256=baseline.sha256)
        ledger, word, done = Ledger(), "INCONCLUSIVE", 0
        while done < CAP * len(truth.slower):
            size = int(rng.integers(1, 9))
            runs = tuple(_week(rng, truth, f"{seed} {n}", range(done, done + size)))
            done += size
            week = Week(campaign=f"{n} {done}", seed=done, digest="", runs=runs)
            ledger, entry = continued(ledger, start, week)
            scale = Scale(Gate(), baseline)
            for run in entry.runs():
                scale.add(run)
            word = "FAIL" if scale.failed else "PASS" if scale.passed else "INCONCLUSIVE"
            if scale.failed or rng.random() < STOP_RATIO:
                break
        words[word] += 1
        injections += done
    return Told(words, injections / times)


def beside_study(truth: Truth, times: int, seed: int, *, jump: float = 0.0) -> Told:
    """Ask about a version that ran beside the sound one, each pair in an order that a coin decided.

    All classes of a pair share its coin. ``jump``: the machine is slower by this much (log) in the first or
    in the second half of every pair, of which of them is by chance.
    """
    rng, words, injections = np.random.default_rng(seed), Counter[str](), 0
    sound = Truth(slower=(1.0,) * len(truth.slower), sigma=truth.sigma, never_ratio=0.01)
    labels = [f"class {number}" for number in range(len(truth.slower))]
    for n in range(times):
        scale = Scale(Gate(), baseline_of({label: [MEDIAN_S] for label in labels}), is_beside=True)
        done = 0
        while done < CAP and not scale.is_decided:
            scale.add(_pair(rng, (truth, sound), f"{seed} {n} {done}", jump=jump))
            done += 1
        injections += done * len(labels)
        words["FAIL" if scale.failed else "PASS" if scale.passed else "INCONCLUSIVE"] += 1
    return Told(words, injections / times)


def _pair(rng: np.random.Generator, truths: tuple[Truth, Truth], name: str, *, jump: float) -> RunOutcome:
    factors = np.exp([jump, 0.0]) if rng.random() < 0.5 else np.exp([0.0, jump])
    first = int(rng.random() < 0.5)  # the coin: which half of the pair is ours
    ours, theirs = (
        tuple(
            Recovery(label=f"class {number}", time_s=None if time_s is None else time_s * float(factor))
            for number in range(len(truth.slower))
            for time_s in (draw(rng, truth, number),)
        )
        for truth, factor in zip(truths, (factors[first], factors[1 - first]), strict=True)
    )
    return RunOutcome(name=name, recoveries=ours, beside=theirs)


STOP_RATIO = 0.02


def _week(rng: np.random.Generator, truth: Truth, name: str, places: range) -> Iterator[RunOutcome]:
    for place in places:
        number = place % len(truth.slower)
        recovery = Recovery(label=f"class {number}", time_s=draw(rng, truth, number))
        yield RunOutcome(name=f"{name} {place}", recoveries=(recovery,))
