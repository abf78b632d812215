"""Four tiles: the score, its worst class, what never came back, needless healing; then three facts.

Each tile has its interval and what is allowed, or that nothing is; what evidence lacks for says "not yet
proven". All are of the system's own arm, but for what each arm must hold.
"""

from __future__ import annotations

from collections.abc import Sequence

from harness.estimates.model import ArmEstimate, ClassEstimate, Mean
from harness.report import costs, figures, harm
from harness.report.document import Document
from harness.report.lengths import given
from harness.report.panels.points import score_tiles
from harness.report.panels.summary import SEVERITY, Tile, main_arm
from harness.report.words import fault_title
from harness.verdict.model import Claim, Word

NO_LIMIT = "no limit is claimed"
PROVEN: dict[Word, str] = {"INCONCLUSIVE": "not yet proven", "FAIL": "not met", "VOID": "no evidence"}


def tiles(document: Document) -> tuple[Tile, ...]:
    """Give the four key figures of the system's own arm."""
    arm = main_arm(document)
    classes = [c for c in document.estimates.classes if c.arm == arm]
    arms = [a for a in document.estimates.arms if a.arm == arm]
    of = f", arm {arm}" if arm else ""
    claims = [c for c in document.verdict.claims if c.about is None or c.about[2] == arm]
    return (*score_tiles(document), _never(classes, arms, claims, of), _needless(arms, claims, of))


def facts(document: Document) -> tuple[Tile, ...]:
    """Give what else a reader in a hurry asks for: the largest loss, good answers, exactly once."""
    arm = main_arm(document)
    classes = [c for c in document.estimates.classes if c.arm == arm]
    arms = [a for a in document.estimates.arms if a.arm == arm]
    of = f", arm {arm}" if arm else ""
    counted = any(not run.void for run in document.runs)
    once = _once(document.estimates.arms, counted=counted)
    return _worst(classes, of), _available(arms, of), once


def _fault(estimate: ClassEstimate) -> str:
    return f"{fault_title(estimate.fault)}, {estimate.service}"


def _arm(estimate: ClassEstimate | ArmEstimate) -> str:
    return f"arm {estimate.arm}, {estimate.restart_profile}"


def _never(classes: list[ClassEstimate], arms: list[ArmEstimate], claims: Sequence[Claim], of: str) -> Tile:
    """What was not back within its horizon; the limit is that of the worst class."""
    label = f"Never recovered{of}"
    hurt = [c for c in classes if c.never.n]
    if not hurt:
        if not any(c.n for c in classes):
            return Tile(label, "not measured", ("no counted episode",), quiet=True)
        left = [(c, mean) for c in classes if (mean := harm.left_of(c))]
        if left:
            return _left(*max(left, key=lambda one: one[1].mean or 0.0), of)
        return Tile(label, "no impact", ("no fault violated a window of service",), quiet=True)
    claimed = {c.about: c for c in claims if c.asks == "recovery"}
    worst = max(hurt, key=lambda c: (c.never.k / c.never.n, c.never.n, _key(c) in claimed))
    share, whole = worst.never, max((a.never for a in arms), key=lambda s: (s.k, s.n), default=worst.never)
    named = f"worst class {share.k} of {share.n} ({figures.share_interval(share)}): {_fault(worst)}"
    limit = _allowed([claimed[_key(worst)]] if _key(worst) in claimed else [])
    return Tile(label, f"{whole.k} of {whole.n}", (f"{named}, within {given(worst.tau_s)}", limit))


def _key(estimate: ClassEstimate) -> tuple[str, str, str, str]:
    return (estimate.fault, estimate.service, estimate.arm, estimate.restart_profile)


def _allowed(claims: Sequence[Claim]) -> str:
    """Say what is asked of recovery and whether that is proven."""
    asked = [c for c in claims if c.limit_s is not None and c.limit_ratio is not None]
    if not asked:
        return NO_LIMIT
    worst = min(asked, key=lambda c: SEVERITY.index(c.word))
    limit = f"asked: {100 * (worst.limit_ratio or 0.0):g} % back within {given(worst.limit_s or 0.0)}"
    return _proven(limit, [worst])


def _proven(limit: str, claims: Sequence[Claim]) -> str:
    word = min((c.word for c in claims), key=SEVERITY.index)
    return f"{limit} · {PROVEN[word]}" if word in PROVEN else f"{limit} · proven"


def _needless(arms: list[ArmEstimate], claims: Sequence[Claim], of: str) -> Tile:
    """False heals an hour in the worst restart profile; where nobody could see acts there is no figure."""
    label = f"Needless healing{of}"
    known = [(a, a.false_heals) for a in arms if a.false_heals is not None]
    if not known:
        return Tile(label, "not measured", ("no counted run",), quiet=True)
    arm, rate = max(known, key=lambda one: (one[1].k, -one[1].hours))
    figure = costs.heals_figure(rate)
    asked = [c for c in claims if c.asks == "acts where nothing is broken"]
    allowed = _proven("asked: none", asked) if asked else NO_LIMIT
    bound = f" · 95 %: {figure.small}" if figure.small and not figure.quiet else figure.small
    notes = (f"{_arm(arm)}{bound}" if not figure.quiet else f"{_arm(arm)} {bound}", figure.more, allowed)
    return Tile(label, figure.value, tuple(note for note in notes if note), quiet=figure.quiet)


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
