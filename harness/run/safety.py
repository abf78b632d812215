"""What keeps a run safe: one at a time, guarded while it lasts, ended at once where it must not go on.

Comes in: the store, the run's folder, the guardian. Goes out: ``Refused`` before anything is touched, and
``MustStop`` under way: halted, over time, a clock that was set, a guardian that is gone.
"""

from __future__ import annotations

import contextlib
import errno
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import shell
from harness.errors import Refused, Unsafe, Untrustworthy
from harness.experiment.excerpt import quoted
from harness.guard.client import ALLOWED_S, Guardian, GuardianGone, NotProven
from harness.guard.halt import halt_reason, is_halted
from harness.guard.lock import Held, locked
from harness.guard.shell import clock_gap_s as read_gap_s
from harness.history.events import Guarded
from harness.history.store import RunFolder
from harness.run.refusals import refuse_if_halted, refuse_if_left_open

WHOLE_RUN = -1
"""The episode of a record that belongs to no episode."""
CLOCK_STEP_S_MAX = 2.0
IN_FORCE_S = 5.0
"""While a fault is in force the main thread must come by so often, or everything is undone."""
ENDS_ALL = frozenset({"halt", "clock", "store", "harm"})
"""Where a run must stop for one of these, no other one may begin either."""
_STORE_BROKEN = (errno.ENOSPC, errno.EFBIG, errno.EROFS, errno.EDQUOT, errno.EIO)


class MustStop(Untrustworthy):
    """The run must end now; ``where``: halt, clock, store, harm, guard or time, as in its history."""

    def __init__(self, where: str, why: str) -> None:
        super().__init__(why)
        self.where = where


def store_problem(error: BaseException) -> MustStop | None:
    """Tell an error of a store that cannot be written any more from all others."""
    if isinstance(error, OSError) and error.errno in _STORE_BROKEN:
        return MustStop(
            "store", f"{_place(error)} cannot be written: {error.strerror}; everything was undone"
        )
    return None


def _place(error: OSError) -> str:
    """The store and the systems' own state are two places, and not every error says which it was."""
    return quoted(error.filename) if error.filename else "the store or the scratch (HORMESIS_SCRATCH)"


def is_urgent(error: BaseException) -> bool:
    """Whether everything is to be undone now, in the quickest way: a halt, a signal, a full disk."""
    return not isinstance(error, Exception) or isinstance(error, MustStop) or store_problem(error) is not None


@contextlib.contextmanager
def ending_at_once(guardian: Guardian) -> Iterator[None]:
    """End the run with all its processes where what is raised inside is urgent, before anything is polite."""
    try:
        yield
    except BaseException as error:
        if is_urgent(error):
            guardian.allow()
            guardian.undo_everything()  # what is not proven stays open, and leaving the guardian tells it
        raise


@contextlib.contextmanager
def only_runner(store: Path, target: str, progress: Callable[[str], None]) -> Iterator[None]:
    """Hold the lock of ``target`` in ``store``; raises Refused where a run would not be safe to begin."""
    refuse_if_halted(store)
    with contextlib.ExitStack() as stack:
        try:
            before = stack.enter_context(locked(store, target))
        except Held as held:
            raise Refused(f"one run at a time: {held}; wait for its end, or stop it") from held
        if before:
            progress(f"note: {before}")
        refuse_if_left_open(store)
        yield


@contextlib.contextmanager
def guarded(
    folder: RunFolder, store: Path, target: str, *, end: Mapping[str, str], limit_s: float
) -> Iterator[Guardian]:
    """Guard one run: whatever happens inside, nothing of it is left afterwards, or Unsafe is raised.

    ``end``: arguments of ``end_run``; ``limit_s``: after so long the guardian ends the run by itself.
    """
    run = f"{folder.path.parents[1].name}/{folder.run_id}"
    try:
        with Guardian(store, run, target=target, log=folder.logs / "guardian.txt") as guardian:
            record = guardian.open("end_run", end, episode=WHOLE_RUN, fault="", within_s=limit_s)
            opened = Guarded(episode=WHOLE_RUN, record=record.id, verb=record.verb, state="opened")
            folder.writer.append(opened)
            yield guardian
        folder.writer.append(Guarded(episode=WHOLE_RUN, record=record.id, verb=record.verb, state="closed"))
    except Refused as refused:  # a system that was ended while it started
        if is_halted(store):
            raise MustStop("halt", f"halted: {halt_reason(store)}") from refused
        raise
    except NotProven as error:
        raise Unsafe(str(error)) from error
    except GuardianGone as error:
        raise MustStop("guard", str(error)) from error


@contextlib.contextmanager
def guarded_apart(
    store: Path, run: str, end: Mapping[str, str], *, what: str, log: Path, within_s: float
) -> Iterator[Guardian]:
    """Guard work apart from any run, called ``what`` in errors; nothing of it is left, or Unsafe is raised.

    ``end``: arguments of ``end_run``; ``within_s``: after so long the guardian ends it by itself. Refused
    where the guardian went away, or the store was halted.
    """
    try:
        with Guardian(store, run, target="local", log=log) as guardian:
            guardian.allow(within_s)
            guardian.open("end_run", end, episode=WHOLE_RUN, fault="", within_s=within_s)
            yield guardian
    except NotProven as error:
        raise Unsafe(f"{what}: {error}") from error
    except GuardianGone as error:
        refuse_if_halted(store)
        raise Refused(f"{what}: {error}") from error


@dataclass(slots=True)
class Alarms:
    """What ends a run at once. ``gap_s`` reads wall minus monotonic clock; ``until_s`` is monotonic.

    ``in_force``: a fault is, or may be; then a step may not take as long as else.
    """

    guardian: Guardian
    store: Path
    until_s: float
    gap_s: Callable[[], float] = read_gap_s
    first_gap_s: float = 0.0
    in_force: bool = False

    def __post_init__(self) -> None:
        self.first_gap_s = self.gap_s()

    def look(self) -> None:
        """Raise MustStop where the run must not go on; also says that the main thread lives."""
        self.guardian.allow(IN_FORCE_S if self.in_force else ALLOWED_S)
        if is_halted(self.store):
            raise MustStop("halt", f"halted: {halt_reason(self.store)}")
        step_s = self.gap_s() - self.first_gap_s
        if abs(step_s) > CLOCK_STEP_S_MAX:
            raise MustStop("clock", f"the wall clock was set by {step_s:+.1f} s during the run")
        if shell.monotonic_s() > self.until_s:
            raise MustStop("time", "the run is over its hard limit of time")
        try:
            self.guardian.check()
        except GuardianGone as error:
            raise MustStop("guard", str(error)) from error
