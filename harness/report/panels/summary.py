"""The verdict band: word, sentence, what is undecided and what would settle it, what to type next."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from harness.estimates.model import ClassEstimate
from harness.report import harm, since
from harness.report.document import Document
from harness.report.lengths import given
from harness.report.words import SIGNS, Sign, arm_rank, fault_title, inert
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
    claims: tuple[tuple[Sign, Claim, str], ...]
    more_claims: bool
    told: tuple[str, ...]
    reasons: tuple[Reason, ...]
    more_reasons: bool
    since: since.Told | None
    commands: tuple[str, ...]


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
        claims=tuple((SIGNS[c.word], c, settled_by(c)) for c in claims[:CLAIMS_MAX]),
        more_claims=len(claims) > CLAIMS_MAX,
        told=_told(document) if verdict.word == "DONE" else (),
        reasons=tuple(reasons[:REASONS_MAX]),
        more_reasons=len(reasons) > REASONS_MAX,
        since=since.told(document.past.since) if document.past and document.past.since else None,
        commands=commands(document),
    )


def commands(document: Document) -> tuple[str, ...]:
    """Give what to type next: the verdict's own command, then a comparison with the last time."""
    past = document.past.since if document.past else None
    beside = (
        f"hormesis compare {shlex.quote(inert(past.id))} {shlex.quote(document.campaign)}" if past else ""
    )
    return tuple(words for words in (document.verdict.next, beside) if words)


def settled_by(claim: Claim) -> str:
    """Say what would settle an undecided claim, "" where it is decided or out of reach."""
    if not claim.more:
        return ""
    return f"{claim.more} more would settle it, if they went as those seen"


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


def _back_told(estimate: ClassEstimate) -> str:
    if estimate.recovered.n:
        return f"{estimate.recovered.k} of {estimate.recovered.n} back"
    left = harm.left_of(estimate)
    return f"{harm.mean_ratio(left, '').value} of the harm to decisions left" if left else "no impact"


def main_arm(document: Document) -> str:
    """Name the arm that stands for the system: the one with the most help that ran."""
    arms = {a.arm for a in document.estimates.arms} | {c.arm for c in document.estimates.classes}
    return min(arms, key=arm_rank, default="")


def class_words(estimate: ClassEstimate) -> str:
    """Name a class in one line: fault, service, arm and restart profile."""
    where = f"{fault_title(estimate.fault)}, {estimate.service}"
    return f"{where} · arm {estimate.arm}, {estimate.restart_profile}"
