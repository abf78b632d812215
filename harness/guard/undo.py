"""Undoing records: do, look until it is seen, close. The guardian, the runner and ``hormesis undo`` use this.

Comes in: open records. Goes out: an ``Outcome`` each. Records of one run are undone newest first, but
where the whole run can be ended, that comes first: it is quickest, and the others are then only looked at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.guard import verbs
from harness.guard.records import Record, close_record, open_records
from harness.guard.shell import monotonic_s, wait_s
from harness.guard.verbs import CannotTell, StillThere

LOOK_AGAIN_S = 0.005
PROMISE_S_MAX = 60.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one record. ``clean``: proven undone, and closed; ``text``: the proof, or why not."""

    record: Record
    clean: bool
    did: str
    text: str
    at_s: float


def undo_all(
    folder: Path, run: str = "", *, say: Callable[[Outcome], None] = lambda _: None
) -> tuple[Outcome, ...]:
    """Undo, prove and close every open record, of one run where it is named; ``say`` hears each at once."""
    return undo_these(folder, open_records(folder, run), say=say)


def undo_these(
    folder: Path, records: Sequence[Record], *, say: Callable[[Outcome], None] = lambda _: None
) -> tuple[Outcome, ...]:
    """Undo and prove these, oldest first as they come; a file that is there no more is no matter."""
    runs = dict.fromkeys(record.run for record in records)
    outcomes: list[Outcome] = []
    for one in runs:
        mine = [record for record in reversed(records) if record.run == one]
        outcomes += _undo_run(folder, mine, say)
    return tuple(outcomes)


def undo_one(folder: Path, record: Record, *, ended: str = "") -> Outcome:
    """Undo, prove and close one record. ``ended``: the proof that its run is gone; then nothing is done."""
    wrong = record.broken or verbs.problem_of(record.verb, record.arguments)
    if wrong:
        return Outcome(record, False, "nothing", f"broken record: {wrong}", monotonic_s())
    outcome = _undone(record, ended)
    if not outcome.clean:
        return outcome
    try:
        close_record(folder, record.id)
    except OSError as error:
        text = f"{outcome.text}; but its record cannot be removed: {error.strerror}"
        return dataclasses.replace(outcome, clean=False, text=text)
    return outcome


def _undo_run(folder: Path, newest_first: Iterable[Record], say: Callable[[Outcome], None]) -> list[Outcome]:
    """End the run first; its record is closed last, for it proves the others."""
    ended = ""
    records = list(newest_first)
    whole = [r for r in records if r.verb == "end_run" and not r.broken]
    if whole and not verbs.problem_of("end_run", whole[0].arguments):
        seen = _undone(whole[0], "")
        ended = seen.text if seen.clean else ""
    outcomes = []
    for record in [r for r in records if r not in whole] + whole:
        outcome = undo_one(folder, record, ended=ended)
        say(outcome)
        outcomes.append(outcome)
    return outcomes


def _undone(record: Record, ended: str) -> Outcome:
    """Do and look. Whatever a record makes go wrong is told, and keeps no other record from its undo."""
    try:
        did = "nothing: the run was ended" if ended else verbs.do(record)
        return _look_until_seen(record, did, ended)
    except Exception as error:  # noqa: BLE001 (it is the outcome: not clean, and the record stays open)
        return Outcome(
            record, False, "nothing", f"cannot undo: {type(error).__name__}: {error}", monotonic_s()
        )


def _look_until_seen(record: Record, did: str, ended: str) -> Outcome:
    until_s = monotonic_s() + min(record.promise_s, PROMISE_S_MAX)
    while True:
        try:
            return Outcome(record, True, did, ended or verbs.look(record), monotonic_s())
        except StillThere as error:
            if isinstance(error, CannotTell) or monotonic_s() >= until_s:
                return Outcome(record, False, did, str(error), monotonic_s())
        except OSError as error:
            return Outcome(record, False, did, f"cannot look: {error}", monotonic_s())
        wait_s(LOOK_AGAIN_S)
