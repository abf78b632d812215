"""What the processes of a system cost on this machine, measured on real ones: the costs of a simulation.

Comes in: an experiment's system, prepared. Goes out: ``CostFile``. How long an end takes to be noticed, and a
service to be there again, is seen by killing it. What a request costs it is the processor time that a known
number of posts makes it use, divided by the requests and bytes that the very same posts bring it in a
simulated world, where they can be counted. Whom posts do not reach is asked whether it is ready, often.
"""

from __future__ import annotations

import http.client
import signal
import statistics
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import numpy as np

import harness
from harness.driver.opening import open_world
from harness.driver.parcels import build_parcels
from harness.driver.spec import Spec
from harness.errors import Refused
from harness.experiment.model import Experiment
from harness.plan.model import Plan
from harness.plan.schedule import make_plans
from harness.run.fields import world_spec
from harness.run.machine import fingerprint
from harness.run.material import Material, open_material
from harness.run.modules import import_path
from harness.run.safety import only_runner
from harness.run.scratch import scratch
from harness.run.secrets import Secrets, read_secrets
from harness.run.template import ensure_template
from harness.shell import monotonic_s, sleep_until
from harness.simulation.kernel import Kernel
from harness.simulation.network import Call
from harness.targets.local.kernel import is_gone, pinned
from harness.targets.local.looks import look, refuses
from harness.targets.local.procfs import processor_s
from harness.targets.local.profiles import PROFILES
from harness.targets.local.system import LocalSystem
from harness.targets.local.wiring import SystemPlace
from harness.targets.simulation.costs import CostFile, ServiceCost
from harness.targets.simulation.looker import Looker
from harness.targets.simulation.system import SimulatedPlace, SimulatedSystem

SEED = 1
LONG_S = 120.0
"""Of the world, to draw bodies from."""
RESTARTS = 5
IDLE_S = 10.0
SINGLES, BATCHES = 400, 80
LOOKS = 300
"""How often a service is asked whether it is ready."""
REACHED_MIN = SINGLES / 8
"""Who is asked less often by a load than this is not reached by it."""
SETTLE_S = 1.5
"""What a post leaves to be done behind its answer is done by then."""
_POLL_S = 0.0005
_POST_WITHIN_S = 5.0

Used = Mapping[str, float]
Traffic = Mapping[str, tuple[int, int]]
"""Requests and bytes that each service was asked with."""
Timed = tuple[float, Traffic]
"""Traffic, and the virtual seconds it took."""
Post = Callable[[bytes], None]


def calibrate_here(experiment: Experiment, store: Path, progress: Callable[[str], None]) -> CostFile:
    """Prepare the experiment's system, start it with the first of its arms, measure it, and end it.

    ``Refused`` where that arm is ``bare``: nobody starts there what was killed.
    """
    python_path = import_path(experiment)
    plan = next(plan for plan in make_plans(experiment, SEED) if plan.arm == experiment.arms[0])
    if plan.arm == "bare":
        raise Refused(f"arm bare of {experiment.title} starts nothing again: name another arm first")
    with only_runner(store, plan.target, progress):
        cache = store / ".templates"
        template = ensure_template(experiment, cache=cache, python_path=python_path, progress=progress)
        material = open_material(experiment, template=template, python_path=python_path)
        spec = msgspec.convert(
            {
                **msgspec.to_builtins(
                    world_spec(plan, experiment, template=template, python_path=python_path)
                ),
                "duration_s": LONG_S,
                "mutations": (),
                "labels": None,
                "url": "",
                "observations": "",
            },
            type=Spec,
        )
        load = load_of(spec)
        secrets = read_secrets(experiment.system, Path(experiment.system_dir))
        with (
            scratch(store) as state_dir,
            secrets.in_errors(),
            LocalSystem(_place(experiment, plan, template, state_dir, secrets=secrets)) as running,
        ):
            return calibrate(running, material, load, progress)


def _place(
    experiment: Experiment, plan: Plan, template: Path, state_dir: Path, *, secrets: Secrets
) -> SystemPlace:
    return SystemPlace(
        system=experiment.system,
        system_dir=Path(experiment.system_dir),
        template=template,
        state_dir=state_dir,
        arm=plan.arm,
        restart_profile="fast",
        python_path=import_path(experiment),
        seed=plan.seed,
        secrets=secrets.values,
    )


