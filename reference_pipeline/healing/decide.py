"""The guards between a wish and an act: at most one on a target, rested, within the budget, still due.

Comes in: a wish, the books, the policy, what the platform says of its services, the instant. Goes out:
act, page, refrain or wait, with the reason. Pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from reference_pipeline.healing.acts import Act, Map, Quarantine, Release, Replay, Restart, Unmap, target_of
from reference_pipeline.healing.books import Books, tag
from reference_pipeline.healing.model_acts import Promote, Restore, Train
from reference_pipeline.healing.policy import Policy
from reference_pipeline.healing.ports import PlatformService

Rows = Mapping[str, PlatformService]


@dataclass(frozen=True, slots=True)
class Wish:
    """An act that a finding asks for."""

    act: Act
    episode: str
    reason: str
    facts: Mapping[str, float | str] = field(default_factory=dict)


class Decision(NamedTuple):
    """``wait`` and ``refrain`` look again at the next tick; a ``refrain`` is written down, once an hour."""

    choice: Literal["act", "page", "refrain", "wait"]
    reason: str


GO = Decision("act", "")


def decide(wish: Wish, books: Books, rows: Rows, *, now_s: float, policy: Policy, held: str = "") -> Decision:
    """Decide on ``wish``; ``rows`` is empty where the platform did not answer.

    ``held``: why nothing may be trained now, "" if it may.
    """
    act = wish.act
    if books.busy(target_of(act)):
        return Decision("wait", "an act on it is not over")
    if isinstance(act, Unmap | Restore | Release):
        return GO  # an undo knows no budget
    if tag(act) not in policy.allowed:
        return Decision("page", f"the policy does not allow to {tag(act)}")
    if isinstance(act, Train) and (why := held or _why_unsure(books)):
        return Decision("refrain" if held else "wait", why)
    return _why_not(act, books, rows) or _budget(act, books, now_s, policy)


def overtaken(act: Restart, rows: Rows) -> Literal["", "done", "moot"]:
    """Tell whether a restart that was begun needs no call any more: after a crash of ours it may be old.

    ``done``: another process carries the service already. ``moot``: the same process answers again.
    """
    row = rows.get(act.service)
    if row is None or row.state != "ready":
        return ""
    return "done" if act.boot_id and row.boot_id != act.boot_id else "moot"


def _why_unsure(books: Books) -> str:
    """Rows that a mapping repaired are learned from once it is verified, and not before."""
    opened = [*books.begun.values(), *books.unverified.values()]
    return "a mapping is not verified yet" if any(isinstance(one.act, Map) for one in opened) else ""


def _why_not(
    act: Restart | Map | Replay | Train | Promote | Quarantine, books: Books, rows: Rows
) -> Decision | None:
    match act:
        case Restart():
            return _why_no_restart(act, books, rows)
        case Map():
            known = (act.field, act.source) in books.tried | books.refused
            return Decision("refrain", f"{act.source!r} was tried or refused before") if known else None
        case Promote():
            failed = act.version in books.failed
            return Decision("refrain", f"{act.version} was tried and failed") if failed else None
        case Replay() | Train() | Quarantine():
            return None


def _why_no_restart(act: Restart, books: Books, rows: Rows) -> Decision | None:
    opened = [*books.begun.values(), *books.unverified.values()]
    if any(isinstance(one.act, Restart) for one in opened):
        return Decision("wait", "another service is being restarted")
    row = rows.get(act.service)
    if row is None:
        return Decision("refrain", "the platform does not answer, or does not know it")
    if row.state == "ready":
        return Decision(
            "refrain", "the platform gets answers from it: our own way to it is cut, or it came back"
        )
    if row.state != "unready":
        return Decision("refrain", f"the platform is at it: {row.state}")
    if act.boot_id and row.boot_id != act.boot_id:
        return Decision("refrain", "it is another process than the one that fell silent")
    return None


def _most_per_hour(act: Act, policy: Policy) -> int:
    match act:
        case Replay():
            return policy.replays_per_hour
        case Train():
            return policy.trainings_per_hour
        case Promote():
            return policy.promotions_per_hour
        case _:
            return policy.attempts_per_hour


def _budget(act: Act, books: Books, now_s: float, policy: Policy) -> Decision:
    most = _most_per_hour(act, policy)
    if books.tries_in_hour(act, now_s) >= most:
        return Decision("page", f"{most} attempts in an hour did not settle it")
    if isinstance(act, Restart) and books.restarts_in_hour(now_s) >= policy.restarts_per_hour:
        return Decision("page", f"{policy.restarts_per_hour} restarts in an hour on all services")
    if isinstance(act, Train) and books.cpu_s_in_hour(now_s) >= policy.training_cpu_s_per_hour:
        return Decision("page", f"{policy.training_cpu_s_per_hour:g} CPU seconds of training in an hour")
    # A name is mapped once at most, so a second mapping is another case: it cannot swing to and fro.
    if not isinstance(act, Map) and books.rested_s(act, now_s) < policy.cooldown_s:
        return Decision("wait", "cooling down")
    return GO
