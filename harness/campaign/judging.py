"""A campaign's tally and the objectives of its experiment -> one word, by the same rules as a run's. Pure.

Comes in: sums, objectives, what speaks against the instrument. Goes out: ``Verdict``. UNSAFE wins, then VOID
where anything cannot be trusted; FAIL needs evidence against a claim and PASS evidence for all of them. What
a tally does not hold is INCONCLUSIVE and says so: nothing passes because nobody looked.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from harness.campaign.buckets import high_ms, low_ms
from harness.campaign.model import RunRow
from harness.campaign.scoring import outages
from harness.campaign.table import Table, mean_of
from harness.campaign.tally import ArmKey, ArmTally, ClassKey, ClassTally, Tally
from harness.experiment.model import Objective
from harness.units import named, percent_text, seconds_text
from harness.verdict.codes import EXIT_CODE
from harness.verdict.evidence import (
    Judged,
    doubted_availability,
    judge_all,
    judge_mean,
    judge_share,
)
from harness.verdict.judge import about_unmet
from harness.verdict.model import Claim, Verdict, Word

_WORST_FIRST: tuple[Word, ...] = ("VOID", "FAIL", "INCONCLUSIVE", "PASS")
OTHER_WORLD = "done again with the same seed, another world came of"
_NOT_HELD = "a campaign's table does not hold it; `hormesis run --target simulation` judges it"
_OF_A_FIXED_NUMBER = frozenset({"recovery", "availability"})
_NOT_ASKED = "; nothing was broken, so claims about faults were not asked"
_CHOSEN = "the baseline ended it, so what was seen chose how many pairs; ask without --baseline"


def judge_campaign(
    tally: Tally,
    objectives: Sequence[Objective],
    *,
    doubts: Sequence[RunRow],
    unequal: Sequence[str],
    is_cut: bool = False,
    sham_only: bool = False,
) -> Verdict:
    """Judge. ``doubts``: runs with which something is wrong; ``unequal``: those that were another when
    redone. ``is_cut``: what was seen decided how many pairs there are; no interval of a fixed number holds.
    ``sham_only``: nothing was broken, so what is claimed of faults was not asked.
    """
    unsafe = sum(arm.unsafe for arm in tally.arms.values())
    if unsafe:
        told = named([row.name() for row in doubts if row.unsafe])
        return _verdict("UNSAFE", f"a clean state is not proven in {unsafe} runs: {told}")
    if unequal:
        return _verdict("VOID", f"{OTHER_WORLD} {named(unequal)}")
    if doubt := _doubt(tally, doubts):
        return _verdict("VOID", doubt)
    asked = _of_shams(objectives) if sham_only else list(objectives)
    left_out = _NOT_ASKED if asked != list(objectives) else ""
    if not asked:
        void = sum(one.void for one in tally.classes.values())
        told = f"; {void} episodes were void and not counted" if void else ""
        return _verdict("DONE", f"done, nothing claimed{told}{left_out}")
    claims = tuple(claim for objective in asked for claim in _claims(objective, tally, is_cut))
    unmet = ((key, one) for key, one in sorted(tally.classes.items()) if not one.met)
    claims += tuple(about_unmet(_label(key), one.n, key) for key, one in unmet)
    word: Word = next((w for w in _WORST_FIRST if any(c.word == w for c in claims)), "VOID")
    of_word = [f"{c.text} ({c.evidence})" for c in claims if c.word == word]
    return _verdict(word, f"{len(of_word)} of {len(claims)} claims: {named(of_word)}{left_out}", claims)


def _of_shams(objectives: Sequence[Objective]) -> list[Objective]:
    """What of them can be asked where nothing is broken: of recovery and harm nothing."""
    asked = []
    for one in objectives:
        left = msgspec.structs.replace(one, served_within_s=None, harm_left_ratio=None)
        if left == one or left.availability_ratio is not None or left.exactly_once or left.no_acts:
            asked.append(left)
    return asked


def _doubt(tally: Tally, doubts: Sequence[RunRow]) -> str:
    """Why nothing of the campaign may be judged, "" = it may."""
    void = sum(arm.void for arm in tally.arms.values())
    if void:
        runs = void + sum(arm.runs for arm in tally.arms.values())
        told = [f"{row.name()}: {row.why}" for row in doubts if row.why]
        return f"{void} of {runs} runs cannot be trusted: {named(told)}"
    hurt, shams = tally.shams()
    if not tally.classes and not shams:
        return "nothing was measured: no run holds an episode"
    empty = [_label(key) for key, one in sorted(tally.classes.items()) if not one.n]
    if empty:
        return f"nothing was measured of {named(empty)}: every episode is void"
    return outages(hurt, shams)


def doubts_of(table: Table, verdict: Verdict) -> tuple[str, ...]:
    """What the instrument found against itself, as far as no run but all of the campaign is in doubt."""
    shams = [arm.false_impacts for arm in table.arms]
    other = verdict.why if verdict.word == "VOID" and verdict.why.startswith(OTHER_WORLD) else ""
    return tuple(filter(None, (other, outages(sum(s.k for s in shams), sum(s.n for s in shams)))))


def _claims(objective: Objective, tally: Tally, is_cut: bool) -> Iterator[Claim]:
    """One claim a class or arm of the objective; a VOID claim for a part that nothing matches."""
    classes = [(key, one) for key, one in sorted(tally.classes.items()) if _meant(objective, key)]
    arms = [(key, one) for key, one in sorted(tally.arms.items()) if objective.arm in ("", key[0])]
    asked: list[tuple[str, Sequence[Claim]]] = []
    if objective.served_within_s is not None:
        asked.append(("recovery", [_served(objective, key, one) for key, one in classes]))
    if objective.harm_left_ratio is not None:
        asked.append(("harm left", [_not_held(key, "harm left") for key, _ in classes]))
    if objective.availability_ratio is not None:
        asked.append(("availability", [_availability(objective, key, one) for key, one in arms]))
    if objective.exactly_once:
        asked.append(("exactly once", [_once(key, one) for key, one in arms]))
    if objective.no_acts:
        quiet = [(key, one) for key, one in arms if one.quiet.total()]
        asked.append(("acts where nothing is broken", [_quiet(key, one) for key, one in quiet]))
    for what, claims in asked or [("nothing", ())]:
        undecided = is_cut and what in _OF_A_FIXED_NUMBER
        yield from (_chosen(claim) if undecided else claim for claim in claims)
        if not claims:
            yield _about_nothing(what, objective)


def _chosen(claim: Claim) -> Claim:
    """Neither for nor against, where what was seen chose how much was seen; VOID stays."""
    if claim.word == "VOID":
        return claim
    evidence = f"{claim.evidence}; {_CHOSEN}"
    return msgspec.structs.replace(claim, word="INCONCLUSIVE", evidence=evidence, more=None)


def _meant(objective: Objective, key: ClassKey) -> bool:
    fault, _, arm, _ = key
    return objective.fault in ("", fault) and objective.arm in ("", arm)


def _about_nothing(what: str, objective: Objective) -> Claim:
    """A claim that meets no data would pass for ever."""
    where = " ".join(filter(None, (objective.fault, objective.arm and f"in arm {objective.arm}")))
    text = f"claim about {what} of {where or 'all classes'}"
    return Claim(text=text, word="VOID", evidence="nothing that was measured matches it")


def _served(objective: Objective, key: ClassKey, one: ClassTally) -> Claim:
    """Judged by both ends of the bucket that holds the limit: who is in it may have been in time or not."""
    limit_s, least = objective.served_within_s or 0.0, objective.share_ratio
    asked = (
        f"{objective.level} within {seconds_text(limit_s)}"
        f"{', the fault still there,' if objective.while_hurt else ''}"
        f" in at least {least * 100:g} % of episodes"
    )
    if objective.level != "served" or objective.while_hurt:
        return _not_held(key, asked)
    text = f"{_label(key)}: {asked}"
    if limit_s > one.horizon_ms / 1000:
        evidence = f"the horizon ends after {seconds_text(one.horizon_ms / 1000)}"
        return Claim(text=text, word="VOID", evidence=evidence, about=key)
    n = one.met
    absorbed, limit_ms = n - one.hurt, 1000 * limit_s
    surely = absorbed + sum(k for place, k in one.recovered.items() if high_ms(place) < limit_ms)
    perhaps = absorbed + sum(k for place, k in one.recovered.items() if low_ms(place) <= limit_ms)
    strict, kind = (judge_share(back, n, least, void=one.void) for back in (surely, perhaps))
    if strict.word == kind.word or strict.word == "PASS":
        return _claim(text, strict, key)
    evidence = f"{surely} to {perhaps} of {n}: the limit lies within a bucket of 1 %"
    return Claim(text=text, word="INCONCLUSIVE", evidence=evidence, about=key)


def _not_held(key: ClassKey, asked: str) -> Claim:
    return Claim(text=f"{_label(key)}: {asked}", word="INCONCLUSIVE", evidence=_NOT_HELD, about=key)


def _availability(objective: Objective, key: ArmKey, one: ArmTally) -> Claim:
    ratio = objective.availability_ratio or 0.0
    judged = judge_mean(mean_of(one.sham_ppm, 1e-6), ratio)
    counts = one.sham_good, one.sham_units
    text = f"{_where(key)}: availability without faults at least {percent_text(ratio, 2)}"
    return _claim(text, doubted_availability(judged, counts, ratio, repeated=0))


def _once(key: ArmKey, one: ArmTally) -> Claim:
    outcomes: list[bool | None] = [True] * one.once
    outcomes += [False] * (one.audited - one.once) + [None] * one.blind
    return _claim(f"{_where(key)}: every accepted transaction ends exactly once", judge_all(outcomes))


def _quiet(key: ArmKey, one: ArmTally) -> Claim:
    acted, still, blind = one.quiet[True], one.quiet[False], one.quiet[None]
    outcomes: list[bool | None] = [True] * still
    outcomes += [False] * acted + [None] * blind
    return _claim(f"{_where(key)}: no act in a run in which nothing is broken", judge_all(outcomes))


def _claim(text: str, judged: Judged, about: ClassKey | None = None) -> Claim:
    return Claim(text=text, word=judged.word, evidence=judged.evidence, more=judged.more, about=about)


def _label(key: ClassKey) -> str:
    fault, subject, arm, restart_profile = key
    return f"{fault} {subject}, arm {arm}, {restart_profile}"


def _where(key: ArmKey) -> str:
    return f"arm {key[0]}, {key[1]}"


def _verdict(word: Word, why: str, claims: tuple[Claim, ...] = ()) -> Verdict:
    code = EXIT_CODE[word]
    following = "" if word in ("PASS", "DONE") else f"hormesis explain code {code}"
    return Verdict(word=word, exit_code=code, why=why, claims=claims, next=following)
