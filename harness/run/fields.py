"""Whether the faults in the records could change any: asked of the world once, before anything is started.

Comes in: the plans of a campaign, with the system prepared. Goes out: nothing, or one ``UsageProblem``
with every fault that could touch nothing, at its place in the experiment's file.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from harness import shell
from harness.driver.changes import Untouchable
from harness.errors import Refused, UsageProblem
from harness.experiment.excerpt import quoted
from harness.experiment.findings import advice
from harness.experiment.model import Experiment
from harness.experiment.yaml import findings_of
from harness.faults.effects import Effect, Shift
from harness.plan.model import Plan
from harness.run.records import record_spans
from harness.run.template import output_tail, scenario_spec
from harness.run.witness import READY_LIMIT_S
from harness.targets.local.kernel import ending_with_us

ORACLE = "oracle"


class _Refused(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the driver prints when it is asked and would refuse."""

    refused: tuple[Untouchable, ...]


def world_spec(plan: Plan, experiment: Experiment, *, template: Path, python_path: str) -> dict[str, object]:
    """Write the part of the driver's SPEC.json that says which records are offered, and what hits them."""
    return {
        "seed": plan.seed,
        "duration_s": plan.duration_s,
        "profile": plan.profile,
        "world": experiment.system.world,
        "units": experiment.units,
        "check": experiment.check,
        "world_path": [p for p in python_path.split(":") if p],
        "scenario": scenario_spec(experiment),
        "template": str(template),
        "workload": experiment.system.workload,
        "mutations": record_spans(plan),
        "labels": label_feed(plan, experiment) if experiment.system.label_edge else None,
    }


def label_feed(plan: Plan, experiment: Experiment, base: str = "") -> dict[str, object]:
    """Write where labels go, and when: the world's seconds become the run's.

    ``base``: the address of the service that takes them, "" where it does not run in this arm. Arm
    ``oracle`` is told the truth instead, and nobody else is.
    """
    times, factor, system = experiment.scenario.labels, plan.world_s_per_run_s, experiment.system
    oracle = plan.arm == ORACLE and bool(system.truth)
    return {
        "url": base + system.labels.partition(":")[2] if base and not oracle else "",
        "truth_url": base + system.truth.partition(":")[2] if base and oracle else "",
        "delay_s": times.delay_s / factor,
        "spread_s": times.spread_s / factor,
        "known": times.known,
        "explored_ratio": times.explored_ratio,
    }


def check_record_faults(
    plans: Sequence[Plan], experiment: Experiment, *, template: Path, python_path: str
) -> None:
    """Raise UsageProblem (HRM231) where faults in the records could change none, Refused without a world.

    Each fault is asked for once, in the first plan that has it: fields and types are no matter of dice. What
    a move of the world reaches is, so that is asked for each seed.
    """
    asked: list[tuple[Effect, int]] = []
    for plan in plans:
        effects = {span.episode: span.effect for span in record_spans(plan)}
        keys = [(effect, plan.seed if isinstance(effect, Shift) else 0) for effect in effects.values()]
        if all(key in asked for key in keys):
            continue
        asked += keys
        spec = world_spec(plan, experiment, template=template, python_path=python_path)
        if refused := _ask(spec, python_path):
            raise _problems(refused, effects, experiment)


def _ask(spec: Mapping[str, object], python_path: str) -> tuple[Untouchable, ...]:
    """Let a driver look at its orders; gives what it would refuse of them."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "driver.json"
        file.write_bytes(msgspec.json.encode({**spec, "url": "", "observations": ""}))
        try:
            done = subprocess.run(
                [sys.executable, "-P", "-m", "harness.driver", "--check", str(file)],
                env=shell.child_environment(PYTHONPATH=python_path),
                capture_output=True,
                stdin=subprocess.DEVNULL,
                timeout=READY_LIMIT_S,
                check=False,
                preexec_fn=ending_with_us(),
            )
        except subprocess.TimeoutExpired as error:
            raise Refused(f"the world gave no records within {READY_LIMIT_S:g} s") from error
    if not done.returncode:
        return ()
    try:
        return msgspec.json.decode(done.stdout, type=_Refused).refused
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        tail = "\n  ".join(output_tail(done.stderr))
        raise Refused(f"the driver would not get ready; its last lines:\n  {tail}") from error


def _problems(
    refused: Sequence[Untouchable], effects: Mapping[int, Effect], experiment: Experiment
) -> UsageProblem:
    findings = findings_of(experiment.file)
    for fault in refused:
        effect = effects[fault.episode]
        named = "knob" if isinstance(effect, Shift) else "field"
        for place, kind in _steps(experiment, effect):
            findings.add(
                "HRM231",
                f"{kind} could not be done to these records",
                ("method", place, "provider", "arguments", *((named,) if fault.field else ())),
                why=fault.why,
                help=advice(fault.field, fault.known)
                if fault.known
                else "name another, or use another fault, value or profile",
            )
    return UsageProblem(tuple(sorted(findings.problems, key=lambda one: (one.line, one.column))))


def _steps(experiment: Experiment, effect: Effect) -> Iterator[tuple[int, str]]:
    for place, step in enumerate(experiment.steps):
        if step.effect == effect:
            yield place, f"{step.kind} {quoted(step.name)}"
