"""The events of one run, sorted by what they are about.

In: entries of a history. Out: ``RunLog``: at most one event of a kind for an episode, and lists.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.history.events import (
    Acted,
    Audited,
    BackgroundLoad,
    BaselineMeasured,
    Blind,
    Clean,
    Cleared,
    ControlRaised,
    Entry,
    FirstDue,
    HitAgain,
    Injected,
    LabelsTold,
    Looked,
    NotClean,
    Owed,
    Partition,
    Platform,
    Priced,
    RunEnded,
    Stalled,
    StateReset,
    Streamed,
    Touched,
    TwinMade,
    Undone,
    Versions,
    WithoutEffect,
)


@dataclass(slots=True)
class RunLog:
    """Everything that the marks, the acts and the trust of a run are made from."""

    first_due_s: float | None = None
    priced: Priced | None = None
    labels: LabelsTold | None = None
    versions: tuple[str, ...] = ()
    reset: StateReset | None = None
    baseline: BaselineMeasured | None = None
    audited: Audited | None = None
    streamed: Streamed | None = None
    background: BackgroundLoad | None = None
    ended: RunEnded | None = None
    injected: dict[int, Injected] = field(default_factory=dict)
    hit_again: dict[int, list[HitAgain]] = field(default_factory=dict)
    cleared: dict[int, Cleared] = field(default_factory=dict)
    undone: dict[int, Undone] = field(default_factory=dict)
    clean: dict[int, Clean] = field(default_factory=dict)
    not_clean: list[NotClean] = field(default_factory=list)
    without_effect: list[WithoutEffect] = field(default_factory=list)
    raised: list[ControlRaised] = field(default_factory=list)
    platform: list[Platform] = field(default_factory=list)
    acted: list[Acted] = field(default_factory=list)
    blind: list[Blind] = field(default_factory=list)
    looked: list[Looked] = field(default_factory=list)
    owed: list[Owed] = field(default_factory=list)
    twin: TwinMade | None = None
    partitions: list[Partition] = field(default_factory=list)
    touched: dict[int, Touched] = field(default_factory=dict)
    stalls: list[Stalled] = field(default_factory=list)


def read_log(entries: Iterable[Entry]) -> RunLog:
    """Sort the events; of repeated ones about an episode the first counts."""
    log = RunLog()
    for entry in entries:
        _file_mark(log, entry)
        _file_finding(log, entry)
        _file_partition(log, entry)
    log.platform.sort(key=lambda act: act.at_s)
    log.acted.sort(key=lambda act: act.at_s)
    return log


def _file_mark(log: RunLog, entry: Entry) -> None:
    match entry.event:
        case StateReset() as event:
            log.reset = event
        case FirstDue(at_s=at_s):
            log.first_due_s = at_s if log.first_due_s is None else log.first_due_s
        case Priced() as event:
            log.priced = event
        case LabelsTold() as event:
            log.labels = event
        case BackgroundLoad() as event:
            log.background = event
        case Versions(names=names):
            log.versions = names
        case Streamed() as event:
            log.streamed = event
        case RunEnded() as event:
            log.ended = event
        case _:
            _file_step(log, entry)


def _file_step(log: RunLog, entry: Entry) -> None:
    """What is told of one episode; of what is told twice the first counts."""
    match entry.event:
        case Injected() as event:
            log.injected.setdefault(event.episode, event)
        case HitAgain() as event:
            log.hit_again.setdefault(event.episode, []).append(event)
        case Cleared() as event:
            log.cleared.setdefault(event.episode, event)
        case Undone() as event:
            log.undone.setdefault(event.episode, event)
        case Clean() as event:
            log.clean.setdefault(event.episode, event)
        case Touched() as event:
            log.touched.setdefault(event.episode, event)
        case _:
            pass  # the rest is a finding, or of no use to a figure


def _file_partition(log: RunLog, entry: Entry) -> None:
    match entry.event:
        case TwinMade() as event:
            log.twin = event
        case Partition() as event:
            log.partitions.append(event)
        case _:
            pass  # of units that are offered otherwise


def _file_finding(log: RunLog, entry: Entry) -> None:
    match entry.event:
        case BaselineMeasured() as event:
            log.baseline = event
        case Audited() as event:
            log.audited = event
        case NotClean() as event:
            log.not_clean.append(event)
        case WithoutEffect() as event:
            log.without_effect.append(event)
        case ControlRaised() as event:
            log.raised.append(event)
        case Platform() as event:
            log.platform.append(event)
        case Acted() as event:
            log.acted.append(event)
        case Blind() as event:
            log.blind.append(event)
        case Looked() as event:
            log.looked.append(event)
        case Owed() as event:
            log.owed.append(event)
        case Stalled() as event:
            log.stalls.append(event)
        case _:
            pass  # a mark, or of no use to a figure
