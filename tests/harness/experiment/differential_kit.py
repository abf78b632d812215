"""One experiment read and carried out twice: by chaostoolkit-lib, and by this interpreter, both recorded.

Theirs: validated, then run in this process, every function of ours replaced by one that notes its call, every
pause noted and not waited for. Ours: loaded, planned, and each planned episode carried out by the code that
carries out real ones, on a target that only takes notes and a clock that only jumps.
"""

from __future__ import annotations

import copy
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from unittest import mock

import chaoslib.activity
from chaoslib.exceptions import ChaosException
from chaoslib.experiment import ensure_experiment_is_valid, run_experiment
from chaoslib.types import Strategy

from harness.errors import UsageProblem
from harness.experiment.activities import FUNCTIONS, PROBES, ROLLBACKS
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment
from harness.faults.catalog import compile_fault
from harness.faults.effects import Effect
from harness.frontends.chaostoolkit import faults, probes
from harness.plan.schedule import make_plans
from harness.run.episode import run_episode
from harness.run.stage import Stage
from harness.targets.base import Applied

Data = dict[str, object]
Step = float | Effect
"""A pause in seconds, or a fault."""
MALFORMED = (AttributeError, TypeError, KeyError, ValueError)
"""What their validation raises where it expected another type: refused as well, in other words."""


@dataclass(frozen=True)
class Theirs:
    """``refused``: why it is not valid to them. Else what they did: faults and pauses, then rollbacks."""

    refused: str = ""
    failed: str = ""
    steps: tuple[Step, ...] = ()
    rollbacks: tuple[tuple[str, Data], ...] = ()


@dataclass(frozen=True)
class Ours:
    """``codes`` of all that was found wrong, none = it is taken; ``undone``: one for each, in order."""

    codes: frozenset[str] = frozenset()
    steps: tuple[Step, ...] = ()
    undone: tuple[Effect, ...] = ()


def theirs(data: Data) -> Theirs:
    """What chaostoolkit-lib makes of ``data``."""
    try:
        ensure_experiment_is_valid(copy.deepcopy(data))
    except (ChaosException, *MALFORMED) as error:
        return Theirs(refused=f"{type(error).__name__}: {error}")
    log: list[tuple[str, object]] = []
    settings = {"runtime": data.get("runtime") or {}}
    with _recorded(log):
        try:
            journal = run_experiment(copy.deepcopy(data), settings=settings, strategy=Strategy.DEFAULT)
        except MALFORMED as error:  # valid, and then it falls
            return Theirs(failed=f"{type(error).__name__}: {error}")
    wrong = [run["exception"][-1] for run in (*journal["run"], *journal["rollbacks"]) if "exception" in run]
    return Theirs(
        failed="".join(wrong),
        steps=tuple(done for name, done in log if name not in ROLLBACKS),
        rollbacks=tuple((name, done) for name, done in log if name in ROLLBACKS),
    )


@contextmanager
def _recorded(log: list[tuple[str, object]]) -> Iterator[None]:
    with mock.patch.object(chaoslib.activity.time, "sleep", lambda s: log.append(("pause", s))):
        for module, names in ((faults, (*FUNCTIONS, *ROLLBACKS)), (probes, PROBES)):
            for name in names:
                patched = mock.patch.object(module, name, _noting(getattr(module, name), name, log))
                patched.start()
        try:
            yield
        finally:
            mock.patch.stopall()


def _noting(real: Callable[..., object], name: str, log: list[tuple[str, object]]) -> Callable[..., object]:
    def note(**arguments: object) -> bool:
        if name in FUNCTIONS:
            log.append((name, compile_fault(FUNCTIONS[name], arguments)))  # refuses as the real one does
        elif name in ROLLBACKS:
            log.append((name, arguments))
        return True

    note.__signature__ = inspect.signature(real)
    return note


@dataclass
class _Notes:
    """Target, clock, guardian and everybody else of a stage: takes notes, says nothing, lets time jump."""

    at_s: float = 0.0
    did: list[tuple[str, Effect, float]] = field(default_factory=list)
    in_force: bool = False
    done = True

    def now_s(self) -> float:
        return self.at_s

    def sleep_until(self, at_s: float, /) -> None:
        self.at_s = max(self.at_s, at_s)

    def apply(self, effect: Effect, /) -> Applied:
        self.did.append(("apply", effect, self.at_s))
        now = self.at_s
        return Applied(
            effect=effect, pid=0, start_ticks=0, boot_id="", asked_at_s=now, effective_at_s=now, proof=()
        )

    def undo(self, applied: Applied, /) -> bool:
        self.did.append(("undo", applied.effect, self.at_s))
        return True

    def is_clean(self, applied: Applied, /) -> tuple[str, ...]:  # noqa: ARG002
        return ("noted",)

    @property
    def guardian(self) -> _Notes:
        return self

    def allow(self, step_s: float = 0.0, /) -> None: ...
    def look(self) -> None: ...
    def append(self, event: object, /) -> None: ...

    def ledger(self, after: int, /) -> list[object]:  # noqa: ARG002
        return []

    def pump(self, wait_s: float = 0.0, /) -> list[object]:  # noqa: ARG002
        return []

    drain = journal = pump


def ours(folder: Path, data: Data) -> Ours:
    """What this interpreter makes of ``data``, written into ``folder`` beside its system and scenario."""
    file = folder / "experiment.yaml"
    file.write_text(json.dumps(data))
    try:
        experiment = load_experiment(file)
    except UsageProblem as error:
        return Ours(codes=frozenset(problem.code for problem in error.problems))
    notes = _carried_out(experiment)
    applied = [effect for act, effect, _ in notes.did if act == "apply"]
    steps: list[Step] = []
    for step, effect in zip(experiment.steps, applied, strict=True):
        steps += [one for one in (step.pauses.before, effect, step.pauses.after) if one != 0]
    pairs = pairwise(notes.did)
    undone = [effect for (last, *_), (act, effect, _) in pairs if (last, act) == ("apply", "undo")]
    return Ours(steps=tuple(steps), undone=tuple(undone))


def _carried_out(experiment: Experiment) -> _Notes:
    plan = next(plan for plan in make_plans(experiment, 3) if not plan.sham)
    notes = _Notes()
    stage = Stage(
        plan=plan,
        evidence=notes,
        system=notes,
        witness=notes,
        observers=notes,
        target=notes,
        progress=lambda _: None,
        alarms=notes,
        clock=notes,
    )
    ended_s = plan.profile.baseline_units / plan.profile.rate_hz + 2 * plan.profile.deadline_s
    last_after_s = 0.0
    for step, episode in zip(experiment.steps, plan.episodes, strict=True):
        run_episode(stage, episode)
        began_s = next(at_s for act, _, at_s in reversed(notes.did) if act == "apply")
        quiet_s = began_s - ended_s - last_after_s - step.pauses.before
        assert -1e-5 <= quiet_s <= plan.profile.load_every_s + 1e-5, "a pause is kept in the timetable"
        assert notes.did[-1][0] == "undo", "the next fault finds none of the last one"
        ended_s, last_after_s = episode.end_at_s, step.pauses.after
    return notes
