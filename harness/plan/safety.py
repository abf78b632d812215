"""What a plan would do to a system and how each of it is undone, looked at before anything is touched.

Comes in: a plan, what the target can do (tags of effects), the fault table, what the operator allows.
Goes out: one ``Promise`` an effect, or ``Refused`` with every reason. Pure: the same look serves ``hormesis
plan``, which touches nothing, and the start of a run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, get_args

import msgspec

from harness.errors import Refused
from harness.faults.catalog import FAULTS
from harness.faults.effects import Effect, lasts_s, place, subject
from harness.faults.kind import DURATION_MAX_S, FaultKind
from harness.plan.model import Plan, PlannedEpisode

LOCAL, SIMULATION = "local", "simulation"
TARGETS: Mapping[str, frozenset[str]] = {
    target: frozenset(str(kind.__struct_config__.tag) for kind in get_args(Effect))
    for target in (LOCAL, SIMULATION)
}
"""What each target can do, by tags of effects; a started one says it again by ``abilities``."""


TARGETS_SHARE_MAX = 0.25
"""Of all services and edges: more than one may be hurt at a time only where most are left alone."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What an operator allows on one target: kinds of faults (``process.*``), and targets hurt at a time."""

    faults: tuple[str, ...] = ("*",)
    max_targets: Annotated[int, msgspec.Meta(ge=1)] = 1

    def allow(self, kind: str) -> bool:
        """Whether a fault of that kind may be done.

        >>> Limits(faults=("process.*",)).allow("process.kill"), Limits(faults=()).allow("data.drop")
        (True, False)
        """
        return any(kind == one or (one.endswith("*") and kind.startswith(one[:-1])) for one in self.faults)

    def most(self, parts: int) -> int:
        """How many targets at a time, where a system has so many services and edges.

        >>> Limits().most(2), Limits(max_targets=5).most(12), Limits(max_targets=5).most(2)
        (1, 3, 1)
        """
        return max(1, min(self.max_targets, int(parts * TARGETS_SHARE_MAX)))


class Promise(msgspec.Struct, frozen=True, kw_only=True):
    """One effect: where it hits, from when, how long, how it is undone and within what time.

    ``at_s`` counts from the first due slot. ``lasts_s`` None = until undone; ``subject`` adds how hard.
    ``undone_at_s`` is when the
    harness undoes it in any case, ``undone_within_s`` its promise from then until it is proven clean.
    """

    name: str
    kind: str
    where: str
    subject: str
    at_s: float
    lasts_s: float | None
    undone_at_s: float
    undone_within_s: float
    what: str
    undo: str
    proof: str


NO_OPERATOR = Limits()
"""What holds where nobody has said anything else."""


def promises(
    plan: Plan,
    abilities: frozenset[str],
    faults: Mapping[str, FaultKind] = FAULTS,
    *,
    limits: Limits = NO_OPERATOR,
    parts: int = 0,
) -> tuple[Promise, ...]:
    """Say of every effect of ``plan`` how it is undone; ``Refused`` where one cannot be, or not be done.

    ``parts``: how many services and edges the system has.
    """
    doubts = (
        *(doubt for episode in plan.episodes for doubt in _doubts(episode, abilities, faults, plan)),
        *_beyond(plan, limits, parts),
    )
    if doubts:
        raise Refused(f"{'; '.join(doubts)}. Nothing was injected.")
    return tuple(_promise(episode, faults[episode.kind]) for episode in plan.episodes)


def _doubts(
    episode: PlannedEpisode, abilities: frozenset[str], faults: Mapping[str, FaultKind], plan: Plan
) -> Iterator[str]:
    here = f"{episode.name} ({episode.kind})"
    row = faults.get(episode.kind)
    if row is None:
        yield f"{here} is not in the fault table, so nothing is known of its undo"
        return
    tag = str(type(episode.effect).__struct_config__.tag)
    if tag not in abilities:
        yield f"target {plan.target} cannot do the effect '{tag}' of {here}"
    if not row.undo or not row.proof or not 0 < row.undone_within_s <= DURATION_MAX_S:
        yield f"{here} has no undo that could be proven within a promised time"
    if not place(episode.effect):
        yield f"{here} names nothing that it would hit"
    if _stays_s(episode) > DURATION_MAX_S + 1e-6:  # instants are rounded to microseconds
        yield f"{here} would stay for {_stays_s(episode):g} s; at most {DURATION_MAX_S:g} s"


def targets_at_once(plan: Plan) -> tuple[str, ...]:
    """The places that are hurt at one time, where those are most; none in a plan without episodes."""

    def hurt(at_s: float) -> tuple[str, ...]:
        here = (place(one.effect) for one in plan.episodes if one.inject_at_s <= at_s < one.undo_at_s)
        return tuple(dict.fromkeys(here))

    return max((hurt(one.inject_at_s) for one in plan.episodes), key=len, default=())


def _beyond(plan: Plan, limits: Limits, parts: int) -> Iterator[str]:
    """What goes beyond the limits, of what is done to real processes: a virtual clock hurts nothing."""
    if not plan.episodes:
        yield "the plan has no target: it hurts nothing"
    if plan.target == SIMULATION:
        return
    for kind in dict.fromkeys(one.kind for one in plan.episodes if not limits.allow(one.kind)):
        yield f"the operator file does not allow {kind} on target {plan.target}"
    at_once, most = targets_at_once(plan), limits.most(parts)
    if len(at_once) > most:
        yield (
            f"{len(at_once)} targets would be hurt at a time ({', '.join(at_once)}); at most {most}"
            f" (max_targets {limits.max_targets}, and {TARGETS_SHARE_MAX:.0%} of {parts} services and edges)"
        )


def _stays_s(episode: PlannedEpisode) -> float:
    """How long an effect is there at most: its own length, else until the harness undoes it."""
    own_s = lasts_s(episode.effect)
    return episode.undo_at_s - episode.inject_at_s if own_s is None else own_s


def _promise(episode: PlannedEpisode, row: FaultKind) -> Promise:
    return Promise(
        name=episode.name,
        kind=episode.kind,
        where=place(episode.effect),
        subject=subject(episode.effect),
        at_s=episode.inject_at_s,
        lasts_s=lasts_s(episode.effect),
        undone_at_s=episode.undo_at_s,
        undone_within_s=row.undone_within_s,
        what=row.what,
        undo=row.undo,
        proof=row.proof,
    )
