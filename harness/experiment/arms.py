"""What the experiment asks for against what the system can be: its arms, and what runs in each.

Comes in: arms and steps of an experiment, its system. Goes out: findings. An arm that nothing switches on
would be measured under a name that it does not deserve; a fault on what does not run would hit nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings
from harness.experiment.model import Arm, FaultStep, System
from harness.faults.effects import EdgeEffect, Hook, ProcessEffect, place

ALWAYS: Collection[Arm] = ("none", "bare")
"""Arms that need nothing of the system: who restarts is the platform's affair."""


def check_arms(arms: Sequence[Arm], system: System, findings: Findings) -> None:
    """Note arms that the system file does not say how to switch on (HRM229)."""
    for n, arm in enumerate(arms):
        if arm in ALWAYS or arm in system.arms:
            continue
        listed = ", ".join((*ALWAYS, *system.arms))
        findings.add(
            "HRM229",
            f"the system {quoted(system.name)} has no arm {quoted(arm)}",
            ("x-hormesis", "arms", n),
            label="not in the system",
            why=f"its system file does not say how to switch it on; it has: {listed}",
            help=f"in the system file write 'arms: {{{arm}: {{env: {{NAME: value}}, services: [...]}}}}'",
        )


def check_loops(arms: Sequence[Arm], system: System, findings: Findings) -> None:
    """Note the arm in which nobody restarts anything, where a loop of the user's does (HRM229)."""
    loops = [name for name, service in system.services.items() if service.worker]
    if "bare" in arms and loops:
        findings.add(
            "HRM229",
            f"the system {quoted(system.name)} has no arm 'bare'",
            ("x-hormesis", "arms", arms.index("bare")),
            label="its own loop restarts it",
            why=f"in that arm nobody restarts anything, but the command of {loops[0]} does ('worker')",
            help="remove the arm",
        )


def check_runs(steps: Sequence[FaultStep], arms: Sequence[Arm], system: System, findings: Findings) -> None:
    """Note faults on a service, or on an edge of one, that does not run in every arm (HRM230)."""
    for n, step in enumerate(steps):
        key = "service" if isinstance(step.effect, ProcessEffect) else "edge"
        for service in _needed(step, system):
            missing = [arm for arm in arms if service not in system.services_of(arm)]
            if missing and service in system.services:
                findings.add(
                    "HRM230",
                    f"{quoted(service)} does not run in arm {', '.join(missing)}",
                    ("method", n, "provider", "arguments", key),
                    label="not in every arm",
                    why="the system file starts it in other arms only, so there would be nothing to hit",
                    help=f"leave out the arm {missing[0]}, or hit another {key}",
                )


def check_hooks(steps: Sequence[FaultStep], system: System, findings: Findings) -> None:
    """Note faults of hooks that the system file does not name, or that cannot do them (HRM233)."""
    for n, step in enumerate(steps):
        if not isinstance(effect := step.effect, Hook):
            continue
        program = system.hooks.get(effect.hook)
        if program is not None and effect.action in program.actions:
            continue
        known = f"it can do: {', '.join(program.actions)}" if program else f"it names no hook {effect.hook}"
        findings.add(
            "HRM233",
            f"the system {quoted(system.name)} cannot do {quoted(step.kind)}",
            ("method", n, "provider", "func"),
            label="no such hook",
            why=f"only its own program knows how; in its system file {known}",
            help=f"write 'hooks: {{{effect.hook}: {{command: [...], actions: [{effect.action}]}}}}' there",
        )


def _needed(step: FaultStep, system: System) -> tuple[str, ...]:
    """The services without which the fault of ``step`` hits nothing."""
    where = place(step.effect)
    if isinstance(step.effect, ProcessEffect):
        return (where,)
    edge = system.all_edges.get(where) if isinstance(step.effect, EdgeEffect) else None
    return () if edge is None else (edge.source, edge.to)
