"""Plays one schedule on a virtual clock: a short episode, harmed at the very instants, judged at its end.

Comes in: what simulated runs share, a schedule, a seed, an arm. Goes out: all that it left. Faults may
overlap, and wait for what the healer does, which is heard as anybody hears it: by an observer, from its
journal. When the last fault is gone there is a settle time; then every record is looked for.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from harness.driver.resends import read_resends
from harness.errors import Untrustworthy
from harness.faults.effects import Mutate
from harness.history.events import Acted
from harness.history.observations import BAD, UNKNOWN, WITNESS, Rows, read_rows
from harness.observers.fetch import Reply
from harness.plan.model import Plan, PlannedEpisode
from harness.run.audit import Balance, answers_of
from harness.run.evidence import OBSERVATIONS, RESENDS
from harness.run.listing import ListingsReader
from harness.run.material import Material, place_of, witness_of
from harness.run.settle import Auditor, settled
from harness.run.simulated import start_system
from harness.run.virtual import VirtualWitness
from harness.run.witness import Heard
from harness.search.hand import Hand
from harness.search.limits import Limits
from harness.search.schedule import Schedule
from harness.search.words import Word, words
from harness.simulation.clock import VirtualClock
from harness.simulation.guards import escapes_text, guarded
from harness.simulation.kernel import Kernel, seldom_collected
from harness.targets.local.ledger import Line
from harness.targets.simulation.looker import Looker
from harness.targets.simulation.observers import SimulatedObservers
from harness.targets.simulation.system import SimulatedSystem

PUMP_S = 0.25
"""How often the outside is heard, and so how exact "after" is; virtual."""
LEAD_S = 0.3
ASK_S = 5.0


@dataclass(frozen=True, slots=True)
class Played:
    """All that one episode left, before it is judged. Instants are the kernel's; ``start_s``: warm-up over.

    ``end_s``: when the last fault was gone. ``balance`` None: the listings could not be read, by ``why``.
    ``versions``: who answered, as rows number them from 1.
    """

    hand: Hand
    words: tuple[Word, ...]
    acted: tuple[Acted, ...]
    ledger: tuple[Line, ...]
    rows: Rows
    start_s: float
    end_s: float
    over_s: float
    balance: Balance | None
    why: str
    versions: tuple[str, ...]
    digest: str
    events: int
    errors: tuple[tuple[float, str, str], ...]


def play_out(material: Material, schedule: Schedule, limits: Limits, *, seed: int, arm: str) -> Played:
    """Play ``schedule``.

    Raises:
        Refused: the system cannot begin, or has no such arm.
        Untrustworthy: code of it reached for the real world, a fault is still in force at the end, or nothing
            was offered after the last one: of such an episode nothing can be said.
    """
    with guarded(material.template), seldom_collected():
        return _play(material, schedule, limits, seed=seed, arm=arm)


def _play(material: Material, schedule: Schedule, limits: Limits, *, seed: int, arm: str) -> Played:
    kernel = Kernel(seed)
    plan = plan_of(material, schedule, limits, seed=seed, arm=arm)
    system = SimulatedSystem(kernel, place_of(material, plan))
    looker = Looker(kernel, system.network)
    observers = SimulatedObservers(system, every_s=PUMP_S, owed=False)
    witness = None
    try:
        start_system(system)
        witness, _ = witness_of(material, plan, system)
        observers.start()
        episode = _Episode(system, observers, witness, Hand(system, witness), limits)
        episode.run(schedule)
        balance, why = _audited(episode, plan, looker)
        observers.end()
        episode.hear()
        return _trusted(_played(episode, balance, why), escapes_text(kernel))
    finally:
        observers.close()
        looker.close()
        if witness is not None:
            witness.close()
        system.close()
        kernel.close()


def plan_of(material: Material, schedule: Schedule, limits: Limits, *, seed: int, arm: str) -> Plan:
    """Make the plan that the parts of a run ask for; of the faults it holds what the driver must prepare."""
    experiment = material.experiment
    length_s = limits.length_s
    return Plan(
        experiment=experiment.title,
        experiment_sha256=experiment.sha256,
        system=experiment.system.name,
        scenario_sha256="",
        target="simulation",
        seed=seed,
        pair=0,
        arm=arm,
        sham=False,
        restart_profile="fast",
        profile=limits.profile,
        world_s_per_run_s=experiment.scenario.world_s_per_run_s,
        episodes=tuple(
            PlannedEpisode(
                index=number,
                name=f"fault-{number}",
                kind="data",
                effect=fault.effect,
                inject_at_s=0.0,
                undo_at_s=length_s,
                end_at_s=length_s,
            )
            for number, fault in enumerate(schedule.faults)
            if isinstance(fault.effect, Mutate)
        ),
        duration_s=length_s,
        sha256="",
    )


@dataclass(slots=True)
class _Episode:
    """An episode while it is played."""

    system: SimulatedSystem
    observers: SimulatedObservers
    witness: VirtualWitness
    hand: Hand
    limits: Limits
    words: list[Word] = field(default_factory=list)
    acted: list[Acted] = field(default_factory=list)
    touched: Counter[int] = field(default_factory=Counter)
    versions: tuple[str, ...] = ()
    start_s: float = 0.0
    end_s: float = 0.0
    over_s: float = 0.0
    _agenda: list[tuple[float, int, str]] = field(default_factory=list)
    _waiting: list[int] = field(default_factory=list)
    _counts: Counter[str] = field(default_factory=Counter)

    def run(self, schedule: Schedule) -> None:
        """From the first slot to the last answer."""
        kernel, limits = self.system.kernel, self.limits
        first_due_s = kernel.now_s + LEAD_S
        self.witness.go(first_due_s)
        self.start_s = first_due_s + limits.warm_s
        for number, fault in enumerate(schedule.faults):
            if fault.at_s is None:
                self._waiting.append(number)
            else:
                self._put(self.start_s + fault.at_s, number, "begin")
        self._until(self.start_s, schedule)
        self._harm(schedule)
        ends_s = (one.ended_s or kernel.now_s for one in self.hand.held.values())
        self.end_s = max(ends_s, default=self.start_s)
        self._settle(schedule)
        self.over_s = kernel.now_s
        self.witness.offer_no_more()
        self.witness.await_done(self._note)

    def _harm(self, schedule: Schedule) -> None:
        """Until no fault is there and none can come any more."""
        kernel, limits = self.system.kernel, self.limits
        late_s, active_s = self.start_s + limits.harm_max_s, kernel.now_s
        while self._more_comes() or self._waiting:
            self._until(min(kernel.now_s + PUMP_S, self._next_s()), schedule)
            if self._more_comes():
                active_s = kernel.now_s
            if kernel.now_s >= min(late_s, active_s + limits.trigger_s):
                self._waiting.clear()
            if kernel.now_s >= late_s:
                self._agenda.clear()
                for number in self.hand.held:
                    self.hand.end(number)

    def _more_comes(self) -> bool:
        return self.hand.busy() or any(verb == "begin" for _, _, verb in self._agenda)

    def _settle(self, schedule: Schedule) -> None:
        """Watch what comes after the last fault: a while, and longer where it is not served yet."""
        kernel, limits = self.system.kernel, self.limits
        until_s = kernel.now_s + limits.tau_s + limits.hold_s
        self._until(kernel.now_s + limits.calm_s, schedule)
        while kernel.now_s < until_s and self._lost_lately():
            self._until(min(until_s, kernel.now_s + 1.0), schedule)

    def _lost_lately(self) -> bool:
        rows = read_rows(bytes(self.witness.written[OBSERVATIONS]))
        late = rows[rows["due"] >= self.system.kernel.now_s - self.limits.hold_s - 1.0]
        return not len(late) or bool(((late["outcome"] == BAD) | (late["outcome"] == UNKNOWN)).any())

    def hear(self) -> None:
        """Take in what was seen since the last call."""
        self.acted += [event for event in self.observers.drain() if isinstance(event, Acted)]
        new = words(self.observers.journal(), self.system.processes)
        self.words += new
        for heard in self.witness.pump():
            self._note(heard)

    def _note(self, heard: Heard) -> None:
        if heard.versions is not None:
            self.versions = tuple(heard.versions)
        if heard.records is not None:
            self.touched[heard.records.episode] = heard.records.touched

    def _until(self, at_s: float, schedule: Schedule) -> None:
        """Let the world run to ``at_s``, doing what is due on the way."""
        kernel = self.system.kernel
        while kernel.now_s < at_s:
            kernel.run(until_s=min(at_s, kernel.now_s + PUMP_S, self._next_s()))
            known = len(self.words)
            self.hear()
            self._trigger(self.words[known:], schedule)
            self._act(schedule)
            self.hand.attend()

    def _trigger(self, new: Sequence[Word], schedule: Schedule) -> None:
        for word in new:
            event = word.event
            if event is None or self.start_s == 0.0 or word.at_s < self.start_s:
                continue
            self._counts[event] += 1
            for number in list(self._waiting):
                after = schedule.faults[number].after
                if after is not None and (after.event, after.nth) == (event, self._counts[event]):
                    self._waiting.remove(number)
                    self._put(word.at_s + after.delay_s, number, "begin")

    def _act(self, schedule: Schedule) -> None:
        while self._agenda and self._agenda[0][0] <= self.system.kernel.now_s:
            _, number, verb = heapq.heappop(self._agenda)
            fault = schedule.faults[number]
            if verb == "end":
                self.hand.end(number)
                continue
            self.hand.begin(number, fault)
            self._put(self.system.kernel.now_s + fault.lasts_s, number, "end")

    def _put(self, at_s: float, number: int, verb: str) -> None:
        heapq.heappush(self._agenda, (at_s, number, verb))

    def _next_s(self) -> float:
        return self._agenda[0][0] if self._agenda else float("inf")


def _audited(episode: _Episode, plan: Plan, looker: Looker) -> tuple[Balance | None, str]:
    """Where every accepted id ended; None and why where that cannot be read."""
    system, written = episode.system.system, episode.witness.written
    rows, resends = read_rows(bytes(written[OBSERVATIONS])), read_resends(bytes(written[RESENDS]))
    answers = answers_of(rows, plan.seed, resends=resends)

    def ask(service: str, route: str) -> Reply:
        return looker.fetch(service, route, ASK_S)

    auditor = Auditor(answers, ListingsReader(system.audit, ask))
    try:
        balance, _ = settled(auditor.look, plan.profile.settle_s, VirtualClock(episode.system.kernel))
    except Untrustworthy as error:
        return None, str(error)
    return balance, ""


def _trusted(played: Played, escapes: str) -> Played:
    """The same; a fault that stays, or a witness that was silent afterwards, would let everything pass."""
    if escapes:
        raise Untrustworthy(escapes)
    for number, held in played.hand.held.items():
        if held.stays:
            raise Untrustworthy(f"fault {number + 1} is still in force: {held.why}")
    due_s = played.rows["due"][played.rows["stream"] == WITNESS]
    if not (due_s > played.end_s).any():
        since_s = played.end_s - played.start_s
        raise Untrustworthy(f"the last fault was gone after {since_s:g} s, and no unit was offered after it")
    return played


def _played(episode: _Episode, balance: Balance | None, why: str) -> Played:
    system, kernel = episode.system, episode.system.kernel
    for number, held in episode.hand.held.items():
        if isinstance(held.fault.effect, Mutate):
            held.met = episode.touched[number] > 0
            held.why = "" if held.met else "no record was touched"
    return Played(
        hand=episode.hand,
        words=tuple(episode.words),
        acted=tuple(episode.acted),
        ledger=system.ledger(),
        rows=read_rows(bytes(episode.witness.written[OBSERVATIONS])),
        start_s=episode.start_s,
        end_s=episode.end_s,
        over_s=episode.over_s,
        balance=balance,
        why=why,
        versions=episode.versions,
        digest=kernel.digest(),
        events=kernel.events,
        errors=tuple(kernel.errors),
    )
