"""What is right: the job itself run once, alone and undisturbed, on the clean partitions of a run.

Comes in: the plans of a campaign. Goes out: a ``Twin`` for each seed and length, or ``Refused``: a job that
does not score clean input within its own promise cannot be measured.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import msgspec

from harness import shell
from harness.driver.files import open_files
from harness.driver.partitions import Row, Twin, build_partitions, twin_problem
from harness.driver.places import Results, Shut, land, make_ready, open_results
from harness.driver.spec import Spec
from harness.driver.workload import Parcel
from harness.errors import Refused
from harness.experiment.model import Experiment
from harness.experiment.tables import Table
from harness.history.events import StateReset
from harness.plan.model import Plan
from harness.run.fields import world_spec
from harness.run.safety import guarded_apart
from harness.run.scratch import scratch
from harness.targets.local.system import LocalSystem
from harness.targets.local.wiring import SystemPlace

Key: TypeAlias = tuple[int, float]
"""Seed and length of a run: what lands depends on nothing else."""
LOOK_S, PAUSE_S = 0.05, 0.01
QUIET_S_MIN = 1.0
"""Results must stand still for a deadline, and so long at least, before they are taken for whole."""
LIMIT_S = 120.0
"""Besides the deadlines of all partitions one after another."""
SLACK_S = 60.0


@dataclass(frozen=True, slots=True)
class Made:
    """What a twin is made from; ``reset`` brings the job's own state back before it, as before a run."""

    experiment: Experiment
    template: Path
    python_path: str
    store: Path
    secrets: Mapping[str, str] = field(default_factory=dict)
    reset: Callable[[], StateReset] | None = None


@dataclass(frozen=True, slots=True)
class _Watched:
    """How long it may take, and a look whether whoever guards it is there: else it was ended under us."""

    check: Callable[[], None]
    limit_s: float


def key_of(plan: Plan) -> Key:
    """Which twin a run is judged by."""
    return plan.seed, plan.duration_s


def make_twins(plans: Sequence[Plan], made: Made, progress: Callable[[str], None]) -> Mapping[Key, Twin]:
    """Make each twin that ``plans`` need, once; none where the system answers for itself.

    Raises Refused where the job leaves clean partitions undone, Unsafe where it could not be ended.
    """
    table = made.experiment.system.workload.table
    twins: dict[Key, Twin] = {}
    for plan in plans if table else ():
        if table is not None and key_of(plan) not in twins:
            _put_aside()
            twin = _guarded(plan, made, table)
            twins[key_of(plan)] = twin
            progress(
                f"twin: the job alone, on {len(twin.partitions)} clean partitions: {twin.rows()} rows "
                f"of {len(twin.partitions) * table.rows} in {twin.lasted_s:.1f} s; this is right"
            )
    if twins:
        _put_aside()
    return twins


def _put_aside() -> None:
    """Let what exists live to the end: a full collection stops every thread, and rows by the ten thousand
    bring one about while a guardian waits for our beats."""
    gc.collect()
    gc.freeze()


def _guarded(plan: Plan, made: Made, table: Table) -> Twin:
    """Run it so that nothing of it is left, whatever happens to us."""
    if made.reset is not None:
        made.reset()
    parcels = _landing(plan, made, table)
    limit_s = LIMIT_S + len(parcels) * table.deadline_s
    with scratch(made.store) as state:
        system = LocalSystem(
            SystemPlace(
                system=made.experiment.system,
                system_dir=Path(made.experiment.system_dir),
                template=made.template,
                state_dir=state,
                python_path=made.python_path,
                seed=plan.seed,
                secrets=made.secrets,
            )
        )
        with guarded_apart(
            made.store,
            f"twin/twin-{plan.seed}",
            system.end_arguments(),
            what="the twin of the job",
            log=state / "guardian.txt",
            within_s=limit_s + sum(one.start_timeout_s for one in system.running.values()) + SLACK_S,
        ) as guardian:
            root = state / made.experiment.system.workload.service
            return _run(system, parcels, root, _Watched(guardian.check, limit_s))


