"""The process that makes load beside the witness, as the runner sees it: begun, ended, counted.

Comes in: a plan whose scenario asks for it. Goes out: a ``BackgroundLoad`` for the history. It begins before
the baseline and ends after the last wash-out; whatever ends the run ends it.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from harness import shell
from harness.driver.background import Load, Told
from harness.errors import Refused, Untrustworthy
from harness.experiment.model import Background
from harness.history.events import BackgroundLoad
from harness.plan.model import Plan
from harness.targets.local.kernel import ending_with_us

READY_LIMIT_S = 60.0
END_LIMIT_S = 20.0
SLACK_S = 120.0
"""How much longer than the timetable it may go on by itself: a start, a baseline, and an end that is slow."""


class LoadProcess:
    """Locust in a process of its own. Whoever leaves ``load_of`` ends it."""

    def __init__(self, process: subprocess.Popen[bytes], asked: Background, log: Path) -> None:
        self._process, self._asked, self._log = process, asked, log

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def begun(self) -> None:
        """Wait until all users are there; raises Refused with the log's end where they do not come."""
        assert self._process.stdout is not None
        ready, _, _ = select.select([self._process.stdout], [], [], READY_LIMIT_S)
        if not ready or not os.read(self._process.stdout.fileno(), 65536):
            raise Refused(f"the background load did not begin; its last lines:\n{self._tail()}")

    def ended(self) -> BackgroundLoad:
        """End it and count; raises Untrustworthy where it had ended before, or does not say what it did."""
        early = self._process.poll() is not None
        try:
            said, _ = self._process.communicate(timeout=END_LIMIT_S)
        except subprocess.TimeoutExpired as error:
            raise Untrustworthy(f"the background load did not end in {END_LIMIT_S:g} s") from error
        told = [msgspec.json.decode(line, type=Told) for line in said.splitlines()]
        if early or not told or not told[-1].done:
            raise Untrustworthy(f"the background load ended before the run did; its log:\n{self._tail()}")
        last = told[-1]
        return BackgroundLoad(users=self._asked.users, requests=last.requests, failed=last.failed)

    def kill(self) -> None:
        """End it, whatever it does."""
        self._process.kill()
        with self._process:  # waits, and closes its pipes
            pass

    def _tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-8:]) or "  (nothing)"


@contextmanager
def load_of(
    plan: Plan, url: str, *, around: Path, python_path: str, mark: Mapping[str, str]
) -> Iterator[LoadProcess | None]:
    """Make the load that ``plan`` asks for, on the witness's ``url``, while inside; None: it asks for none.

    Its log and what it is told lie in ``around``; it carries ``mark``, so that a guardian finds it.
    """
    asked = plan.background
    if isinstance(asked, msgspec.UnsetType):
        yield None
        return
    log, spec = around / "background.txt", around / "background.json"
    limit_s = plan.duration_s + SLACK_S
    load = Load(
        url=url + asked.route, users=asked.users, rate_hz=asked.rate_hz, body=asked.body, limit_s=limit_s
    )
    spec.write_bytes(msgspec.json.encode(load))
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "harness.driver.background", str(spec)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=shell.child_environment(PYTHONPATH=python_path, **mark),
            preexec_fn=ending_with_us(),  # noqa: PLW1509 - takes no lock
        )
    made = LoadProcess(process, asked, log)
    try:
        made.begun()
        yield made
    finally:
        with contextlib.suppress(ProcessLookupError):
            made.kill()
