"""What the processes of a system cost on this machine, measured on real ones: the costs of a simulation.

Comes in: an experiment's system, prepared. Goes out: ``CostFile``. How long a service takes to be there is
seen by restarting it. What a request costs it is the processor time that a known number of posts makes it
use, divided by the requests and bytes that the very same posts bring it in a simulated world, where they can
be counted.
"""

from __future__ import annotations

import http.client
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
from harness.run.campaign import import_path
from harness.run.fields import world_spec
from harness.run.machine import fingerprint
from harness.run.material import Material, open_material
from harness.run.safety import only_runner
from harness.run.scratch import scratch
from harness.run.template import ensure_template
from harness.shell import monotonic_s, sleep_until
from harness.simulation.kernel import Kernel
from harness.simulation.network import Call
from harness.targets.local.looks import look
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
SETTLE_S = 1.5
"""What a post leaves to be done behind its answer is done by then."""
_POLL_S = 0.001
_POST_WITHIN_S = 5.0

Used = Mapping[str, float]
Traffic = Mapping[str, tuple[int, int]]
"""Requests and bytes that each service was asked with."""
Post = Callable[[bytes], None]


def calibrate_here(experiment: Experiment, store: Path, progress: Callable[[str], None]) -> CostFile:
    """Prepare the experiment's system, start it with the first of its arms, measure it, and end it."""
    python_path = import_path(experiment)
    (plan, *_) = make_plans(experiment, SEED)
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
        with (
            scratch(store) as state_dir,
            LocalSystem(_place(experiment, plan, template, state_dir)) as running,
        ):
            return calibrate(running, material, load, progress)


def _place(experiment: Experiment, plan: Plan, template: Path, state_dir: Path) -> SystemPlace:
    return SystemPlace(
        system=experiment.system,
        system_dir=Path(experiment.system_dir),
        template=template,
        state_dir=state_dir,
        arm=plan.arm,
        restart_profile="fast",
        python_path=import_path(experiment),
        seed=plan.seed,
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
    boots = {name: _boot_s(running, name, progress) for name in running.running}
    route = running.system.workload.route
    with _posting(running.witness_url, route) as post:
        used = [_used(running, lambda: _pass(IDLE_S))]
        for bodies in (load.singles, load.batches):
            progress(f"posting {len(bodies)} bodies")
            used.append(_used(running, partial(_post_all, post, bodies)))
    traffic = _counted(material, load)
    services = {name: _cost(boots[name], name, used, traffic) for name in running.running}
    return CostFile(machine=fingerprint(), harness_version=harness.__version__, services=services)


def _boot_s(running: LocalSystem, name: str, progress: Callable[[str], None]) -> float:
    """The median time from the start of a process to its first good answer."""
    progress(f"restarting {name} {RESTARTS} times")
    port, route = running.ports[name], running.running[name].readiness
    lengths = []
    for _ in range(RESTARTS):
        before = running.service(name).boot_id
        running.client.act(name, "restart")
        late_s = monotonic_s() + running.running[name].start_timeout_s
        while look(port, route, 1.0).status != 200:
            if monotonic_s() > late_s:
                raise Refused(f"{name} was not ready again: {running.log_tail(name)}")
            sleep_until(monotonic_s() + _POLL_S)
        ready_s = monotonic_s()
        running.wait_ready(name)
        started = [line.at_s for line in running.ledger() if (line.service, line.act) == (name, "started")]
        if running.service(name).boot_id == before:
            raise Refused(f"{name} answers as the process that was to be replaced")
        lengths.append(ready_s - started[-1])
    return max(0.0, statistics.median(lengths))


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


def _counted(material: Material, load: Load) -> list[Traffic]:
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


def _traffic(system: SimulatedSystem, do: Callable[[], None]) -> Traffic:
    before = dict(system.network.served)
    do()
    nothing = (0, 0)
    return {
        name: (calls - before.get(name, nothing)[0], size - before.get(name, nothing)[1])
        for name, (calls, size) in system.network.served.items()
    }


def _cost(
    boot_s: float, name: str, used: Sequence[tuple[float, Used]], traffic: Sequence[Traffic]
) -> ServiceCost:
    """Solve for what a request and a byte cost, so that both loads come out as they were measured.

    What a service does by itself goes off first, at the rate of its idle time. Where the two cannot be told
    apart, or one would be negative, all of it is laid on requests.
    """
    idle_s, idle = used[0]
    own = [max(0.0, cpu[name] - idle[name] * length_s / idle_s) for length_s, cpu in used[1:]]
    asked = np.array([one.get(name, (0, 0)) for one in traffic[1:]], dtype=np.float64)
    if not asked[:, 0].any():
        calls = traffic[0].get(name, (0, 0))[0]
        return ServiceCost(boot_s=round(boot_s, 6), call_s=round(idle[name] / calls, 9) if calls else 0.0)
    solved, _, rank, _ = np.linalg.lstsq(asked, np.array(own), rcond=None)
    call_s, byte_s = (float(one) for one in solved)
    if rank < 2 or call_s < 0.0 or byte_s < 0.0:
        call_s, byte_s = float(sum(own) / asked[:, 0].sum()), 0.0
    return ServiceCost(boot_s=round(boot_s, 6), call_s=round(call_s, 9), byte_s=round(byte_s, 12))
