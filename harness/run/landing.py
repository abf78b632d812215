"""A run in which partitions land: what the driver is told of it, and where every row ended.

Comes in: the state folder of the job, its twin's results. Goes out: parts of the driver's SPEC.json, and
``Audited`` by rows: what stands in the results after the last fault, read again from the first partition on.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from harness.driver.partitions import Judged, Twin, judge
from harness.driver.places import Shut, make_ready, open_results
from harness.errors import Untrustworthy
from harness.experiment.excerpt import quoted
from harness.experiment.model import System
from harness.experiment.tables import Table
from harness.history.events import Audited, TwinMade
from harness.run.audit import EXAMPLES
from harness.run.settle import LOOK_AGAIN_S, rows_of
from harness.run.stage import Stage

AT_ONCE, PAUSE_S = 10, 0.02


@dataclass(frozen=True, slots=True)
class Landing:
    """``root``: the state folder of the job; ``twin_file``: where the driver reads what is right."""

    table: Table
    twin: Twin
    root: Path
    twin_file: Path

    def make_ready(self) -> None:
        """Make the folder of arrivals, and write down what is right."""
        make_ready(self.table, self.root)
        self.twin_file.write_bytes(msgspec.json.encode(self.twin))

    def spec(self) -> dict[str, object]:
        """The driver's part."""
        return {"landing": str(self.root), "twin": str(self.twin_file)}

    def event(self) -> TwinMade:
        """The history's part."""
        return TwinMade(
            partitions=len(self.twin.partitions), rows=self.twin.rows(), lasted_s=self.twin.lasted_s
        )

    def judged(self, numbers: list[int]) -> Mapping[int, Judged]:
        """Read the partitions of these numbers anew, all of them; raises ``Shut``."""
        names = [self.table.results.called(number) for number in numbers]
        with contextlib.closing(open_results(self.table, self.root)) as results:
            found = results.changed(names, names)
        return {
            number: judge(self.twin.partitions[number], found.get(name, ()), self.table.tolerance)
            for number, name in zip(numbers, names, strict=True)
        }

    def strays(self) -> Mapping[str, int]:
        """Rows that stand under the name of no partition of this run, by that name; raises ``Shut``."""
        names = [self.table.results.called(number) for number in range(len(self.twin.partitions))]
        with contextlib.closing(open_results(self.table, self.root)) as results:
            return results.strays(names)


def landing_of(system: System, state_dir: Path, twin: Twin | None) -> Landing | None:
    """How partitions land in a run of ``system``; None where units are offered otherwise."""
    table = system.workload.table
    if table is None or twin is None:
        return None
    return Landing(table, twin, state_dir / system.workload.service, state_dir / "twin.json")


def audit_partitions(landing: Landing, stage: Stage) -> None:
    """Wait until every landed partition is right, at most ``settle_s``, and record where every row ended."""
    rows = rows_of(stage.evidence)
    landed = np.unique(rows["unit"][np.isfinite(rows["sent"])]).tolist()
    began_s = stage.clock.now_s()
    while True:
        stage.alarms.look()
        judged, why = _looked(landing, landed, stage)
        now_s = stage.clock.now_s()
        right = not why and all(one.state == "right" for one in judged.values())
        if right or now_s >= began_s + stage.plan.profile.settle_s:
            break
        stage.clock.sleep_until(now_s + LOOK_AGAIN_S)
    if why:
        raise Untrustworthy(f"the results could not be read at the end: {why}")
    stage.hear_ledger()
    try:
        strays = landing.strays()
    except Shut as shut:
        raise Untrustworthy(f"the results could not be read at the end: {shut}") from shut
    stage.evidence.append(audited(landing.table, judged, now_s - began_s if right else -1.0, strays))


def _looked(landing: Landing, numbers: list[int], stage: Stage) -> tuple[Mapping[int, Judged], str]:
    """Look at all of them, a few at a time: on a busy machine who computes long is kept from beating."""
    judged: dict[int, Judged] = {}
    try:
        for first in range(0, len(numbers), AT_ONCE):
            judged |= landing.judged(numbers[first : first + AT_ONCE])
            stage.clock.sleep_until(stage.clock.now_s() + PAUSE_S)
    except Shut as shut:
        return {}, str(shut)
    return judged, ""


def audited(
    table: Table, judged: Mapping[int, Judged], settled_s: float, strays: Mapping[str, int]
) -> Audited:
    """Add up the rows of partitions by number; examples name the first that are not right.

    ``strays``: rows under the name of no partition, which are foreign.
    """
    wrong = {number: one for number, one in judged.items() if one.state != "right"}
    named = [f"foreign: {rows} rows under {quoted(name)}" for name, rows in sorted(strays.items())]
    named += [
        f"{one.state}: {table.lands.called(number)}, {one.right} of {one.rows} rows right"
        for number, one in sorted(wrong.items())
    ]
    return Audited(
        observable=True,
        accepted=sum(one.rows for one in judged.values()),
        delivered_once=sum(one.right for one in judged.values()),
        doubled=sum(one.doubled for one in judged.values()),
        dead_letters=0,
        missing=sum(one.missing for one in judged.values()),
        foreign=sum(one.foreign for one in judged.values()) + sum(strays.values()),
        changed=sum(one.wrong for one in judged.values()),
        settled_s=settled_s,
        examples=tuple(named[:EXAMPLES]),
    )
