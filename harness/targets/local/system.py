"""A system as real processes on this machine: started, looked at, ended with nothing left behind.

Comes in: a ``System`` and a ``Place``. Goes out: addresses of its services, their states, the ledger. The
supervisor ends everything when our end of its standard input closes, so a killed runner leaves nothing.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Self

import msgspec

from harness.errors import HormesisError, Refused, Unsafe
from harness.experiment.model import Arm, RestartProfile, System
from harness.shell import fresh_token, monotonic_s, sleep_until
from harness.targets.local.client import Listening, PlatformClient, PlatformGone
from harness.targets.local.kernel import pinned
from harness.targets.local.ledger import Line
from harness.targets.local.procfs import carriers, start_ticks
from harness.targets.local.spec import ServiceState, Spec
from harness.targets.local.wiring import Place, free_ports, platform_environment, wire

RUN_VARIABLE = "HORMESIS_RUN"
LISTEN_WITHIN_S = 60.0  # the zygote's imports are in it
END_WITHIN_S = 10.0
POLL_S = 0.01


class LocalSystem:
    """One started system; a context manager. ``urls`` are the services' addresses by name.

    ``Refused`` on entering: it did not become ready; the message holds the last lines of the log.
    """

    def __init__(
        self,
        system: System,
        *,
        system_dir: Path,
        template_dir: Path,
        state_dir: Path,
        arm: Arm = "none",
        restart_profile: RestartProfile = "fast",
        python_path: tuple[Path, ...] = (),
        overrides: Mapping[str, float] | None = None,
    ) -> None:
        self.system = system
        self.run_token = fresh_token()
        self._place = Place(
            system_dir=system_dir.resolve(),
            template_dir=template_dir.resolve(),
            state_dir=state_dir.resolve(),
            python_path=python_path,
            run_token=self.run_token,
        )
        self.ports = dict(zip(system.services, free_ports(len(system.services)), strict=True))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}
        self._spec = wire(
            system,
            self._place,
            self.ports,
            arm=arm,
            restart_profile=restart_profile,
            overrides=overrides or {},
        )
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
        """One service by name; ``Refused`` names the known ones."""
        for row in self.services():
            if row.name == name:
                return row
        raise Refused(f"no service '{name}' in {self.system.name}; there are: {', '.join(self.ports)}")

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
        return _tail(self._place.state_dir / name / "log.txt", line_count)

    def stop(self) -> None:
        """End everything; again is nothing. ``Unsafe`` if a process of this run cannot be ended."""
        process, self._process = self._process, None
        if process is None:
            return
        with contextlib.suppress(HormesisError):  # a supervisor that is gone is what we want
            self.client.shutdown()
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
        folder = self._place.state_dir / ".supervisor"
        try:
            folder.mkdir(mode=0o700, parents=True)
        except FileExistsError as error:
            raise Refused(f"{self._place.state_dir} was used by another run; state must be fresh") from error
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
                env=platform_environment(self._place),
                start_new_session=True,  # a terminal's Ctrl-C is for the runner, which undoes first
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
        until_s = monotonic_s() + sum(one.start_timeout_s for one in self.system.services.values())
        while any(row.state != "ready" for row in self.services()):
            self._refuse_a_bad_start()
            if monotonic_s() > until_s:
                late = [row.name for row in self.services() if row.state != "ready"]
                raise Refused(f"not ready in time: {', '.join(late)}{self.log_tail(late[0])}")
            sleep_until(monotonic_s() + POLL_S)

    def _refuse_a_bad_start(self) -> None:
        """Any exit before all were ready refuses the system, and so does a start that takes too long."""
        for line in self.ledger():
            if line.act == "refused":
                raise Refused(line.detail)
            if line.act == "exited":
                raise Refused(
                    f"{line.service} ended while starting: {line.detail}{self.log_tail(line.service)}"
                )
        for row in self.services():
            limit_s = self.system.services[row.name].start_timeout_s
            if row.state == "starting" and monotonic_s() - row.since_s > limit_s:
                raise Refused(f"{row.name} is not ready after {limit_s:g} s{self.log_tail(row.name)}")

    def _own_log(self) -> str:
        return _tail(self._place.state_dir / ".supervisor" / "log.txt", 15)


def _tail(path: Path, line_count: int) -> str:
    if not path.exists():
        return ""
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()[-line_count:]
    return "".join(f"\n  | {_plain(line[:500])}" for line in lines)


def _plain(line: str) -> str:
    """Escape control characters: a log line must not move the cursor of who reads the message."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in line)
