"""A system as real processes on this machine: started, looked at, ended with nothing left behind.

Comes in: a ``SystemPlace``. Goes out: addresses of its services and edges, their states, the ledger. Proxy
and supervisor end everything when our end of their standard input closes: a killed runner leaves nothing.
"""

from __future__ import annotations

import contextlib
import signal
from pathlib import Path
from typing import Self

import msgspec

from harness.errors import HormesisError, Refused, Unsafe
from harness.observers.fetch import Reply, fetch
from harness.shell import fresh_token, monotonic_s, sleep_until
from harness.targets.local.child import END_WITHIN_S, Child, tail
from harness.targets.local.client import Listening, PlatformClient, PlatformGone
from harness.targets.local.crossing import Crossing
from harness.targets.local.kernel import pinned
from harness.targets.local.ledger import Line
from harness.targets.local.procfs import carriers, start_ticks
from harness.targets.local.spec import ServiceState
from harness.targets.local.wiring import (
    RUN_VARIABLE,
    Addresses,
    SystemPlace,
    base_environment,
    edges_in,
    free_ports,
    hook_call,
    services_in,
    wire,
)

POLL_S = 0.01
ASK_S = 5.0


class LocalSystem:
    """One started system; a context manager. ``urls`` are the services' own addresses by name.

    ``entries`` are the ports at which the edges enter the fault proxy; ``witness_url`` is where units are
    offered, by the witness's edge ("" where partitions land instead), ``label_url`` where labels are told (""
    where this arm takes none); ``crossing`` is that proxy.
    ``Refused`` on entering: it did not become ready; the message holds the last lines of the log.
    """

    def __init__(self, place: SystemPlace) -> None:
        self.system = place.system
        self._place = place
        self.run_token = fresh_token()
        self.running = services_in(place)
        edges = edges_in(place)
        # Drawn together: two draws could give one port twice.
        ports = free_ports(len(self.running) + len(edges))
        self.ports = dict(zip(self.running, ports, strict=False))
        self.entries = dict(zip(edges, ports[len(self.running) :], strict=True))
        self.urls = {name: f"http://127.0.0.1:{port}" for name, port in self.ports.items()}
        witness_port = self.entries.get(self.system.witness_edge)
        self.witness_url = f"http://127.0.0.1:{witness_port}" if witness_port else ""
        label_port = self.entries.get(self.system.label_edge)
        self.label_url = f"http://127.0.0.1:{label_port}" if label_port else ""
        upstreams = {name: self.ports[edge.to] for name, edge in edges.items()}
        self.crossing = Crossing(self.entries, upstreams, seed=place.seed)
        self._environment = base_environment(place, self.run_token)
        addresses = Addresses(services=self.ports, edges=self.entries)
        self._spec = wire(place, addresses, self._environment)
        self._state_dir = place.state_dir.resolve()
        self._supervisor: Child | None = None
        self._listening = Listening(port=0, token="")
        self._client: PlatformClient | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Pid of the supervisor; 0 before the start and after the end."""
        return self._supervisor.process.pid if self._supervisor else 0

    @property
    def client(self) -> PlatformClient:
        """The supervisor's protocol; ``PlatformGone`` if none runs."""
        if self._client is None:
            raise PlatformGone(f"system {self.system.name} does not run")
        return self._client

    @property
    def platform_address(self) -> tuple[int, str]:
        """Port and token of the supervisor, as undo records name them."""
        return self._listening.port, self._listening.token

    def start(self) -> None:
        """Start proxy, supervisor and all services; return when all are ready, else end it: ``Refused``."""
        try:
            self.crossing.start(self._state_dir / ".proxy", self._environment)
            self._supervisor = Child(
                f"the supervisor of {self.system.name}",
                "harness.targets.local.supervisor",
                self._spec,
                folder=self._state_dir / ".supervisor",
                environment=self._environment,
            )
            self._listening = msgspec.json.decode(self._supervisor.first_line(), type=Listening)
            self._client = PlatformClient(self._listening)
            self._wait_all_ready()
        except PlatformGone as error:
            supervisor = self._supervisor
            self.stop()  # first: only then has it written why
            log = supervisor.log_tail() if supervisor else ""
            raise Refused(f"the supervisor of {self.system.name} ended at the start{log}") from error
        except BaseException:
            self.stop()
            raise

    def hook(self, name: str) -> tuple[list[str], dict[str, str], Path]:
        """Command, environment and folder of a hook; ``Refused`` where the system file names none such."""
        program = self.system.hooks.get(name)
        if program is None:
            raise Refused(
                f"no hook '{name}' in {self.system.name}; there are: {', '.join(self.system.hooks)}"
            )
        return *hook_call(self._place, program, self.urls, self._environment), self._place.system_dir

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

    def ask(self, service: str, route: str) -> Reply:
        """GET a route of a service past all edges; ``Unseen`` where there is no answer."""
        return fetch(self.urls[service], route, ASK_S)

    def start_service(self, name: str) -> None:
        """Start ``name`` if it does not run; wait until it is ready, ``Refused`` if it does not become so."""
        self.client.act(name, "start")
        self.wait_ready(name)

    def wait_ready(self, name: str) -> None:
        """Wait until ``name`` is ready, at most its start timeout; ``Refused`` with its log if it is not."""
        limit_s = self.running[name].start_timeout_s
        until_s = monotonic_s() + limit_s
        while (row := self.service(name)).state != "ready":
            if monotonic_s() > until_s:
                raise Refused(f"{name} is {row.state}, not ready after {limit_s:g} s{self.log_tail(name)}")
            sleep_until(monotonic_s() + POLL_S)

    def log_tail(self, name: str) -> str:
        """The last lines of a service's log, each on its own line and indented; "" if there are none."""
        return tail(self._state_dir / name / "log.txt")

    def stop(self) -> None:
        """End everything; again is nothing. ``Unsafe`` if a process of this run cannot be ended."""
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is None and not self.crossing.pid:
            return
        try:
            if supervisor is not None:
                self._ask_for_the_end(supervisor)
                supervisor.end()
        finally:
            self.crossing.stop()
            self._client = None
            self._sweep()

    def end_arguments(self) -> dict[str, str]:
        """What the guardian must know to end this run (``end_run`` of docs/protocols/guard.md)."""
        return {"variable": RUN_VARIABLE, "token": self.run_token, "folder": str(self._state_dir)}

    def _ask_for_the_end(self, supervisor: Child) -> None:
        """Politely, or, where no supervisor listens, by closing its standard input."""
        try:
            self.client.shutdown()
        except HormesisError:
            supervisor.close_input()

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

    def _wait_all_ready(self) -> None:
        """Any exit before all were ready refuses the system, and so does a start that takes too long."""
        until_s = monotonic_s() + sum(one.start_timeout_s for one in self.running.values()) + 1.0
        while late := [row for row in self.services() if row.state != "ready"]:
            for line in self.ledger():
                self._refuse_a_bad_start(line)
            for row in late:
                limit_s = self.running[row.name].start_timeout_s
                since_s = row.since_s if row.state == "starting" else monotonic_s()
                if monotonic_s() > min(since_s + limit_s, until_s):
                    raise Refused(f"{row.name} is not ready after {limit_s:g} s{self.log_tail(row.name)}")
            sleep_until(monotonic_s() + POLL_S)

    def _refuse_a_bad_start(self, line: Line) -> None:
        if line.act == "refused":
            raise Refused(line.detail)
        if line.act == "exited":
            raise Refused(f"{line.service} ended while starting: {line.detail}")
