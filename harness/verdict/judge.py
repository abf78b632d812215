"""The whole of STAGE 7: facts, estimates and the file's objectives -> one word.

UNSAFE wins; then VOID, where anything that ran cannot be trusted, is missing, or measured nothing;
then the objectives: FAIL beats INCONCLUSIVE, and PASS needs evidence for every claim. A file without
objectives ends DONE: nothing is claimed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from harness.episodes.acts import sees_acts
from harness.episodes.model import NOT_EXERCISED, Decided, Episode, Level, RunFacts
from harness.estimates.estimate import counted
from harness.estimates.model import ClassEstimate, Estimates
from harness.experiment.model import Objective
from harness.units import NAMED_MAX, named, percent_text, plural, seconds_text
from harness.verdict.codes import EXIT_CODE
from harness.verdict.evidence import Judged, doubted_availability, judge_all, judge_mean, judge_share
from harness.verdict.model import Asks, Claim, Verdict, Word

_WORST_FIRST: tuple[Word, ...] = ("VOID", "FAIL", "INCONCLUSIVE", "PASS")
PLACEBO = "placebo."


def judge(
    estimates: Estimates,
    facts: Sequence[RunFacts],
    objectives: Sequence[Objective],
    *,
    campaign_id: str,
    planned_runs: int,
    doubts: Sequence[str] = (),
    repeated: int = 0,
) -> Verdict:
    """Judge a campaign. ``planned_runs`` is how many histories there must be.

    ``doubts``: what the instrument found against itself (outages in sham runs, pairs that are none);
    ``repeated``: runs done again because their baseline was not met, which hides unavailability.
    """
    unsafe = [f"{run.run_id}: {run.unsafe}" for run in facts if run.unsafe]
    if unsafe:
        return _verdict("UNSAFE", f"a clean state is not proven in {named(unsafe)}", (), campaign_id)
    doubt = _doubt(estimates, facts, planned_runs) or "; ".join(doubts)
    if doubt:
        return _verdict("VOID", doubt, (), campaign_id)
    if not objectives:
        return _verdict("DONE", _done(estimates), (), campaign_id)
    claims = tuple(c for objective in objectives for c in _claims(objective, estimates, facts, repeated))
    unmet = (c for c in estimates.classes if c.n == c.ended_by.get(NOT_EXERCISED))
    claims += tuple(about_unmet(_label(c), c.n, _key(c)) for c in unmet)
    word: Word = next((w for w in _WORST_FIRST if any(c.word == w for c in claims)), "VOID")
    return _verdict(word, _why(word, claims), claims, campaign_id)


def _doubt(estimates: Estimates, facts: Sequence[RunFacts], planned_runs: int) -> str:
    """Why nothing of the campaign may be judged; empty = it may."""
    if not facts:
        return f"no data: 0 of {planned_runs} planned runs were recorded"
    void: dict[str, list[str]] = {}
    for run in facts:
        if run.void or not run.complete:
            void.setdefault(run.void or "not complete", []).append(run.run_id)
    if void:
        count = sum(map(len, void.values()))
        told = [f"{', '.join(runs[:NAMED_MAX])}: {why}" for why, runs in void.items()]
        return f"{count} of {len(facts)} runs cannot be trusted: {named(told)}"
    if len(facts) != planned_runs:
        return f"{len(facts)} runs were recorded and {planned_runs} were planned"
    if len({run.run_id for run in facts}) != len(facts):
        return "a run stands in the campaign twice"
    if not estimates.classes:
        return "nothing was measured: no run holds an episode with a fault"
    empty = [_label(c) for c in estimates.classes if c.n == 0]
    return f"nothing was measured of {named(empty)}: every episode is void" if empty else ""


def _done(estimates: Estimates) -> str:
    void = sum(c.void for c in estimates.classes)
    return "done, nothing claimed" + (f"; {void} episodes were void and not counted" if void else "")


def _claims(
    objective: Objective, estimates: Estimates, facts: Sequence[RunFacts], repeated: int
) -> Iterator[Claim]:
    """One claim a class, arm or set of runs of the objective; a VOID claim for a part without any."""
    where = " ".join(part for part in (objective.fault, objective.arm and f"in arm {objective.arm}") if part)
    parts: dict[Asks, tuple[bool, Iterator[Claim]]] = {
        "recovery": (objective.served_within_s is not None, _served_claims(objective, estimates, facts)),
        "harm left": (objective.harm_left_ratio is not None, _harm_claims(objective, estimates, facts)),
        "availability": (
            objective.availability_ratio is not None,
            _availability_claims(objective, estimates, facts, repeated),
        ),
        "exactly once": (objective.exactly_once, _once_claims(objective, facts)),
        "acts where nothing is broken": (objective.no_acts, _quiet_claims(objective, facts)),
    }
    asked = {what: tuple(claims) for what, (is_asked, claims) in parts.items() if is_asked}
    if not asked:
        yield _about_nothing(f"nothing of {where or 'all classes'}")
    for what, claims in asked.items():
        for claim in claims or (_about_nothing(f"{what} of {where or 'all classes'}"),):
            yield _limited(claim, what, objective)


def _limited(claim: Claim, asks: Asks, objective: Objective) -> Claim:
    """Say what a claim is held against as numbers, beside its words."""
    ratios = {
        "recovery": objective.share_ratio,
        "harm left": objective.harm_left_ratio,
        "availability": objective.availability_ratio,
    }
    limit_s = objective.served_within_s if asks == "recovery" else None
    return msgspec.structs.replace(claim, asks=asks, limit_s=limit_s, limit_ratio=ratios.get(asks))


def about_unmet(label: str, n: int, about: tuple[str, str, str, str]) -> Claim:
    """Where nothing met any fault of a class, nothing that holds was held against it."""
    evidence = f"in none of {n} episodes"
    return Claim(text=f"{label}: something meets the fault", word="VOID", evidence=evidence, about=about)


def _about_nothing(what: str) -> Claim:
    """A claim that meets no data would pass for ever."""
    return Claim(text=f"claim about {what}", word="VOID", evidence="nothing that was measured matches it")


def _served_claims(objective: Objective, estimates: Estimates, facts: Sequence[RunFacts]) -> Iterator[Claim]:
    limit_s = objective.served_within_s or 0.0
    for c in estimates.classes:
        if objective.fault not in ("", c.fault) or objective.arm not in ("", c.arm):
            continue
        kept = [e for r in facts for e in r.episodes if _of_class(r, e, c) and counted(r, e)]
        # A fault that nothing met shows nothing; where it was felt, something met it later.
        episodes = [e for e in kept if e.exercised or _level(e, objective).impact_s is not None]
        back = sum(_back_within(e, limit_s, objective) for e in episodes)
        at_least = f"in at least {objective.share_ratio * 100:g} % of episodes"
        held = ", the fault still there," if objective.while_hurt else ""
        text = f"{_label(c)}: {objective.level} within {seconds_text(limit_s)}{held} {at_least}"
        if limit_s > c.tau_s:
            # Recovery is looked for until tau alone: later, "not yet" and "never" look the same.
            evidence = f"the horizon ends after {seconds_text(c.tau_s)}"
            yield Claim(text=text, word="VOID", evidence=evidence, about=_key(c))
            continue
        judged = judge_share(back, len(episodes), objective.share_ratio, void=c.void, widened=_widened(c))
        relapsed = sum(_level(e, objective).flaps > 0 for e in episodes)
        runs = sum(any(_of_class(r, e, c) and counted(r, e) for e in r.episodes) for r in facts)
        told = f"; {relapsed} lost again later" if relapsed else ""
        idle = len(kept) - len(episodes)
        told += f"; {idle} not exercised and not counted" if idle else ""
        seen = f"{judged.evidence}, in {plural(runs, 'run')}"
        yield _claim(text, Judged(judged.word, f"{seen}{told}", judged.more), _key(c))


def _harm_claims(objective: Objective, estimates: Estimates, facts: Sequence[RunFacts]) -> Iterator[Claim]:
    """Whether decisions became right again; which episodes say something does not depend on any answer.

    An episode whose decisions cannot be judged hides the worst cases, as a void one; in one whose move cost
    nothing there was nothing to win back.
    """
    limit = objective.harm_left_ratio or 0.0
    for c in estimates.classes:
        if objective.fault != c.fault or objective.arm not in ("", c.arm):
            continue
        kept = [e.decided for r in facts for e in r.episodes if _of_class(r, e, c) and counted(r, e)]
        known = [d for d in kept if d is not None and not d.why and _to_the_end(d, c.tau_s)]
        left = [d.last.left_ratio for d in known if d.last is not None and d.last.left_ratio is not None]
        text = (
            f"{_label(c)}: at most {percent_text(limit)} of the harm left by the horizon"
            f" in at least {objective.share_ratio * 100:g} % of episodes"
        )
        why = next((d.why for d in kept if d is not None and d.why), "")
        if not known:
            why = why or "the system does not tell what is true of its records, or what decisions cost"
            yield Claim(text=text, word="VOID", evidence=why, about=_key(c))
            continue
        if not left:
            evidence = f"in none of {len(known)} episodes did the move cost anything that could be told"
            yield Claim(text=text, word="VOID", evidence=evidence, about=_key(c))
            continue
        hidden = len(kept) - len(known)
        judged = judge_share(
            sum(one <= limit for one in left),
            len(left),
            objective.share_ratio,
            void=c.void + hidden,
            widened=_widened(c),
        )
        idle = len(known) - len(left)
        told = f"; {idle} in which no harm could be told at the end, not counted" if idle else ""
        unanswered = sum(d.unanswered for d in known), sum(d.n + d.unanswered for d in known)
        told += f"; {unanswered[0]} of {unanswered[1]} decisions never came" if unanswered[0] else ""
        yield _claim(text, Judged(judged.word, f"{judged.evidence}{told}", judged.more), _key(c))


def _to_the_end(decided: Decided, tau_s: float) -> bool:
    """Whether the last decisions are those before the horizon; what stopped answering has none there."""
    return not decided.unanswered or (decided.last is not None and decided.last.until_s >= 0.9 * tau_s)


def _of_class(run: RunFacts, episode: Episode, c: ClassEstimate) -> bool:
    here = (episode.kind, episode.service, run.arm, run.restart_profile)
    return not run.sham and here == (c.fault, c.service, c.arm, c.restart_profile)


def _level(episode: Episode, objective: Objective) -> Level:
    return episode.full if objective.level == "full" else episode.served


def _back_within(episode: Episode, limit_s: float, objective: Objective) -> bool:
    """Whether service was back in time; what was absorbed was never away."""
    level = _level(episode, objective)
    if level.impact_s is None:
        return True
    held = episode.full_mitigated if objective.level == "full" else episode.mitigated
    in_time = level.recovered_s is not None and level.recovered_s <= limit_s
    return in_time and (held is True or not objective.while_hurt)


def _availability_claims(
    objective: Objective, estimates: Estimates, facts: Sequence[RunFacts], repeated: int
) -> Iterator[Claim]:
    ratio = objective.availability_ratio or 0.0
    for arm in estimates.arms:
        if objective.arm in ("", arm.arm):
            where = f"arm {arm.arm}, {arm.restart_profile}"
            text = f"{where}: availability without faults at least {percent_text(ratio, 2)}"
            judged = judge_mean(arm.sham_availability, ratio)
            shams = [
                r for r in facts if r.sham and (r.arm, r.restart_profile) == (arm.arm, arm.restart_profile)
            ]
            counts = sum(r.good_units for r in shams), sum(r.units for r in shams)
            yield _claim(text, doubted_availability(judged, counts, ratio, repeated))


def _once_claims(objective: Objective, facts: Sequence[RunFacts]) -> Iterator[Claim]:
    runs = [run for run in facts if objective.arm in ("", run.arm)]
    if runs:
        where = f"arm {objective.arm}: " if objective.arm else ""
        text = f"{where}every accepted transaction ends exactly once"
        yield _claim(text, judge_all([run.exactly_once for run in runs]))


def _quiet_claims(objective: Objective, facts: Sequence[RunFacts]) -> Iterator[Claim]:
    """Acts are counted by observers: where one was blind, none seen is not none done."""
    runs = [run for run in facts if objective.arm in ("", run.arm) and _nothing_broken(run)]
    if runs:
        where = f"arm {objective.arm}: " if objective.arm else ""
        seen = [False if run.acts else True if sees_acts(run) else None for run in runs]
        yield _claim(f"{where}no act in a run in which nothing is broken", judge_all(seen))


def _nothing_broken(run: RunFacts) -> bool:
    placebos = [episode.kind.startswith(PLACEBO) for episode in run.episodes]
    return run.sham or (bool(placebos) and all(placebos))


def _claim(text: str, judged: Judged, about: tuple[str, str, str, str] | None = None) -> Claim:
    return Claim(text=text, word=judged.word, evidence=judged.evidence, more=judged.more, about=about)


def _widened(c: ClassEstimate) -> float:
    return 1.0 if c.dependence is None else c.dependence.widened


def _key(c: ClassEstimate) -> tuple[str, str, str, str]:
    return (c.fault, c.service, c.arm, c.restart_profile)


def _label(c: ClassEstimate) -> str:
    return f"{c.fault} {c.service}, arm {c.arm}, {c.restart_profile}"


def _why(word: Word, claims: Sequence[Claim]) -> str:
    if word == "PASS":
        return f"there is evidence for all {len(claims)} claims" if len(claims) > 1 else claims[0].evidence
    of_word = [f"{c.text} ({c.evidence})" for c in claims if c.word == word]
    return f"{len(of_word)} of {len(claims)} claims: {named(of_word)}"


def _verdict(word: Word, why: str, claims: tuple[Claim, ...], campaign_id: str) -> Verdict:
    code = EXIT_CODE[word]
    following = {"PASS": "", "DONE": "", "FAIL": f"hormesis report {campaign_id} --html report.html"}.get(
        word, f"hormesis explain code {code}"
    )
    return Verdict(word=word, exit_code=code, why=why, claims=claims, next=following)
