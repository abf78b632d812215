"""A simulated run stopped at one of its seconds, and what stood there: services, aliases, toxics, the healer.

Comes in: a ``Material`` and a plan. Goes out: a ``Snapshot``, and the history up to there.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import msgspec

from harness.errors import Untrustworthy
from harness.history.events import Cleared, ControlRaised, Injected, Undone
from harness.history.journal import read_journal
from harness.history.model import History
from harness.history.observations import read_rows
from harness.observers.fetch import Unseen
from harness.observers.looking import VERSION_AT
from harness.plan.model import Plan
from harness.report.trace import event_words
from harness.run.evidence import OBSERVATIONS
from harness.run.material import Material
from harness.run.simulated import STOPPED, Scene, Stop, run_simulated
from harness.simulation.kernel import State

LAST_WORDS = 5
_ASK_S = 1.0


class ServiceSeen(msgspec.Struct, frozen=True, kw_only=True):
    """``state`` as the platform sees it, or "stopped by the fault"; ``life`` counts from 1."""

    name: str
    state: str
    life: int


class Snapshot(msgspec.Struct, frozen=True, kw_only=True):
    """What stood ``at_s`` seconds after the first unit was due.

    ``aliases``: observed routes and what they answered; ``toxics``: what lies on each edge; ``faults``: those
    that are in force; ``healer``: its last words.
    """

    at_s: float
    units: int
    services: tuple[ServiceSeen, ...]
    aliases: dict[str, str]
    toxics: dict[str, tuple[str, ...]]
    faults: tuple[str, ...]
    healer: tuple[str, ...]


@dataclass(slots=True)
class _Seen:
    material: Material
    plan: Plan
    at_s: float
    snapshot: Snapshot | None = None
    history: History | None = None

    def take(self, scene: Scene) -> None:
        """Look first at what needs no time, then ask."""
        evidence = scene.evidence
        self.history = History(
            run_id="",
            plan=self.plan,
            entries=tuple(evidence.entries),
            rows=read_rows(evidence.written(OBSERVATIONS)),
            cut=f"stopped at {self.at_s:g} s",
            sha256="",
            journal=read_journal(bytes(evidence.words)),
        )
        self.snapshot = Snapshot(
            at_s=self.at_s,
            units=len(self.history.rows),
            services=_services(scene),
            toxics=_toxics(scene),
            faults=_faults(self.history),
            healer=_words(self.history, scene.first_due_s),
            aliases={},
        )
        asked = {where: _ask(scene, where) for where in self.material.experiment.system.observe.aliases}
        self.snapshot = msgspec.structs.replace(self.snapshot, aliases=asked)


def stop_at(
    material: Material, plan: Plan, at_s: float, progress: Callable[[str], None] = lambda _: None
) -> tuple[Snapshot, History]:
    """Run the plan up to ``at_s`` seconds after its first unit was due, and look.

    Raises Untrustworthy where the run was over before.
    """
    seen = _Seen(material, plan, at_s)
    run = run_simulated(material, plan, progress, stop=Stop(at_s, seen.take))
    raised = [one.event for one in run.history.entries if isinstance(one.event, ControlRaised)]
    if seen.snapshot is None or seen.history is None:
        why = "; ".join((run.state, *(f"{one.where}: {one.error}" for one in raised)))
        raise Untrustworthy(f"the run was over before {at_s:g} s: {why}")
    if wrong := [one for one in raised if one.where != STOPPED]:
        raise Untrustworthy(f"the look at {at_s:g} s failed: {wrong[0].where}: {wrong[0].error}")
    return seen.snapshot, replace(seen.history, run_id=run.history.run_id)


def _services(scene: Scene) -> tuple[ServiceSeen, ...]:
    found = []
    for row in scene.system.services():
        process = scene.system.processes[row.name]
        stopped = process.life is not None and process.life.state == State.STOPPED
        state = "hangs (stopped)" if stopped else row.state if process.running else "dead"
        found.append(ServiceSeen(name=row.name, state=state, life=process.lives))
    return tuple(found)


def _toxics(scene: Scene) -> dict[str, tuple[str, ...]]:
    return {
        name: tuple(
            f"{one.type} {one.stream} "
            + ", ".join(f"{knob} {value}" for knob, value in one.attributes.items())
            for one in edge.toxics
        )
        for name, edge in scene.system.proxy.proxies().items()
        if edge.toxics
    }


def _faults(history: History) -> tuple[str, ...]:
    """Faults that were injected and are not gone yet, as far as the run has said so."""
    events = [entry.event for entry in history.entries]
    gone = {event.episode for event in events if isinstance(event, Cleared | Undone)}
    here = [event for event in events if isinstance(event, Injected) and not event.sham]
    return tuple(told[1] for one in here if one.episode not in gone and (told := event_words(one)))


def _words(history: History, first_s: float) -> tuple[str, ...]:
    return tuple(
        f"{said.received_s - first_s:.3f} s {said.kind} {said.target}: {said.reason}"
        for said in history.journal[-LAST_WORDS:]
    )


def _ask(scene: Scene, where: str) -> str:
    service, _, route = where.partition(VERSION_AT)[0].partition(":")
    if service not in scene.system.processes:
        return "its service does not run in this arm"
    try:
        reply = scene.looker.fetch(service, route, _ASK_S)
    except Unseen as unseen:
        return f"no answer: {unseen}"
    return reply.body[:200].decode("utf-8", "replace")