@dataclass(frozen=True, slots=True)
class Load:
    """Bodies to post one after the other: single units, and batches of them."""

    singles: Sequence[bytes]
    batches: Sequence[bytes]


def load_of(spec: Spec) -> Load:
    """Draw bodies from the world of ``spec``; ``Refused`` where it offers no batches."""
    parcels = build_parcels(spec.seed, spec.profile, spec.duration_s, open_world(spec))
    bodies = [(len(parcel.units), parcel.body) for parcel in parcels if parcel.body]
    singles = [body for units, body in bodies if units == 1][:SINGLES]
    batches = [body for units, body in bodies if units > 1][:BATCHES]
    if len(singles) < SINGLES or len(batches) < BATCHES:
        raise Refused(
            f"the world gives {len(singles)} single units and {len(batches)} batches in "
            f"{spec.duration_s:g} s; to calibrate, {SINGLES} and {BATCHES} are posted"
        )
    return Load(singles, batches)


def calibrate(
    running: LocalSystem, material: Material, load: Load, progress: Callable[[str], None]
) -> CostFile:
    """Measure a started system; takes about a minute."""
    lives = {name: _again_s(running, name, progress) for name in running.running}
    route = running.system.workload.route
    with _posting(running.witness_url, route) as post:
        used = [_used(running, lambda: _pass(IDLE_S))]
        for bodies in (load.singles, load.batches):
            progress(f"posting {len(bodies)} bodies")
            used.append(_used(running, partial(_post_all, post, bodies)))
    looks = {name: _look_s(running, name, used[0], progress) for name in running.running}
    traffic = _counted(material, load)
    services = {}
    for name, (exit_s, boot_s) in lives.items():
        call_s, byte_s = request_cost(name, used, traffic) or (looks[name], 0.0)
        services[name] = ServiceCost(
            boot_s=round(boot_s, 6), exit_s=round(exit_s, 6), call_s=round(call_s, 9), byte_s=byte_s
        )
    return CostFile(machine=fingerprint(), harness_version=harness.__version__, services=services)


def _again_s(running: LocalSystem, name: str, progress: Callable[[str], None]) -> tuple[float, float]:
    """Median times from the end of a process to the start of the next, and from there until its port is open.

    A service opens its port when it can answer: what it is asked from then on waits, and is not refused.
    """
    progress(f"killing {name} {RESTARTS} times")
    port = running.ports[name]
    exits, boots = [], []
    for _ in range(RESTARTS):
        row = running.service(name)
        limit_s = running.running[name].start_timeout_s
        with pinned(row.pid, row.start_ticks) as handle:
            signal.pidfd_send_signal(handle, signal.SIGKILL)
            if not is_gone(handle, limit_s):
                raise Refused(f"{name} was killed and is still there after {limit_s:g} s")
        ended_s = monotonic_s()
        while refuses(port):
            if monotonic_s() > ended_s + limit_s:
                raise Refused(f"{name} was not there again: {running.log_tail(name)}")
            sleep_until(monotonic_s() + _POLL_S)
        open_s = monotonic_s()
        running.wait_ready(name)
        if running.service(name).boot_id == row.boot_id:
            raise Refused(f"{name} answers as the process that was to be replaced")
        started = [line.at_s for line in running.ledger() if (line.service, line.act) == (name, "started")]
        exits.append(started[-1] - ended_s)
        boots.append(open_s - started[-1])
    return max(0.0, statistics.median(exits)), max(0.0, statistics.median(boots))


def _look_s(
    running: LocalSystem, name: str, idle: tuple[float, Used], progress: Callable[[str], None]
) -> float:
    """Processor seconds of one small request: what many looks make the service use beyond its idle time."""
    progress(f"asking {name} {LOOKS} times")
    port, route = running.ports[name], running.running[name].readiness

    def ask() -> None:
        for _ in range(LOOKS):
            look(port, route, 1.0)

    took_s, used = _used(running, ask)
    idle_s, alone = idle
    return max(0.0, used[name] - alone[name] * took_s / idle_s) / LOOKS


