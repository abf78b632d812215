"""A system as real processes on this machine: started, looked at, ended with nothing left behind.

Comes in: a ``SystemPlace``. Goes out: addresses of its services, their states, the ledger. The
supervisor ends everything when our end of its standard input closes, so a killed runner leaves nothing.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from pathlib import Path
from typing import Self

import msgspec

from harness.errors import HormesisError, Refused, Unsafe
from harness.shell import fresh_token, monotonic_s, sleep_until
from harness.targets.local.client import Listening, PlatformClient, PlatformGone
from harness.targets.local.kernel import ending_with_us, pinned
from harness.targets.local.ledger import Line
from harness.targets.local.procfs import carriers, start_ticks
from harness.targets.local.spec import ServiceState, Spec
from harness.targets.local.wiring import (
    RUN_VARIABLE,
    Addresses,
    SystemPlace,
    base_environment,
    edges_in,
    free_ports,
    services_in,
    wire,
)

LISTEN_WITHIN_S = 60.0  # the zygote's imports are in it
END_WITHIN_S = 10.0
POLL_S = 0.01


class LocalSystem:
    """One started system; a context manager. ``urls`` are the services' own addresses by name.

    ``witness_url`` is where units are offered: the workload's service as the witness reaches it, by its edge.
    ``Refused`` on entering: it did not become ready; the message holds the last lines of the log.
    """

    def __init__(self, place: SystemPlace) -> None:
        self.system = place.system
        self.run_token = fresh_token()
        self.running = services_in(place)
        self.ports = dict(zip(self.running, free_ports(len(self.running)), strict=True))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}
        self._environment = base_environment(place, self.run_token)
        entries = {name: self.ports[edge.to] for name, edge in edges_in(place).items()}
        self.witness_url = f"http://127.0.0.1:{entries[self.system.witness_edge]}"
        self._spec = wire(place, Addresses(services=self.ports, edges=entries), self._environment)
        self._state_dir = place.state_dir.resolve()
        self._process: subprocess.Popen[bytes] | None = None
        self._client: PlatformClient | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Pid of the supervisor; 0 before the start and after the end."""
        return self._process.pid if self._process else 0

    @property
    def client(self) -> PlatformClient:
        """The supervisor's protocol; ``PlatformGone`` if none runs."""
        if self._client is None:
            raise PlatformGone(f"system {self.system.name} does not run")
        return self._client

    def start(self) -> None:
        """Start the supervisor and all services; return when all are ready, else end it: ``Refused``."""
        try:
            self._process = self._run(self._write(self._spec))
            self._client = PlatformClient(self._listening(self._process))
            self._wait_all_ready()
        except PlatformGone as error:
            self.stop()
            raise Refused(
                f"the supervisor of {self.system.name} ended at the start{self._own_log()}"
            ) from error
        except BaseException:
            self.stop()
            raise

    def services(self) -> tuple[ServiceState, ...]:
        """All services as the supervisor sees them now."""
        return self.client.services()

    def boot_ids(self) -> dict[str, str]:
        """Boot id of every service, "" where its health route has none."""
        return {row.name: row.boot_id for row in self.services()}

    def service(self, name: str) -> ServiceState:
        """One service by name; ``Refused`` names the known ones.

        The supervisor hears of an exit a moment after we may have seen it: a row that still names a process
        that is gone is not given, we wait for the next; ``PlatformGone`` if it never comes.
        """
        if name not in self.ports:
            raise Refused(f"no service '{name}' in {self.system.name}; there are: {', '.join(self.ports)}")
        until_s = monotonic_s() + END_WITHIN_S
        while monotonic_s() < until_s:
            row = next(one for one in self.services() if one.name == name)
            if start_ticks(row.pid) == row.start_ticks:
                return row
            sleep_until(monotonic_s() + POLL_S)
        raise PlatformGone(f"the supervisor has not noted that a process of {name} is gone")

    def ledger(self, after: int = 0) -> tuple[Line, ...]:
        """What the supervisor did and saw, lines above number ``after``."""
        return self.client.ledger(after)

    def start_service(self, name: str) -> None:
        """Start ``name`` if it does not run; wait until it is ready, ``Refused`` if it does not become so."""
        self.client.act(name, "start")
        self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Wait until ``name`` is ready, at most its start timeout; ``Refused`` with its log if it is not."""
        limit_s = self.system.services[name].start_timeout_s
        until_s = monotonic_s() + limit_s
        while (row := self.service(name)).state != "ready":
            if monotonic_s() > until_s:
                raise Refused(f"{name} is {row.state}, not ready after {limit_s:g} s{self.log_tail(name)}")
            sleep_until(monotonic_s() + POLL_S)

    def log_tail(self, name: str, line_count: int = 15) -> str:
        """The last lines of a service's log, each on its own line and indented; "" if there are none."""
        return _tail(self._state_dir / name / "log.txt", line_count)

    def stop(self) -> None:
        """End everything; again is nothing. ``Unsafe`` if a process of this run cannot be ended."""
        process, self._process = self._process, None
        if process is None:
            return
        self._ask_for_the_end(process)
        try:
            process.wait(END_WITHIN_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()
        self._client = None
        self._sweep()

    def _ask_for_the_end(self, process: subprocess.Popen[bytes]) -> None:
        """Politely, or, where no supervisor listens, by closing its standard input."""
        try:
            self.client.shutdown()
        except HormesisError:
            if process.stdin is not None:
                process.stdin.close()

    def _sweep(self) -> None:
        """Kill whatever still carries this run's token, without asking the supervisor what it started."""
        until_s = monotonic_s() + END_WITHIN_S
        while left := carriers(RUN_VARIABLE, self.run_token):
            if monotonic_s() > until_s:
                raise Unsafe(f"processes of {self.system.name} are still there: {left}")
            for pid in left:
                with contextlib.suppress(ProcessLookupError), pinned(pid, start_ticks(pid)) as handle:
                    signal.pidfd_send_signal(handle, signal.SIGKILL)
            sleep_until(monotonic_s() + POLL_S)

    def _write(self, spec: Spec) -> Path:
        """Write SPEC.json where only we can read it: its environments may hold the user's values."""
        folder = self._state_dir / ".supervisor"
        try:
            folder.mkdir(mode=0o700, parents=True)
        except FileExistsError as error:
            raise Refused(f"{self._state_dir} was used by another run; state must be fresh") from error
        path = folder / "SPEC.json"
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(msgspec.json.encode(spec))
        return path

    def _run(self, spec_path: Path) -> subprocess.Popen[bytes]:
        with (spec_path.parent / "log.txt").open("wb") as log:
            return subprocess.Popen(
                [sys.executable, "-P", "-m", "harness.targets.local.supervisor", str(spec_path)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                cwd=spec_path.parent,
                env=self._environment,
                start_new_session=True,  # a terminal's Ctrl-C is for the runner, which undoes first
                # A stopped supervisor does not see that its input closed.
                preexec_fn=ending_with_us(),  # noqa: PLW1509 - takes no lock
            )

    def _listening(self, process: subprocess.Popen[bytes]) -> Listening:
        if process.stdout is None:
            raise Unsafe("the supervisor was started without a pipe")
        readable, _, _ = select.select([process.stdout], [], [], LISTEN_WITHIN_S)
        line = process.stdout.readline() if readable else b""
        if not line:
            raise Refused(f"the supervisor of {self.system.name} did not start{self._own_log()}")
        return msgspec.json.decode(line, type=Listening)

    def _wait_all_ready(self) -> None:
        """Any exit before all were ready refuses the system, and so does a start that takes too long."""
        until_s = monotonic_s() + sum(one.start_timeout_s for one in self.running.values()) + 1.0
        while late := [row for row in self.services() if row.state != "ready"]:
            for line in self.ledger():
                self._refuse_a_bad_start(line)
            for row in late:
                limit_s = self.system.services[row.name].start_timeout_s
                since_s = row.since_s if row.state == "starting" else monotonic_s()
                if monotonic_s() > min(since_s + limit_s, until_s):
                    raise Refused(f"{row.name} is not ready after {limit_s:g} s{self.log_tail(row.name)}")
            sleep_until(monotonic_s() + POLL_S)

    def _refuse_a_bad_start(self, line: Line) -> None:
        if line.act == "refused":
            raise Refused(line.detail)
        if line.act == "exited":
            raise Refused(f"{line.service} ended while starting: {line.detail}{self.log_tail(line.service)}")

    def _own_log(self) -> str:
        return _tail(self._state_dir / ".supervisor" / "log.txt", 15)


def _tail(path: Path, line_count: int) -> str:
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-line_count:]
    return "".join(f"\n  | {_plain(line[:500])}" for line in lines)


def _plain(line: str) -> str:
    """Escape control characters: a log line must not move the cursor of who reads the message."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
