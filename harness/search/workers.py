"""Who plays a batch: this process, or a pool of processes that opened the same system.

Comes in: where the material lies, seed, arm, limits. Goes out: outcomes in the order of the schedules. Each
is a function of its schedule, so it is no matter who played it. A worker that dies takes its pool with it;
the batch is played again in a new one, once.
"""

from __future__ import annotations

import functools
import multiprocessing
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing.process import BaseProcess
from pathlib import Path
from types import TracebackType

import msgspec

from harness.errors import Untrustworthy
from harness.experiment.load import load_experiment
from harness.experiment.model import Arm, Experiment, Simulation
from harness.run.material import open_material
from harness.search.episode import Player
from harness.search.limits import Limits
from harness.search.outcome import Outcome
from harness.search.schedule import Schedule

TRIES = 2


class Ground(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All that decides an episode besides its schedule, as a worker can be sent it.

    ``simulation``: what opens the system in the place of what its file says, "" = as the file says;
    ``knobs``: of the world, in the place of the scenario's, None = as the file says.
    """

    file: str
    template: str
    python_path: str
    seed: int
    arm: Arm
    limits: Limits = Limits()
    simulation: str = ""
    knobs: dict[str, str | int | float | bool] | None = None


def experiment_of(ground: Ground) -> Experiment:
    """Read the experiment, with what ``ground`` puts in the place of what it says."""
    experiment = load_experiment(Path(ground.file))
    if ground.simulation:
        opens = Simulation(opens=ground.simulation)
        system = msgspec.structs.replace(experiment.system, simulation=opens)
        experiment = msgspec.structs.replace(experiment, system=system)
    if ground.knobs is not None:
        scenario = msgspec.structs.replace(experiment.scenario, knobs=ground.knobs)
        experiment = msgspec.structs.replace(experiment, scenario=scenario)
    return experiment


def player_of(ground: Ground) -> Player:
    """Open the system, once a process; ``Refused`` where it cannot be simulated."""
    return _opened(msgspec.json.encode(ground))


@functools.lru_cache(maxsize=8)
def _opened(encoded: bytes) -> Player:
    ground = msgspec.json.decode(encoded, type=Ground)
    template = Path(ground.template)
    material = open_material(experiment_of(ground), template=template, python_path=ground.python_path)
    return Player(replace(material, offered={}), ground.seed, ground.arm, ground.limits)


@dataclass(frozen=True, slots=True)
class Playing:
    """One schedule on one ground; sent to where it is done."""

    ground: Ground

    def __call__(self, schedule: Schedule) -> Outcome:
        """Play it."""
        return player_of(self.ground).play(schedule)


class Crew:
    """``workers`` processes that play; with one it is this process itself. ``prepare``: called in each."""

    def __init__(self, ground: Ground, workers: int, prepare: Callable[[], None]) -> None:
        self._playing = Playing(ground)
        self._workers = workers
        self._prepare = prepare
        self._pool: ProcessPoolExecutor | None = None
        self._others: frozenset[BaseProcess] = frozenset()  # of whoever uses this as a library

    def play(self, batch: Sequence[Schedule]) -> list[Outcome]:
        """Play all of them; ``Untrustworthy`` where workers keep dying."""
        if self._workers == 1:
            return [self._playing(one) for one in batch]
        for _ in range(TRIES):
            pool = self._pool = self._pool or self._new_pool()
            try:
                return list(pool.map(self._playing, batch))
            except BrokenProcessPool:
                self._end()
        raise Untrustworthy(f"{TRIES} pools of {self._workers} workers died over the same batch of schedules")

    def __enter__(self) -> Crew:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _new_pool(self) -> ProcessPoolExecutor:
        # Spawned, not forked: a worker begins as fresh as any other, whatever this process has done.
        context = multiprocessing.get_context("spawn")
        self._others = frozenset(multiprocessing.active_children())
        return ProcessPoolExecutor(self._workers, context, initializer=self._prepare)

    def _end(self) -> None:
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown(wait=False, cancel_futures=True)
            for child in set(multiprocessing.active_children()) - self._others:
                child.kill()
                child.join()
