"""The driver's process as the runner sees it: started, sent off, listened to, ended.

Protocol: ``docs/protocols/driver.md``. The runner is synchronous; ``pump`` reads what the driver
has said since the last call and never waits.
"""

from __future__ import annotations

import contextlib
import os
import select
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from harness import shell
from harness.errors import Refused, Untrustworthy
from harness.history.events import Owed, Partition, Priced
from harness.targets.local.kernel import ending_with_us
from harness.targets.local.procfs import start_ticks

READY_LIMIT_S = 60.0
END_LIMIT_S = 10.0
NO_MARK: Mapping[str, str] = {}


class RecordsTold(msgspec.Struct, frozen=True):
    """What the driver says of one fault in the records: the answer to an order, or its first record.

    ``touched`` counts records offered changed so far; ``at_s`` is the monotonic instant of the order, or
    of the sending of record ``first``.
    """

    episode: int
    on: bool
    why: Literal["on", "off", "look", "first"]
    touched: int
    at_s: float
    first: str = ""


class Heard(msgspec.Struct, frozen=True):
    """One line of the driver; exactly one member is set."""

    ready: bool = False
    units: int = 0
    costs: Priced | None = None
    stall: dict[str, float] | None = None
    versions: tuple[str, ...] | None = None
    records: RecordsTold | None = None
    owed: Owed | None = None
    partition: Partition | None = None
    done: dict[str, int] | None = None


class Driver(Protocol):
    """Whoever drives a run, as it is known while that lasts."""

    done: bool

    @property
    def pid(self) -> int:
        """Its process id; 0 where it is none of this machine."""
        ...

    def undo(self) -> tuple[str, Mapping[str, int | str]] | None:
        """Verb and arguments that end what it does to records; None: the end of the run does."""
        ...

    def go(self, at_s: float, /) -> None:
        """Name the instant of the first slot."""
        ...

    def order_on(self, episode: int, /) -> None:
        """Let the fault in the records of ``episode`` begin."""
        ...

    def order_off(self, episode: int, /) -> None:
        """End it."""
        ...

    def order_look(self, episode: int, /) -> None:
        """Ask how it stands."""
        ...

    def has_ended(self) -> bool:
        """Whether it sends nothing more."""
        ...

    def kill(self) -> None:
        """End one that does not answer."""
        ...

    def pump(self, wait_s: float = 0.0, /) -> list[Heard]:
        """What it has said since the last call."""
        ...

    def await_done(self, each: Callable[[Heard], None], /) -> None:
        """Wait for its last answer."""
        ...


class Witness:
    """The driver's process. Use as a context manager; leaving it ends the process.

    ``mark``: variables that it carries, so that a guardian can tell it from others. ``deadline_s``: how long
    the last unit's answer may take.
    """

    def __init__(
        self,
        spec: Mapping[str, object],
        *,
        spec_file: Path,
        log: Path,
        python_path: str,
        mark: Mapping[str, str] = NO_MARK,
        deadline_s: float = 0.0,
    ) -> None:
        spec_file.write_bytes(msgspec.json.encode(dict(spec)))
        self._log, self._mark, self._end_limit_s = log, mark, END_LIMIT_S + deadline_s
        with log.open("wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.driver", str(spec_file)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                env=shell.child_environment(PYTHONPATH=python_path, **mark),
                # A stopped driver does not see that its input closed.
                preexec_fn=ending_with_us(),  # noqa: PLW1509 - takes no lock
            )
        self._buffer = b""
        self.done = False

    def __enter__(self) -> Witness:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    @property
    def pid(self) -> int:
        """Process id of the driver."""
        return self._process.pid

    def undo(self) -> tuple[str, Mapping[str, int | str]] | None:
        """See ``Driver``: whoever carries our marks and has that pid is told to stop."""
        arguments: dict[str, int | str] = {"pid": self.pid, "start_ticks": start_ticks(self.pid)}
        for variable, token in self._mark.items():
            arguments |= {"variable": variable, "token": token}
        return "stop_records", arguments

    def await_ready(self) -> Priced | None:
        """Wait until all units are built; gives what decisions cost. Raises Refused with the log's end."""
        give_up_s = shell.monotonic_s() + READY_LIMIT_S
        with contextlib.suppress(Untrustworthy):  # its end, before anything was measured
            while shell.monotonic_s() < give_up_s:
                ready = [heard for heard in self.pump(wait_s=0.2) if heard.ready]
                if ready:
                    return ready[0].costs
        raise Refused(f"the driver did not get ready; its last lines:\n{self._log_tail()}")

    def go(self, at_s: float) -> None:
        """Name the monotonic instant of the first slot."""
        self._say(f"go {at_s!r}\n".encode())

    def order_on(self, episode: int) -> None:
        """Let the fault in the records of ``episode`` begin; answered by ``Heard.records``."""
        self._say(f"on {episode}\n".encode())

    def order_off(self, episode: int) -> None:
        """End it; answered by ``Heard.records``."""
        self._say(f"off {episode}\n".encode())

    def order_look(self, episode: int) -> None:
        """Ask how it stands and change nothing; answered by ``Heard.records``."""
        self._say(f"look {episode}\n".encode())

    def has_ended(self) -> bool:
        """Look whether the driver is over, or has told that it sends nothing more."""
        return self.done or self._process.poll() is not None

    def kill(self) -> None:
        """End a driver that does not answer: what it would have sent, it sends no more."""
        self._process.kill()
        self._process.wait()

    def pump(self, wait_s: float = 0.0) -> list[Heard]:
        """Read what was said; raises Untrustworthy where the driver died before its end, or of an error."""
        out = self._process.stdout
        assert out is not None
        ready, _, _ = select.select([out], [], [], wait_s)
        chunk = os.read(out.fileno(), 65536) if ready else b""
        if ready and not chunk and not (self._ended_well() and self.done):
            raise Untrustworthy(f"the witness ended before the run did; its last lines:\n{self._log_tail()}")
        *lines, self._buffer = (self._buffer + chunk).split(b"\n")
        heard = [msgspec.json.decode(line, type=Heard) for line in lines if line.strip()]
        self.done = self.done or any(h.done is not None for h in heard)
        return heard

    def await_done(self, each: Callable[[Heard], None]) -> None:
        """Wait for the last answer; raises Untrustworthy where it does not come in time."""
        give_up_s = shell.monotonic_s() + self._end_limit_s
        while not self.done:
            for heard in self.pump(wait_s=0.1):
                each(heard)
            if shell.monotonic_s() > give_up_s:
                raise Untrustworthy("the witness did not end after its last unit")

    def _say(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line)
            self._process.stdin.flush()
        except BrokenPipeError as error:
            self._await_exit()
            raise Untrustworthy(f"the witness ended early; its last lines:\n{self._log_tail()}") from error

    def _ended_well(self) -> bool:
        self._await_exit()
        return self._process.returncode == 0

    def _await_exit(self) -> None:
        """A pipe is closed a moment before the process is over."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=END_LIMIT_S)

    def _log_tail(self) -> str:
        lines = self._log.read_text(errors="replace").splitlines()
        return "\n".join(f"  {line}" for line in lines[-8:]) or "  (nothing)"

    def _end(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):  # it is gone already; that is what was wanted
            self._process.stdin.close()
        try:
            self._process.wait(timeout=END_LIMIT_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
