"""What the journal amounts to: open acts, attempts, mappings, refusals, pages.

Comes in: journal entries in order, of this life and all before. Goes out: what guards and resumption
ask for. Pure; memory changes only after the entry is durable.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from reference_pipeline.healing.acts import MODEL, Act, Map, Quarantine, Release, Replay, Unmap, target_of
from reference_pipeline.healing.model import Entry
from reference_pipeline.healing.model_acts import Promote, Restore, Train

HOUR_S = 3600.0
OVERTAKEN = "overtaken"  # a fact of a promotion: somebody else moved the alias first


@dataclass(frozen=True, slots=True)
class Open:
    """An act that was begun: with which key, when it was done (None = not known), and what came of it."""

    act: Act
    episode: str
    key: str
    started_s: float
    finished_s: float | None = None
    facts: Mapping[str, float | str] = field(default_factory=dict)


@dataclass(slots=True)
class Books:
    """``begun`` and ``unverified`` hold one act a target at most: that is the lease."""

    begun: dict[str, Open] = field(default_factory=dict)
    unverified: dict[str, Open] = field(default_factory=dict)
    attempts: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    ended_s: dict[tuple[str, str], float] = field(default_factory=dict)
    mapped: dict[str, str] = field(default_factory=dict)  # verified: field -> name
    proved: set[str] = field(default_factory=set)  # those fields whose records were seen repaired
    tried: set[tuple[str, str]] = field(default_factory=set)
    refused: set[tuple[str, str]] = field(default_factory=set)
    quarantined: dict[str, float] = field(default_factory=dict)  # column -> value that is left out
    to_undo: dict[str, Open] = field(default_factory=dict)
    failed: set[str] = field(default_factory=set)  # versions that could not be served, or did not help
    promoted: set[str] = field(default_factory=set)  # versions that were let serve, or serve again
    trained: list[tuple[float, float]] = field(default_factory=list)  # when it was over, its CPU seconds
    told_s: dict[tuple[str, str], float] = field(default_factory=dict)
    pages: int = 0

    def apply(self, entry: Entry) -> None:
        """Take one durable entry in."""
        act = entry.evidence.act
        match entry.kind:
            case "diagnosed" if isinstance(act, Map) and entry.evidence.ok is False:
                self.refused.add((act.field, act.source))
            case "decided" if entry.evidence.choice in ("page", "refrain"):
                self.told_s[entry.target, entry.reason] = entry.at_s
                self.pages += entry.evidence.choice == "page"
            case "action.started" if act is not None:
                self._begin(entry, act)
            case "action.finished" if act is not None:
                self._finish(entry, act)
            case "verified" if act is not None:
                self._verify(entry, act)
            case _:
                pass  # detected, and what was decided to be done: they change nothing by themselves

    def busy(self, target: str) -> bool:
        """Tell whether an act on ``target`` is not over yet."""
        return target in self.begun or target in self.unverified

    def tries_in_hour(self, act: Act, now_s: float) -> int:
        """Count the attempts of this sort of act on its target in the last hour."""
        return _in_hour(self.attempts.get(_lane(act), ()), now_s)

    def restarts_in_hour(self, now_s: float) -> int:
        """Count all restarts in the last hour."""
        lanes = (tries for (_, sort), tries in self.attempts.items() if sort == "restart")
        return sum(_in_hour(tries, now_s) for tries in lanes)

    def cpu_s_in_hour(self, now_s: float) -> float:
        """CPU seconds of trainings that were over in the last hour."""
        return sum(cpu_s for at_s, cpu_s in self.trained if now_s - at_s < HOUR_S)

    def rested_s(self, act: Act, now_s: float) -> float:
        """Seconds since the last act of this sort on its target was over."""
        return now_s - self.ended_s.get(_lane(act), float("-inf"))

    def was_told(self, target: str, reason: str, now_s: float, *, within_s: float) -> bool:
        """Tell whether this page or refusal to act was already written within that time."""
        at_s = self.told_s.get((target, reason))
        return at_s is not None and now_s - at_s < within_s

    def _begin(self, entry: Entry, act: Act) -> None:
        attempts = self.attempts.setdefault(_lane(act), [])
        attempts.append(entry.at_s)
        key = f"{entry.episode}.{tag(act)}.{len(attempts)}"  # the same before and after a crash
        self.begun[entry.target] = Open(act, entry.episode, key, entry.at_s)
        if isinstance(act, Map):
            self.tried.add((act.field, act.source))
        if isinstance(act, Promote | Restore):
            self.promoted.add(act.version)

    def _finish(self, entry: Entry, act: Act) -> None:
        opened = self.begun.pop(entry.target)
        done = replace(opened, finished_s=entry.at_s, facts=entry.evidence.facts)
        self.ended_s[_lane(act)] = entry.at_s
        if isinstance(act, Train):
            self.trained.append((entry.at_s, float(entry.evidence.facts.get("cpu_s", 0.0))))
        if isinstance(act, Unmap | Restore):
            self.to_undo.pop(act.field if isinstance(act, Unmap) else MODEL, None)
        elif isinstance(act, Release):
            self.to_undo.pop(entry.target, None)
            self.quarantined.pop(act.column, None)
        elif entry.evidence.ok:
            self.unverified[entry.target] = done
            if isinstance(act, Quarantine):
                self.quarantined[act.column] = act.value
        elif isinstance(act, Promote) and not entry.evidence.facts.get(OVERTAKEN):
            self.failed.add(act.version)

    def _verify(self, entry: Entry, act: Act) -> None:
        opened = self.unverified.pop(entry.target)
        self.ended_s[_lane(act)] = entry.at_s
        helped = entry.evidence.ok is not False  # None: nobody can tell, and it stays
        match act:
            case Map() if helped:
                self.mapped[act.field] = act.source
                self.proved = (self.proved - {act.field}) | ({act.field} if entry.evidence.facts else set())
            case Replay() if helped:
                self.proved.add(act.field)
            case Map() | Replay() if act.field not in self.proved or isinstance(act, Map):
                self.mapped.pop(act.field, None)
                self.to_undo[act.field] = opened
            case Quarantine() if not helped:
                self.to_undo[entry.target] = opened
            case Promote() if not helped:
                self.to_undo[MODEL] = opened
                self.failed.add(act.version)
            case _:
                pass  # a mapping that has repaired records stays, whatever else is wrong with some


def tag(act: Act) -> str:
    """Name the sort of an act.

    >>> tag(Unmap(field="amount", source="amt")), tag(Train(kind="recalibrate", after=0))
    ('unmap', 'recalibrate')
    """
    if isinstance(act, Train) and act.kind == "recalibrate":
        return act.kind
    return type(act).__name__.lower()


def _lane(act: Act) -> tuple[str, str]:
    return target_of(act), tag(act)


def _in_hour(instants: list[float] | tuple[float, ...], now_s: float) -> int:
    return sum(now_s - at_s < HOUR_S for at_s in instants)
