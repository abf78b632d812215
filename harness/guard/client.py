"""The runner's side: starts the guardian, beats, opens records before acts and closes them after the proof.

Comes in: the store, the run's name, a log. Goes out: a ``Guardian`` to use as a context manager. Leaving it
undoes whatever is still open, whatever ended the run, and proves it.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from harness.guard import verbs
from harness.guard.records import (
    TTL_S_MAX,
    Argument,
    Record,
    close_record,
    open_records,
    ourselves,
    undo_folder,
    write_record,
)
from harness.guard.shell import monotonic_s, wall_text
from harness.guard.standby import first_line, start_standby
from harness.guard.undo import Outcome, undo_all, undo_one, undo_these

BEAT_S, LEASE_S = 0.2, 0.8
PROMISE_S = 5.0
ALLOWED_S = 20.0
"""How long the main thread may do one step without a word: longer than any time-out of a call (15 s)."""
START_WITHIN_S = 15.0
END_WITHIN_S = 15.0
HUNG_S = 15.0
"""A main thread that is so much later than it allowed itself, its guardian gone, will not end by itself."""
STUCK_S = 15.0
"""One that has not gone on so long after that SIGTERM will never: its process is ended."""
STUCK, STUCK_NOT_CLEAN = 143, 6


class GuardianGone(Exception):
    """Nobody guards this run any more: it must end, and cannot be trusted."""


class NotProven(Exception):
    """A clean state could not be proven; the text names the records."""


class Guardian:
    """The guardian of one run. ``run`` is ``<campaign>/<run>``; ``lease_s`` is for tests."""

    def __init__(self, store: Path, run: str, *, target: str, log: Path, lease_s: float = LEASE_S) -> None:
        self.folder = undo_folder(store)
        self.run = run
        self._to_do = (
            f"{log} says what was tried; `hormesis undo --store {store}` tries again, and says what is left"
        )
        self._target = target
        self._count = 0
        self._open: dict[str, Record] = {}
        self._renewals: list[Callable[[], None]] = []
        self._failed = ""
        self._over = threading.Event()
        self._allowed_until_s = monotonic_s() + START_WITHIN_S
        self._process = _start(store, run, log, lease_s)
        self._beats = threading.Thread(target=self._beat, name="guardian-beats", daemon=True)

    def __enter__(self) -> Guardian:
        try:
            self._await_ready()
        except BaseException:
            self._end()
            raise
        self._beats.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.allow(END_WITHIN_S * 2)
        left = [outcome for outcome in self.undo_everything() if not outcome.clean]
        code = self._end()
        if left or code == 6:
            told = "; ".join(f"{o.record.id}: {o.text}" for o in left) or "the guardian says so"
            raise NotProven(f"a clean state could not be proven: {told}; {self._to_do}")
        if kind is None and code != 0:
            raise GuardianGone(f"the guardian ended with code {code}: it had to act, or was killed")

    @property
    def pid(self) -> int:
        """Process id of the guardian."""
        return self._process.pid

    def open(
        self,
        verb: str,
        arguments: Mapping[str, Argument],
        *,
        episode: int,
        fault: str,
        promise_s: float = PROMISE_S,
        within_s: float = TTL_S_MAX,
    ) -> Record:
        """Make the record of an act durable, before the act; it expires ``within_s`` from now.

        Raises OSError where it cannot be, GuardianGone where nobody would read it, ValueError for a
        verb or arguments that are none: then the act must not be done.
        """
        self.check()
        if wrong := verbs.problem_of(verb, arguments):
            raise ValueError(wrong)
        longest_s = within_s if verb == "end_run" else min(within_s, TTL_S_MAX)
        self._count += 1
        record = Record(
            id=f"{self.run.rpartition('/')[2]}-{self._count}",
            run=self.run,
            target=self._target,
            episode=episode,
            fault=fault,
            verb=verb,
            arguments=dict(arguments),
            promise_s=promise_s,
            expires_s=monotonic_s() + longest_s,
            opened=f"{wall_text()} {self._count:04d}",
            owner=ourselves(),
        )
        write_record(self.folder, record)
        self._open[record.id] = record
        return record

    def close(self, record: Record) -> bool:
        """Close a record after the clean proof; False where the guardian had undone it already."""
        self._open.pop(record.id, None)
        return close_record(self.folder, record.id)

    def undo(self, record: Record) -> Outcome:
        """Undo, prove and close one record here and now, by its verb."""
        return self._noted((undo_one(self.folder, record),))[0]

    def undo_everything(self) -> tuple[Outcome, ...]:
        """Undo, prove and close all that is open of this run, ending the run first; quick.

        What we opened and cannot be read any more (somebody moved the store, or cleared the folder) is undone
        as we remember it. What the guardian has undone meanwhile is so a second time, which changes nothing.
        """
        found = self._noted(undo_all(self.folder, self.run))
        seen = {outcome.record.id for outcome in found}
        vanished = [record for name, record in self._open.items() if name not in seen]
        outcomes = self._noted(undo_these(self.folder, vanished))
        for outcome in outcomes:
            if not outcome.clean:
                with contextlib.suppress(OSError, ValueError):  # so that it refuses the next run
                    write_record(self.folder, outcome.record)
        return found + outcomes

    def _noted(self, outcomes: tuple[Outcome, ...]) -> tuple[Outcome, ...]:
        for outcome in outcomes:
            if outcome.clean:
                self._open.pop(outcome.record.id, None)
        return outcomes

    def open_ids(self) -> frozenset[str]:
        """Ids of the records of this run that are open now."""
        return frozenset(record.id for record in open_records(self.folder, self.run))

    def keep_alive(self, renew: Callable[[], None]) -> None:
        """Call ``renew`` with every beat, from the beating thread; what it raises, ``check`` tells."""
        self._renewals.append(renew)

    def allow(self, length_s: float = ALLOWED_S) -> None:
        """Say that the main thread lives and needs at most ``length_s`` for its next step."""
        self._allowed_until_s = monotonic_s() + length_s

    def check(self) -> None:
        """Raise GuardianGone where the guardian does not watch any more, or a lease was not renewed."""
        if self._process.poll() is not None:
            raise GuardianGone(f"the guardian ended under way, with code {self._process.returncode}")
        if self._failed:
            raise GuardianGone(self._failed)

    def _await_ready(self) -> None:
        if b'"ready"' not in first_line(self._process, START_WITHIN_S):
            raise GuardianGone("the guardian did not start; nothing was done")

    def _beat(self) -> None:
        """Beat while the main thread is within what it allowed itself."""
        while not self._hangs():
            if self._late_s() <= 0.0:
                self._say(b".")
                self._renew()
            if self._over.wait(BEAT_S):
                return
        self._end_command()

    def _hangs(self) -> bool:
        return self._late_s() > HUNG_S and self._process.poll() is not None

    def _late_s(self) -> float:
        return monotonic_s() - self._allowed_until_s

    def _end_command(self) -> None:
        """End a command that hangs; what it did is undone. SIGTERM ends it in order, as 143.

        Where it takes none (a first Ctrl-C came before, or a library holds it) its process ends as it is.
        """
        self.allow(0.0)
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGTERM)
        while not self._over.wait(BEAT_S):
            if self._late_s() > STUCK_S:
                clean = self._process.returncode != STUCK_NOT_CLEAN
                word = "everything was undone" if clean else f"NOT everything is proven clean: {self._to_do}"
                with contextlib.suppress(OSError):
                    os.write(2, f"\nhormesis hangs and takes no signal; ended. {word}\n".encode())
                os._exit(STUCK if clean else STUCK_NOT_CLEAN)

    def _renew(self) -> None:
        for renew in self._renewals:
            try:
                renew()
            except Exception as error:  # noqa: BLE001 (any failure to renew is told by check)
                self._failed = self._failed or f"a lease was not renewed: {type(error).__name__}: {error}"

    def _say(self, words: bytes) -> None:
        assert self._process.stdin is not None
        try:
            os.write(self._process.stdin.fileno(), words)
        except BrokenPipeError:
            self._failed = self._failed or "the guardian does not listen any more"

    def _end(self) -> int:
        self._over.set()
        if self._beats.ident is not None:
            self._beats.join()
        self._say(b"bye\n")
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                pipe.close()
        try:
            return self._process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired as error:
            raise NotProven(f"the guardian (pid {self.pid}) still tries to undo: {self._to_do}") from error


def _start(store: Path, run: str, log: Path, lease_s: float) -> subprocess.Popen[bytes]:
    """Start it in a session of its own, so that no signal to our group reaches it; it outlives us."""
    folder = undo_folder(store)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    spec = folder / f".{run.rpartition('/')[2]}.guard"
    spec.write_text(json.dumps({"store": str(store.resolve()), "run": run, "lease_s": lease_s}))
    with log.open("ab") as errors:
        return start_standby("harness.guard", (str(spec.resolve()),), errors=errors)
