"""The first screen: verdict band and four tiles. It must suffice for a reader in a hurry."""

from __future__ import annotations

from dataclasses import dataclass

from harness.estimates.model import ArmEstimate, ClassEstimate, Mean
from harness.report import figures, harm
from harness.report.document import Document
from harness.report.lengths import given
from harness.report.words import SIGNS, Sign, arm_rank, fault_title
from harness.verdict.model import Claim, Word

CLAIMS_MAX = 10  # so many claims are read in the band; report.json has them all
SEVERITY: tuple[Word, ...] = ("UNSAFE", "FAIL", "VOID", "INCONCLUSIVE", "PASS", "DONE")
TOLD_MAX = 4  # faults told in a sentence each
REASONS_MAX = 5  # so many void or unsafe runs are named in the band; the table of runs has them all


@dataclass(frozen=True, slots=True)
class Reason:
    """Why one run may not be counted, or was not proven clean."""

    word: str
    run_id: str
    why: str


@dataclass(frozen=True, slots=True)
class Band:
    """The verdict: word, sign, sentence, what each claim rests on, what to type next."""

    word: str
    sign: Sign
    why: str
    claims: tuple[tuple[Sign, Claim], ...]
    more_claims: bool
    told: tuple[str, ...]
    reasons: tuple[Reason, ...]
    more_reasons: bool
    next: str


@dataclass(frozen=True, slots=True)
class Tile:
    """One key figure: what it is, the value, and the small print that makes it honest."""

    label: str
    value: str
    notes: tuple[str, ...]
    quiet: bool = False


def band(document: Document) -> Band:
    """Take the verdict as it is; what failed is named before what holds, unsafe runs before void ones."""
    unsafe = [Reason("unsafe", r.run_id, r.unsafe) for r in document.runs if r.unsafe]
    void = [Reason("void", r.run_id, r.void) for r in document.runs if r.void and not r.unsafe]
    verdict = document.verdict
    reasons = [r for r in (*unsafe, *void) if r.run_id not in verdict.why]  # what the sentence says, it says
    claims = sorted(verdict.claims, key=lambda c: SEVERITY.index(c.word))
    return Band(
        word=verdict.word,
        sign=SIGNS[verdict.word],
        why=verdict.why,
        claims=tuple((SIGNS[c.word], c) for c in claims[:CLAIMS_MAX]),
        more_claims=len(claims) > CLAIMS_MAX,
        told=_told(document) if verdict.word == "DONE" else (),
        reasons=tuple(reasons[:REASONS_MAX]),
        more_reasons=len(reasons) > REASONS_MAX,
        next=verdict.next,
    )


def _told(document: Document) -> tuple[str, ...]:
    """Tell what was seen where the file claims nothing: each fault, each arm, how many came back."""
    faults: dict[tuple[str, str], list[ClassEstimate]] = {}
    for estimate in sorted(document.estimates.classes, key=lambda c: (arm_rank(c.arm), c.restart_profile)):
        faults.setdefault((estimate.fault, estimate.service), []).append(estimate)
    return tuple(_told_of(members) for members in list(faults.values())[:TOLD_MAX])


def _told_of(members: list[ClassEstimate]) -> str:
    both = len({c.restart_profile for c in members}) > 1
    parts = []
    for c in members:
        arm = f"arm {c.arm}, {c.restart_profile}" if both else f"arm {c.arm}"
        back = _back_told(c)
        if c.lasts_s is not None and c.recovered.k > c.mitigated.k:
            early = c.mitigated.k
            back += f", {early} of them before the fault ended" if early else ", but only as the fault ended"
        parts.append(f"{back} ({arm})")
    first = members[0]
    title = f"{fault_title(first.fault)}, {first.service}"
    return f"{title}: {'; '.join(parts)}, within {given(first.tau_s)}."


def _harm_left(estimate: ClassEstimate) -> Mean | None:
    """How much of the harm to decisions was left at the end; None where none could be told."""
    found = estimate.decisions
    return found.left if found is not None and found.told else None


def _back_told(estimate: ClassEstimate) -> str:
    if estimate.recovered.n:
        return f"{estimate.recovered.k} of {estimate.recovered.n} back"
    left = _harm_left(estimate)
    return f"{harm.mean_ratio(left, '').value} of the harm to decisions left" if left else "no impact"


def main_arm(document: Document) -> str:
    """Name the arm that stands for the system: the one with the most help that ran."""
    arms = {a.arm for a in document.estimates.arms} | {c.arm for c in document.estimates.classes}
    return min(arms, key=arm_rank, default="")


