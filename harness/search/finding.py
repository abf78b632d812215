"""A whole search from a user's words to what was found: prepared, searched, shrunk, kept.

Comes in: an experiment's file, numbers, a store. Goes out: a summary; the one place that touches the disk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import harness
from harness.errors import Problem, Refused, UsageProblem
from harness.experiment.excerpt import quoted
from harness.experiment.findings import advice
from harness.experiment.model import Arm, Experiment
from harness.run.modules import import_path
from harness.run.template import ensure_template
from harness.search.drawing import Drawing
from harness.search.engine import Failure, Found, Wanted, search, summary
from harness.search.menu import Menu, menu_of
from harness.search.outcome import Outcome
from harness.search.records import mutations_of
from harness.search.regressions import Regression, prepared_hash, write
from harness.search.schedule import Schedule
from harness.search.simpler import shrink_schedule
from harness.search.text import Kept, Summary
from harness.search.workers import Crew, Ground, experiment_of, player_of
from harness.units import plural

HEALERS: tuple[Arm, ...] = ("reference", "seed", "oracle")
REGRESSIONS = "regressions"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One search: its ground, what can be drawn there, how long, and where failures are kept."""

    ground: Ground
    title: str
    drawing: Drawing
    wanted: Wanted
    store: Path


def ground_of(
    experiment: Experiment, *, seed: int, arm: Arm, store: Path, progress: Callable[[str], None]
) -> Ground:
    """Prepare what all episodes share; ``Refused`` where it cannot be prepared."""
    python_path = import_path(experiment)
    template = ensure_template(
        experiment, cache=store / ".templates", python_path=python_path, progress=progress
    )
    return Ground(
        file=experiment.file,
        template=str(template),
        python_path=python_path,
        seed=seed,
        arm=arm,
    )


def healing(experiment: Experiment, asked: str) -> Arm:
    """The arm that was asked for, else the first of the file's arms with a healer, else of the system's.

    Raises UsageProblem where there is no healer in the one that was asked for, ``Refused`` where in none.
    """
    name, there = experiment.system.name, [arm for arm in HEALERS if arm in experiment.system.arms]
    if not there:
        raise Refused(f"{name} has no arm with a healer: there is nothing to search for")
    if not asked:
        return next((arm for arm in experiment.arms if arm in there), there[0])
    found = next((arm for arm in there if arm == asked), None)
    if found is None:
        message = f"{name} has no healer in arm {quoted(asked)}"
        help_text = advice(asked, there)
        raise UsageProblem((Problem(code="HRM219", message=message, file=experiment.file, help=help_text),))
    return found


def menu_on(ground: Ground) -> Menu:
    """What can be done to the system of ``ground``, its records included."""
    experiment = experiment_of(ground)
    player = player_of(ground)
    mutations = mutations_of(player.material, ground.limits, ground.seed)
    return menu_of(experiment.system, ground.arm, mutations)


def find(asked: Asked, crew: Crew, tell: Callable[[str], None]) -> Summary:
    """Search, then shrink each failure and keep it."""

    def told(found: Found) -> None:
        count = len(found.failures)
        failures = f", {plural(count, 'failure')}" if count else ""
        tell(
            f"{found.episodes} of {asked.wanted.episodes} episodes, {len(found.counts)} pairs seen{failures}"
        )

    found = search(asked.drawing, crew.play, asked.wanted, told)
    kept = tuple(_shrunk(asked, crew, failure, tell) for failure in found.failures.values())
    return Summary(
        title=asked.title,
        arm=asked.ground.arm,
        seed=asked.wanted.seed,
        uniform=asked.wanted.uniform,
        counts=summary(found),
        voids=found.voids,
        failures=kept,
    )


def _shrunk(asked: Asked, crew: Crew, failure: Failure, tell: Callable[[str], None]) -> Kept:
    tell(f"shrinking {failure.signature.invariant}")

    def play(schedule: Schedule) -> Outcome:
        return crew.play([schedule])[0]

    shrunk = shrink_schedule(failure.schedule, failure.signature, play, asked.drawing.menu)
    outcome = play(shrunk.smallest)
    file = write(_regression(asked, failure, shrunk.smallest, outcome), asked.store / REGRESSIONS)
    return Kept(
        failure=failure,
        smallest=shrunk.smallest,
        minimal=shrunk.minimal,
        tries=shrunk.tries,
        file=str(file),
    )


def _regression(asked: Asked, failure: Failure, smallest: Schedule, outcome: Outcome) -> Regression:
    ground = asked.ground
    return Regression(
        harness_version=harness.__version__,
        experiment=ground.file,
        simulation=ground.simulation,
        knobs=ground.knobs,
        prepared=prepared_hash(Path(ground.template)),
        seed=ground.seed,
        arm=ground.arm,
        limits=ground.limits,
        schedule=smallest,
        signature=failure.signature,
        detail=next(one.detail for one in outcome.broken if one.signature == failure.signature),
        digest=outcome.digest,
    )