def _landing(plan: Plan, made: Made, table: Table) -> list[Parcel]:
    told = world_spec(plan, made.experiment, template=made.template, python_path=made.python_path)
    spec = msgspec.convert(msgspec.to_builtins({**told, "url": "", "observations": ""}), type=Spec)
    return build_partitions(plan.seed, plan.profile, plan.duration_s, world=open_files(spec), table=table)


def _run(system: LocalSystem, parcels: Sequence[Parcel], root: Path, watched: _Watched) -> Twin:
    table = system.system.workload.table
    assert table is not None
    make_ready(table, root)
    with system:
        began_s = shell.monotonic_s()
        for parcel in parcels:
            _land(table, root, parcel, began_s + watched.limit_s)
            shell.sleep_until(shell.monotonic_s() + PAUSE_S)
        found, at_s = _whole(table, root, len(parcels), watched)
    partitions = tuple(tuple(found[table.results.called(number)]) for number in range(len(parcels)))
    if why := twin_problem(partitions, table):
        raise Refused(f"the job, alone on clean input, cannot say what is right: {why}")
    return Twin(partitions=partitions, lasted_s=round(at_s - began_s, 3))


def _land(table: Table, root: Path, parcel: Parcel, until_s: float) -> None:
    """Land one; a job that is just writing is waited for."""
    while True:
        try:
            return land(table, root, parcel.units[0].id, parcel.body)
        except Shut as shut:
            if shell.monotonic_s() > until_s:
                raise Refused(f"clean input could not be handed over: {shut}") from shut
        shell.sleep_until(shell.monotonic_s() + LOOK_S)


def _whole(table: Table, root: Path, count: int, watched: _Watched) -> tuple[dict[str, list[Row]], float]:
    """The results once every partition has some and nothing moved for a while, and since when that is so."""
    names = [table.results.called(number) for number in range(count)]
    results = open_results(table, root)
    found: dict[str, list[Row]] = {}
    moved_s, shut = shell.monotonic_s(), ""
    until_s = moved_s + watched.limit_s
    while True:
        watched.check()
        before = dict(found)
        shut = _look(results, names, found)
        now_s = shell.monotonic_s()
        moved_s = moved_s if found == before else now_s
        left = [name for name in names if not found.get(name)]
        if not left and now_s >= moved_s + max(QUIET_S_MIN, table.deadline_s):
            results.close()
            results = open_results(table, root)  # which reads all of it, also what was written over in place
            found, before = {}, found
            shut = _look(results, names, found)
            if found == before:
                results.close()
                return found, moved_s
            moved_s = now_s
        if now_s > until_s or (left and now_s > moved_s + _patience_s(table)):
            results.close()
            raise Refused(_undone(left, names, shut))
        shell.sleep_until(now_s + LOOK_S)


def _look(results: Results, names: Sequence[str], found: dict[str, list[Row]]) -> str:
    """Put what may have changed into ``found``; gives why that cannot be seen now, "" if it can."""
    try:
        fresh = results.changed(names, ())
    except Shut as why:
        return str(why)
    found |= {name: sorted(rows, key=str) for name, rows in fresh.items()}
    return ""


def _patience_s(table: Table) -> float:
    """After so long without any progress the rest is not waited for."""
    return 10 * max(QUIET_S_MIN, table.deadline_s)


def _undone(left: Sequence[str], names: Sequence[str], shut: str) -> str:
    named = (
        f"{', '.join(left[:3])}{', ...' if len(left) > 3 else ''}" if left else "results moved all the time"
    )
    why = f"; {shut}" if shut else ""
    return (
        f"the job, alone on clean input, left {len(left)} of {len(names)} partitions without a result: "
        f"{named}{why}; run it by hand on one of them, and see that workload.table names where it writes"
    )