def tiles(document: Document) -> tuple[Tile, ...]:
    """Give the four key figures; the first three are of the system's own arm, and each names its arm."""
    arm = main_arm(document)
    classes = [c for c in document.estimates.classes if c.arm == arm]
    arms = [a for a in document.estimates.arms if a.arm == arm]
    of = f", arm {arm}" if arm else ""
    counted = any(not run.void for run in document.runs)
    return (
        _worst(classes, of),
        _back(classes, of),
        _available(arms, of),
        _once(document.estimates.arms, counted=counted),
    )


def class_words(estimate: ClassEstimate) -> str:
    """Name a class in one line: fault, service, arm and restart profile."""
    return f"{_fault(estimate)} · {_arm(estimate)}"


def _fault(estimate: ClassEstimate) -> str:
    return f"{fault_title(estimate.fault)}, {estimate.service}"


def _arm(estimate: ClassEstimate | ArmEstimate) -> str:
    return f"arm {estimate.arm}, {estimate.restart_profile}"


def _worst(classes: list[ClassEstimate], of: str) -> Tile:
    label = f"Most service lost to a fault{of}"
    known = [c for c in classes if c.lost_s.mean is not None]
    if not known:
        return Tile(label, "not measured", ("no counted episode",), quiet=True)
    worst = max(known, key=lambda c: c.lost_s.mean or 0.0)
    figure = figures.lost_figure(worst.lost_s, worst.recovered)
    sham = figures.mean_seconds(worst.sham_lost_s, "not measured")
    small = figure.small if worst.lost_s.low is None else f"95 %: {figure.small}"
    return Tile(label, figure.value, (_fault(worst), f"{_arm(worst)} · {small}", f"sham: {sham.value}"))


def _back(classes: list[ClassEstimate], of: str) -> Tile:
    label = f"Back in time{of}"
    known = [c for c in classes if c.recovered.n > 0]
    if not known:
        if not any(c.n for c in classes):
            return Tile(label, "not measured", ("no counted episode",), quiet=True)
        hurt = [(c, left) for c in classes if (left := _harm_left(c))]
        if hurt:
            return _left(*max(hurt, key=lambda one: one[1].mean or 0.0), of)
        return Tile(label, "no impact", ("no fault violated a window of service",), quiet=True)
    worst = min(known, key=lambda c: (c.recovered.k / c.recovered.n, -c.recovered.n))
    share = worst.recovered
    return Tile(
        f"Back within {given(worst.tau_s)}, worst class{of}",
        f"{share.k} of {share.n}",
        (_fault(worst), f"{_arm(worst)} · 95 %: {figures.share_interval(share)}"),
    )


def _left(worst: ClassEstimate, left: Mean, of: str) -> Tile:
    """Where no window of service was violated, decisions are the question."""
    figure = harm.mean_ratio(left, "not resolvable")
    return Tile(
        f"Harm to decisions left at the end, worst class{of}",
        figure.value,
        (_fault(worst), f"{_arm(worst)} · {figure.small}", "no fault violated a window of service"),
    )


def _available(arms: list[ArmEstimate], of: str) -> Tile:
    label = f"Good answers, faults included{of}"
    known = [a for a in arms if a.fault_availability.mean is not None]
    if not known:
        return Tile(label, "not measured", ("no counted run with faults",), quiet=True)
    worst = min(known, key=lambda a: a.fault_availability.mean or 0.0)
    figure = figures.mean_percent(worst.fault_availability, "not measured")
    sham = figures.mean_percent(worst.sham_availability, "not measured")
    small = figure.small if worst.fault_availability.low is None else f"95 %: {figure.small}"
    return Tile(label, figure.value, (f"{_arm(worst)} · {small}", f"without faults (sham): {sham.value}"))


def _once(arms: tuple[ArmEstimate, ...], *, counted: bool) -> Tile:
    label = "Exactly once, worst arm"
    known = [a for a in arms if a.exactly_once.n > 0]
    if not counted:
        return Tile(label, "not measured", ("no run counted",), quiet=True)
    if not known:
        return Tile(label, "not observable", ("no ids are listed, or a run says why",), quiet=True)
    worst = min(known, key=lambda a: (a.exactly_once.k / a.exactly_once.n, -a.exactly_once.n))
    share = worst.exactly_once
    return Tile(
        label, f"{share.k} of {share.n}", (f"runs of {_arm(worst)}", f"95 %: {figures.share_interval(share)}")
    )
