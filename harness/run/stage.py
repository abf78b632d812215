"""What one run holds while it lasts, and the only way in which it waits.

Waiting is where the outside is heard: the witness's stalls and versions and the supervisor's ledger
become events of the history while the clock runs to the next instant of the plan.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from harness.errors import Untrustworthy
from harness.history.events import Acted, LabelsTold, Platform, Stalled, Versions
from harness.observers.asked import asked_by_services
from harness.observers.fetch import Reply
from harness.observers.looking import Seen
from harness.observers.reading import JournalLine
from harness.plan.model import Plan
from harness.ports import Clock
from harness.run.alarm import Alarm
from harness.run.evidence import Evidence
from harness.run.harm import Allowance
from harness.run.witness import Driver, Heard, RecordsTold
from harness.targets.base import Target
from harness.targets.local.ledger import Line

PUMP_EVERY_S = 0.05
"""How often the outside is heard; marks carry their own stamps, so this blurs no figure."""


class Recorded(Untrustworthy):
    """The run is void for a reason that an event of its history tells already."""


class Outside(Protocol):
    """What is seen of a started system besides its answers to the driver."""

    def ledger(self, after: int, /) -> Sequence[Line]:
        """What the platform did and saw, lines above number ``after``."""
        ...

    def ask(self, service: str, route: str, /) -> Reply:
        """GET a route of a service past all edges; ``Unseen`` where there is no answer."""
        ...


class Observing(Protocol):
    """Whoever looks at the observed routes (``harness.observers.watch``)."""

    def drain(self) -> list[Seen]:
        """What was seen since the last call."""
        ...

    def journal(self) -> list[JournalLine]:
        """The healer's own words since the last call."""
        ...


@dataclass(slots=True)
class Stage:
    """One run in progress. ``first_due_s`` is the monotonic instant of the first slot.

    ``ending``: an episode is being undone; then nothing but its own failure may cut that short.
    ``allowance``: beyond which harm it is stopped; None = beyond none.
    """

    plan: Plan
    evidence: Evidence
    system: Outside
    witness: Driver
    observers: Observing
    target: Target
    progress: Callable[[str], None]
    alarms: Alarm
    clock: Clock
    first_due_s: float = 0.0
    ledger_seen: int = 0
    acts: list[Platform] = field(default_factory=list)
    acted: list[Acted] = field(default_factory=list)
    told: list[RecordsTold] = field(default_factory=list)
    ending: bool = False
    pump_every_s: float = PUMP_EVERY_S
    allowance: Allowance | None = None

    def wait_until(self, offset_s: float) -> None:
        """Wait until ``offset_s`` after the first slot, hearing the outside meanwhile."""
        at_s = self.first_due_s + offset_s
        while (now_s := self.clock.now_s()) < at_s:
            self.hear()
            self.clock.sleep_until(min(at_s, now_s + self.pump_every_s))
        self.hear()

    def hear(self) -> None:
        """Turn what was said since the last call into events; raises MustStop where the run must end."""
        if not self.ending:
            self.alarms.look()
        for heard in self.witness.pump():
            self.note(heard)
        self.hear_ledger()
        self.hear_observers()

    def hear_records(self) -> list[RecordsTold]:
        """Hear the outside; gives all that the driver told of faults in the records so far."""
        self.hear()
        return self.told

    def hear_ledger(self) -> None:
        """Turn the supervisor's new ledger lines into events."""
        for line in self.system.ledger(self.ledger_seen):
            self.ledger_seen = line.seq
            act = Platform(
                at_s=line.at_s,
                service=line.service,
                act=line.act,
                pid=line.pid,
                boot_id=line.boot_id,
                detail=line.detail,
            )
            self.acts.append(act)
            self.evidence.append(act)
            for asked in asked_by_services([act], self.clock.now_s()):
                self.evidence.append(asked)

    def hear_observers(self) -> None:
        """Turn what was seen of healers into events, and keep the healer's own words beside them."""
        for event in self.observers.drain():
            self.evidence.append(event)
            if isinstance(event, Acted):
                self.acted.append(event)
        if lines := self.observers.journal():
            self.evidence.keep_words(lines)

    def note(self, heard: Heard) -> None:
        """Record what one line of the driver says."""
        if heard.stall is not None:
            self.evidence.append(Stalled(**heard.stall))
        if heard.owed is not None:
            self.evidence.append(heard.owed)
        if heard.records is not None:
            self.told.append(heard.records)
        if heard.done is not None and "labels_due" in heard.done:
            counts = heard.done
            self.evidence.append(
                LabelsTold(
                    due=counts["labels_due"], told=counts["labels_told"], failed=counts["labels_failed"]
                )
            )
        if heard.partition is not None:
            self.evidence.append(heard.partition)
        if heard.versions is not None:
            self.evidence.append(Versions(names=heard.versions))
