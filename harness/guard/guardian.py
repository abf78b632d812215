"""The guardian's loop: wait for the runner's heartbeat; when it fails, undo everything of the run.

Comes in: SPEC.json, bytes on standard input (beats, or ``bye``). Goes out: one line when it watches, then
a JSON line on standard error for each record undone, and an exit code: 0 nothing was left to do, 3 it had
to undo and all is clean, 6 something could not be proven clean.
"""

from __future__ import annotations

import json
import os
import select
import signal
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from harness.guard.halt import is_halted
from harness.guard.records import Record, open_records, undo_folder
from harness.guard.shell import boot_id, monotonic_s
from harness.guard.undo import Outcome, undo_all, undo_one

NOTHING_LEFT, UNDONE, NOT_CLEAN = 0, 3, 6
LOOK_EVERY_S = 0.2
HALT_GRACE_S = 0.4
"""After a halt the runner stops by itself, and more gently; one that is busy has this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """Whom to watch: ``run`` names its records in ``store``; no beat for ``lease_s`` is a dead runner."""

    store: Path
    run: str
    lease_s: float


class _Asked(Exception):
    """SIGTERM: end now, undoing first."""


def read_watch(path: Path) -> Watch:
    """Read SPEC.json: ``{"store", "run", "lease_s"}``. Raises ValueError, LookupError or OSError."""
    found = json.loads(path.read_bytes())
    return Watch(store=Path(found["store"]).resolve(), run=str(found["run"]), lease_s=float(found["lease_s"]))


def guard(watch: Watch) -> int:
    """Watch until the end of the run; gives the exit code."""
    expired: list[Outcome] = []
    try:
        _take_signals()
        say_ready()  # within: from this word on somebody may ask
        why = _wait(watch, expired)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    except _Asked:
        why = "SIGTERM"
    _tell({"at_s": monotonic_s(), "ends": why})
    outcomes = [*expired, *undo_all(undo_folder(watch.store), watch.run, say=_tell_outcome)]
    _tell({"at_s": monotonic_s(), "done": len(outcomes)})
    if not all(outcome.clean for outcome in outcomes):
        return NOT_CLEAN
    return UNDONE if outcomes else NOTHING_LEFT


def say_ready() -> None:
    """Tell the runner that its acts are guarded from now on."""
    os.write(1, json.dumps({"ready": True, "pid": os.getpid()}).encode() + b"\n")


def _take_signals() -> None:
    """A terminal's signals are for the runner; only SIGTERM ends us, and that undoes."""

    def asked(_number: int, _frame: FrameType | None) -> None:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        raise _Asked

    for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT):
        signal.signal(number, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, asked)


def _wait(watch: Watch, expired: list[Outcome]) -> str:
    """Wait for the end; gives why it came. What expires meanwhile is undone at once, into ``expired``."""
    lease_until_s = monotonic_s() + watch.lease_s
    halted_since_s = 0.0
    while True:
        within_s = max(0.0, min(LOOK_EVERY_S, lease_until_s - monotonic_s()))
        readable, _, _ = select.select([0], [], [], within_s)
        data = os.read(0, 4096) if readable else b""
        if readable:  # read before the clock: where we were not run ourselves, the beats are there
            lease_until_s = monotonic_s() + watch.lease_s
        if readable and not data:
            return "the runner is gone"
        if b"bye\n" in data:
            return "bye"
        if monotonic_s() >= lease_until_s:
            return f"no beat for {watch.lease_s:g} s"
        halted_since_s = (halted_since_s or monotonic_s()) if is_halted(watch.store) else 0.0
        if halted_since_s and monotonic_s() - halted_since_s > HALT_GRACE_S:
            return "the store is halted"
        if why := _undo_expired(watch, expired):
            return why


def _undo_expired(watch: Watch, expired: list[Outcome]) -> str:
    """Undo single records whose time is over; gives why the whole run must end, "" where it need not."""
    folder = undo_folder(watch.store)
    due = [r for r in open_records(folder, watch.run) if not r.broken and _is_over(r)]
    if any(record.verb == "end_run" for record in due):
        return "the run is over its hard limit of time"
    for record in reversed(due):
        outcome = undo_one(folder, record)
        _tell_outcome(outcome)
        if not outcome.clean:
            return f"{record.id} is over its time and could not be proven clean alone"
        expired.append(outcome)
    return ""


def _is_over(record: Record) -> bool:
    return record.owner.boot == boot_id() and monotonic_s() >= record.expires_s


def _tell_outcome(outcome: Outcome) -> None:
    _tell(
        {
            "at_s": outcome.at_s,
            "record": outcome.record.id,
            "verb": outcome.record.verb,
            "clean": outcome.clean,
            "did": outcome.did,
            "text": outcome.text,
        }
    )


def _tell(line: dict[str, object]) -> None:
    try:
        os.write(2, json.dumps(line).encode() + b"\n")
    except OSError:
        return  # a full disk or a closed pipe must not stop an undo; the exit code still says it