def _used(running: LocalSystem, do: Callable[[], None]) -> tuple[float, Used]:
    """Seconds that ``do`` took, and the processor seconds that each service used meanwhile."""
    pids = {row.name: row.pid for row in running.services()}
    begun_s, before = monotonic_s(), {name: processor_s(pid) for name, pid in pids.items()}
    do()
    after = {name: processor_s(pid) for name, pid in pids.items()}
    return monotonic_s() - begun_s, {name: after[name] - before[name] for name in pids}


def _pass(seconds: float) -> None:
    sleep_until(monotonic_s() + seconds)


def _post_all(post: Post, bodies: Sequence[bytes]) -> None:
    for body in bodies:
        post(body)
    _pass(SETTLE_S)


@contextmanager
def _posting(url: str, route: str) -> Iterator[Post]:
    place = urlsplit(url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_POST_WITHIN_S)
    try:

        def post(body: bytes) -> None:
            connection.request("POST", route, body=body, headers={"content-type": "application/json"})
            reply = connection.getresponse()
            reply.read()
            if reply.status != 200:
                raise Refused(f"POST {route} is answered with {reply.status}; a well system is needed")

        yield post
    finally:
        connection.close()


def _counted(material: Material, load: Load) -> list[Timed]:
    """What the same brings each service, in a world where nothing costs time: idle, singles, batches."""
    kernel = Kernel(seed=0)
    experiment = material.experiment
    place = SimulatedPlace(
        system=experiment.system,
        arm=experiment.arms[0],
        profile=PROFILES["fast"],
        restart=True,
        main=material.opened.serve,
    )
    system = SimulatedSystem(kernel, place)
    looker = Looker(kernel, system.network)
    try:
        system.start()
        return [
            _traffic(system, lambda: kernel.run(until_s=kernel.now_s + IDLE_S)),
            _traffic(system, lambda: _ask_all(system, looker, load.singles)),
            _traffic(system, lambda: _ask_all(system, looker, load.batches)),
        ]
    finally:
        looker.close()
        system.close()
        kernel.close()


def _ask_all(system: SimulatedSystem, looker: Looker, bodies: Sequence[bytes]) -> None:
    workload = system.system.workload
    for body in bodies:
        call = Call(f"POST {workload.route}", body, system.system.witness_edge)
        looker.ask(workload.service, call, _POST_WITHIN_S)
    system.kernel.run(until_s=system.kernel.now_s + SETTLE_S)


def _traffic(system: SimulatedSystem, do: Callable[[], None]) -> Timed:
    before, begun_s = dict(system.network.served), system.kernel.now_s
    do()
    nothing = (0, 0)
    return system.kernel.now_s - begun_s, {
        name: (calls - before.get(name, nothing)[0], size - before.get(name, nothing)[1])
        for name, (calls, size) in system.network.served.items()
    }


def request_cost(
    name: str, used: Sequence[tuple[float, Used]], traffic: Sequence[Timed]
) -> tuple[float, float] | None:
    """Solve for what a request and a byte cost, so that all loads come out as they were measured.

    ``used`` and ``traffic``: idle first, then each load. What a service does by itself, and what it is asked
    without any load, go off first, at the rates of the idle time. Where requests and bytes cannot be told
    apart, or one would be negative, all of it is laid on requests. None where loads do not reach it.

    >>> idle, load = (10.0, {"a": 1.0}), (5.0, {"a": 0.7})
    >>> request_cost("a", [idle, load], [(10.0, {"a": (20, 0)}), (1.0, {"a": (102, 0)})])
    (0.002, 0.0)
    """
    (idle_s, idle), (asleep_s, unasked) = used[0], traffic[0]
    own = [max(0.0, cpu[name] - idle[name] * length_s / idle_s) for length_s, cpu in used[1:]]
    before = np.array(unasked.get(name, (0, 0)), dtype=np.float64) / asleep_s
    asked = np.array([one.get(name, (0, 0)) - before * length_s for length_s, one in traffic[1:]])
    if not (asked[:, 0] >= REACHED_MIN).any():
        return None
    solved, _, rank, _ = np.linalg.lstsq(asked, np.array(own), rcond=None)
    call_s, byte_s = (float(one) for one in solved)
    if rank < 2 or call_s < 0.0 or byte_s < 0.0:
        call_s, byte_s = sum(own) / float(asked[:, 0].sum()), 0.0
    return round(call_s, 9), round(byte_s, 12)
