"""What must hold in every episode, whatever its faults: one function an invariant.

Comes in: what an episode left. Goes out: what broke, in words that are the same for the same failure, and
what nearly broke, which guides the search. Acts are judged by what was seen from outside; the journal alone
says what the healer had found, and what it had in hand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from harness.faults.effects import Hook, Mutate
from harness.history.observations import GOLDEN_FLAG, REASONS
from harness.search.evidence import (
    ALIAS,
    Case,
    Restarted,
    acts,
    before,
    lost,
    places,
    recovered_s,
    restarts,
)
from harness.search.outcome import Broken, Invariant, Signature
from harness.search.words import Word

GOLDEN_LEAST, WRONG_MAX = 8, 0.25
"""A version is proven wrong by more than this share of so many golden units; one that is right has none."""


def broken(case: Case) -> tuple[Broken, ...]:
    """Judge all that one episode alone can show; what arm none would have lost is asked for apart."""
    return tuple(found for judge in _JUDGES for found in judge(case))


def near(case: Case) -> tuple[str, ...]:
    """Name what nearly broke: half of a limit was used."""
    limits, found = case.limits, []
    if recovered_s(case) > limits.tau_s / 2:
        found.append("served")
    if len(acts(case)) > limits.acts_max / 2:
        found.append("bounded")
    apart_s = [two.at_s - one.at_s for one, two in _same_service(restarts(case))]
    if any(one_s < 3 * limits.apart_s for one_s in apart_s):
        found.append("restarted again")
    if any(idle_s > limits.alarm_s / 2 for _, idle_s in _unanswered(case)):
        found.append("alarm")
    return tuple(found)


def lost_more(case: Case, lost_without: int) -> Broken | None:
    """Compare with what the same schedule lost in arm none, ``lost_without`` units."""
    here = len(lost(case.played.rows))
    if here - lost_without <= case.limits.eps_units:
        return None
    last = next((word.transition for word in reversed(case.played.words)), "silent")
    return _broken("worse_than_none", last, f"{here} units lost, {lost_without} in arm none")


def _exactly_once(case: Case) -> Iterator[Broken]:
    balance = case.played.balance
    if balance is None:
        yield _broken("exactly_once", "unread", case.played.why)
        return
    counts = {
        "missing": balance.missing,
        "doubled": balance.doubled,
        "foreign": balance.foreign,
        "changed": balance.changed,
    }
    for what, count in counts.items():
        if count:
            yield _broken("exactly_once", what, f"{count} {what}: {'; '.join(balance.examples)}")


def _served(case: Case) -> Iterator[Broken]:
    took_s = recovered_s(case)
    if took_s <= case.limits.tau_s:
        return
    late = lost(case.played.rows)
    late = late[late["due"] >= case.played.end_s]
    reasons = sorted({REASONS[int(one)] or "unknown" for one in late["reason"].tolist()})
    yield _broken(
        "served",
        " ".join(reasons),
        f"{len(late)} units lost after the last fault was gone; served again after {took_s:.1f} s",
    )


def _alias(case: Case) -> Iterator[Broken]:
    """The healer may not let serve what a fault has made, nor leave it there."""
    made = {one.shows for one in case.held if one.shows}
    moves = [act for act in case.played.acted if act.act == ALIAS]
    for act in (act for act in acts(case) if act.act == ALIAS):
        if act.detail.rpartition(" -> ")[2] in made:
            yield _broken("alias", "moved to what a fault made", act.detail)
            return
    yield from _unproven(case)
    if moves and moves[-1].detail.rpartition(" -> ")[2] in made:
        yield _broken("alias", "left at what a fault made", moves[-1].detail)


def _unproven(case: Case) -> Iterator[Broken]:
    """A version that the healer let serve must decide golden units rightly: that is what it is proven by."""
    rows, names = case.played.rows, case.played.versions
    golden = rows[(rows["flags"] & GOLDEN_FLAG > 0) & (rows["version"] > 0)]
    for name in (act.detail.rpartition(" -> ")[2] for act in acts(case) if act.act == ALIAS):
        theirs = golden[golden["version"] == names.index(name) + 1] if name in names else golden[:0]
        wrong = int((theirs["reason"] == REASONS.index("golden")).sum())
        if len(theirs) >= GOLDEN_LEAST and wrong > WRONG_MAX * len(theirs):
            detail = f"{name} decided {wrong} of {len(theirs)} golden units wrongly"
            yield _broken("alias", "moved to what decides golden units wrongly", detail)
            return


def _cause(case: Case) -> Iterator[Broken]:
    """A restart needs a fault on that service or beside it, a move of the alias one of models or records."""
    for one in restarts(case):
        if not _is_near(case, one.service, one.at_s):
            yield _broken("cause", "restart", f"{one.service} restarted, and nothing was wrong with it")
            return
    for act in (act for act in acts(case) if act.act == ALIAS):
        if not any(isinstance(held.fault.effect, Hook | Mutate) for held in before(case, act.received_s)):
            yield _broken("cause", "rollback", f"{act.detail}, and no model had been changed")
            return


def _is_near(case: Case, service: str, at_s: float) -> bool:
    recent = (one for one in before(case, at_s) if (one.ended_s or at_s) + case.limits.cause_s >= at_s)
    return any(service in places(one.fault.effect, case.ends) for one in recent)


def _bounded(case: Case) -> Iterator[Broken]:
    count = len(acts(case)) + len(restarts(case))
    if count > case.limits.acts_max:
        yield _broken("bounded", "too many acts", f"{count} acts in one episode")
    for one, two in _same_service(restarts(case)):
        if two.at_s - one.at_s < case.limits.apart_s:
            detail = f"{one.service} restarted twice within {two.at_s - one.at_s:.2f} s"
            yield _broken("bounded", "restarted twice", detail)
            return


def _same_service(found: Sequence[Restarted]) -> Iterator[tuple[Restarted, Restarted]]:
    last: dict[str, Restarted] = {}
    for one in found:
        if one.service in last:
            yield last[one.service], one
        last[one.service] = one


def _alarm(case: Case) -> Iterator[Broken]:
    for word, idle_s in _unanswered(case):
        if idle_s >= case.limits.alarm_s:
            detail = (
                f"{word.target} was diagnosed, and nothing was decided in {idle_s:.1f} s without other acts"
            )
            yield _broken("alarm", f"diagnosed {word.coarse}", detail)
            return


def _unanswered(case: Case) -> Iterator[tuple[Word, float]]:
    """Each diagnosis of a service with the idle seconds until it was decided, or its fault was gone."""
    said = case.played.words
    for place, word in enumerate(said):
        if word.kind != "diagnosed" or word.coarse != "service":
            continue
        answers = (one for one in said[place:] if one.target == word.target and one.kind == "decided")
        answer = next(answers, None)
        until_s = min(_gone_s(case, word), answer.at_s if answer else case.played.over_s)
        if not _was_hit(case, case.healer, word.at_s, until_s):
            yield word, max(0.0, until_s - word.at_s) - _in_hand_s(said, word.at_s, until_s)


def _gone_s(case: Case, word: Word) -> float:
    """When the fault that a diagnosis is about was gone; at once if it is about none."""
    there = [one for one in before(case, word.at_s) if word.target in places(one.fault.effect, case.ends)]
    return max((one.ended_s or word.at_s for one in there), default=word.at_s)


def _was_hit(case: Case, service: str, from_s: float, until_s: float) -> bool:
    return any(
        service in places(one.fault.effect, case.ends) and (one.ended_s or until_s) >= from_s
        for one in before(case, until_s)
    )


def _in_hand_s(said: Sequence[Word], from_s: float, until_s: float) -> float:
    """Seconds of the span in which an act on a service was begun and not over."""
    total_s, at_s = 0.0, from_s
    for place, word in enumerate(said):
        if word.kind != "started" or word.coarse != "service":
            continue
        later = {one.kind: one.at_s for one in reversed(said[place:]) if one.target == word.target}
        over_s = later.get("verified", later.get("finished", until_s))
        begin_s, end_s = max(at_s, word.at_s), min(until_s, over_s)
        if end_s > begin_s:
            total_s, at_s = total_s + end_s - begin_s, end_s
    return total_s


def _broken(invariant: Invariant, stuck: str, detail: str) -> Broken:
    return Broken(signature=Signature(invariant=invariant, stuck=stuck), detail=detail)


_JUDGES: tuple[Callable[[Case], Iterator[Broken]], ...] = (
    _exactly_once,
    _served,
    _alias,
    _cause,
    _bounded,
    _alarm,
)
