"""What a system file says of partitions, checked; and what that means for an experiment.

Comes in: a decoded ``System``, the profile and steps of an experiment. Goes out: findings, and the profile in
the pace of the system.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePosixPath

import msgspec

from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path
from harness.experiment.model import FaultStep, Profile, System, Workload
from harness.experiment.tables import NUMBER, Place, Table
from harness.faults.effects import EdgeEffect, ProcessEffect

TABLE: Path = ("workload", "table")
PACE = ("rate_hz", "deadline_s", "load_batch", "golden_every")
"""Knobs of a profile that a job's own landing interval and deadline settle."""
ELSEWHERE = ("route", "subjects", "table")
"""Keys that are looked at for all archetypes alike."""
FEW = {"baseline_units": 100, "window_units": 20}
"""Knobs that may be lower only where a unit is a partition of many rows."""


def check_table(system: System, findings: Findings) -> None:
    """Note what is wrong with the two places of partitions, and what they have no use for (HRM306)."""
    workload, table = system.workload, system.workload.table
    if table is None:
        return
    _check_useless(system, findings)
    if not workload.units:
        why = "partitions are filled with its records, row after row"
        findings.add(
            "HRM203", "the key 'units' is missing", ("workload",), key=True, why=why, help="add 'units: FILE'"
        )
    for name, place in (("lands", table.lands), ("results", table.results)):
        _check_place(place, (*TABLE, name), findings)
    if _spot(table.lands) == _spot(table.results):
        _wrong("results would lie where partitions land", (*TABLE, "results"), findings, "name another place")
    if not table.columns:
        message = "no column is compared: any row with the right key would do"
        _wrong(message, (*TABLE, "columns"), findings, "name the columns that hold results")
    for n, column in enumerate(table.columns):
        if column in (table.key, *table.columns[:n]):
            message = f"the column {quoted(column)} is compared already"
            _wrong(message, (*TABLE, "columns", n), findings, "remove it: the key is looked at in any case")


def check_pace(profile: Profile, given: object, system: System, *, path: Path, findings: Findings) -> None:
    """Note knobs that the system file settles (HRM306), and windows too small for single records (HRM204)."""
    if system.workload.table is not None:
        named = given if isinstance(given, dict) else {}
        for key in PACE:
            if key in named:
                why = "workload.table of the system file says when partitions land and must be right"
                message = f"{quoted(key)} has no use here"
                findings.add("HRM306", message, (*path, key), key=True, why=why, help=f"remove {quoted(key)}")
        return
    for key, least in FEW.items():
        count: int = getattr(profile, key)
        if count < least:
            findings.add(
                "HRM204",
                f"'{key}' is {count}",
                (*path, key),
                label=f"at least {least}",
                why="fewer say something only where a unit is a partition of many rows",
                help=f"write a whole number from {least} on",
            )


def check_table_steps(steps: Sequence[FaultStep], system: System, findings: Findings) -> None:
    """Note faults that partitions cannot have (HRM234)."""
    if system.workload.table is None:
        return
    for n, step in enumerate(steps):
        if not isinstance(step.effect, ProcessEffect | EdgeEffect):
            findings.add(
                "HRM234",
                f"{quoted(step.kind)} cannot be done to partitions",
                ("method", n, "provider", "func"),
                label="not for archetype table",
                why="records are changed where they are posted, and models where a service answers",
                help="hit a process of the job, or an edge between services of the system",
            )


def paced(profile: Profile, table: Table) -> Profile:
    """The profile in the pace of the job: a unit is a partition.

    >>> from harness.experiment.model import PROFILES
    >>> place = Place(folder="in", name="{number}")
    >>> table = Table(rows=9, every_s=0.5, deadline_s=3.0, lands=place, results=place, columns=("y",))
    >>> paced(PROFILES["demo"], table).rate_hz
    2.0
    """
    return msgspec.structs.replace(
        profile, rate_hz=1 / table.every_s, deadline_s=table.deadline_s, load_batch=0, golden_every=0
    )


def _check_useless(system: System, findings: Findings) -> None:
    """Note keys of answers and of bodies (HRM306): they would be ignored."""
    bare = Workload(service=system.workload.service)
    of_answers = set(Workload.__struct_fields__) - {"archetype", "service", "units", *ELSEWHERE}
    given = {key for key in of_answers if getattr(system.workload, key) != getattr(bare, key)}
    keys: list[Path] = [("workload", key) for key in sorted(given)]
    keys += [(key,) for key in ("labels", "truth", "world", "simulation") if getattr(system, key)]
    keys += [("audit", key) for key in ("accepted", "sink", "dead_letters") if getattr(system.audit, key)]
    for path in keys:
        key = quoted(path[-1])
        findings.add(
            "HRM306",
            f"{key} has no use here",
            path,
            key=True,
            why="partitions land and results are looked at: nothing is asked of the job",
            help=f"remove {key}",
        )


def _check_place(place: Place, path: Path, findings: Findings) -> None:
    in_table = bool(place.database), place.table is not None, place.partition is not None
    if bool(place.folder) == any(in_table) or (any(in_table) and not all(in_table)):
        _wrong(
            "a place is a folder, or a table of a database",
            path,
            findings,
            "write {folder, name}, or {database, table, partition, name}",
        )
    for key in ("folder", "database"):
        where: str = getattr(place, key)
        if where and (PurePosixPath(where).is_absolute() or ".." in PurePosixPath(where).parts):
            message = f"{quoted(where)} is not below the job's state folder"
            _wrong(message, (*path, key), findings, "write a path that counts from {state}, e.g. incoming")
    if place.name.count(NUMBER) != 1 or "/" in place.name:
        message = f"{quoted(place.name)} names no single partition"
        _wrong(message, (*path, "name"), findings, f"write {NUMBER} once, and no '/', e.g. part-{NUMBER}.csv")


def _spot(place: Place) -> tuple[str, ...]:
    return place.folder, place.database, str(place.table), "" if place.database else place.name


def _wrong(message: str, path: Path, findings: Findings, help_text: str) -> None:
    findings.add("HRM308", message, path, help=help_text)
