"""The Chaos Toolkit side of an experiment: which keys it may have, which functions are faults.

Comes in: the plain data of ``method``, ``rollbacks`` and ``steady-state-hypothesis``. Goes out:
``FaultStep``s, or findings. What Chaos Toolkit would run and we would not is refused, never
skipped: a skipped step is another experiment.
A hypothesis is not evaluated by a run, which has proofs of its own (docs/measurement.md): one that asks for
anything else is refused.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, TypeGuard

import msgspec

from harness.experiment.decode import check_keys, decode
from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path, advice
from harness.experiment.model import FaultStep, Pauses, System
from harness.faults.catalog import FAULTS
from harness.faults.effects import EdgeEffect, Effect, ProcessEffect, place
from harness.faults.kind import DURATION_MAX_S, FaultProblem

FAULT_MODULE = "harness.frontends.chaostoolkit.faults"
PROBE_MODULE = "harness.frontends.chaostoolkit.probes"
# The functions that a file may name, and the fault each is: "network_latency" is "network.latency".
FUNCTIONS: Mapping[str, str] = {kind.replace(".", "_"): kind for kind in FAULTS}
ROLLBACKS: Mapping[str, tuple[str, ...]] = {"process_restore": ("service",), "network_restore": ("edge",)}
PROBES: Mapping[str, tuple[str, ...]] = {"ready": ("service",)}

ACTIVITY_KEYS = ("type", "name", "provider", "pauses")
NOT_RUN = ("background", "controls", "ref", "secrets", "configuration", "dry", "timeout", "tolerance")
# A name stands in tables and messages: one line, not empty.
Label = Annotated[str, msgspec.Meta(min_length=1, max_length=100)]
PROVIDER_KEYS = ("type", "module", "func", "arguments")


@dataclass(frozen=True, slots=True)
class _Provider:
    module: str
    func: str
    arguments: dict[str, object]


def read_method(data: object, system: System | None, findings: Findings) -> tuple[FaultStep, ...]:
    """Read ``method``: one action a fault, in order; ``system`` None = it could not be read."""
    if not isinstance(data, list):
        findings.add(
            "HRM201", "'method' must be a list of actions", ("method",), help="write '- type: action'"
        )
        return ()
    if not data:
        findings.add("HRM217", "'method' holds no action", ("method",), help="add a fault, e.g. process_kill")
    steps = [_step(item, ("method", n), system, findings) for n, item in enumerate(data)]
    return tuple(step for step in steps if step is not None)


def check_rollbacks(data: object, system: System | None, findings: Findings) -> None:
    """Check ``rollbacks``: only our own undo, which our runner does by itself in any case."""
    if not isinstance(data, list):
        findings.add("HRM201", "'rollbacks' must be a list", ("rollbacks",), help="write '- type: action'")
        return
    for n, item in enumerate(data):
        path: Path = ("rollbacks", n)
        if _is_activity(item, "action", path, findings):
            _check_call(item, path, _Call(FAULT_MODULE, ROLLBACKS, system), findings)


def check_hypothesis(
    data: object, steps: Collection[FaultStep] | None, system: System | None, findings: Findings
) -> None:
    """Check ``steady-state-hypothesis``: our probes only, of what a run of ``steps`` proves by itself.

    None: they could not all be read.
    """
    path: Path = ("steady-state-hypothesis",)
    if not isinstance(data, dict):
        findings.add(
            "HRM201", "'steady-state-hypothesis' must be a mapping", path, help="write 'title:', 'probes:'"
        )
        return
    _note_not_run(data, ("controls",), path, findings)
    check_keys(
        {key: item for key, item in data.items() if key != "controls"}, ("title", "probes"), path, findings
    )
    if "title" not in data:
        _missing("title", path, findings)
    elif not isinstance(data["title"], str) or not data["title"]:
        findings.add("HRM201", "'title' must be text", (*path, "title"), help="write a sentence")
    probes = data.get("probes", [])
    if not isinstance(probes, list):
        findings.add("HRM201", "'probes' must be a list", (*path, "probes"), help="write '- type: probe'")
        return
    proven = {_looked_at(step.effect, system) for step in steps} if steps and system is not None else None
    for n, item in enumerate(probes):
        here = (*path, "probes", n)
        if _is_activity(item, "probe", here, findings, extra=("tolerance",)):
            _check_steady(item, here, _Call(PROBE_MODULE, PROBES, system, proven), findings)


def _step(data: object, path: Path, system: System | None, findings: Findings) -> FaultStep | None:
    if not _is_activity(data, "action", path, findings):
        return None
    provider = _provider(data, path, FAULT_MODULE, findings)
    pauses = decode(Pauses, data.get("pauses", {}), (*path, "pauses"), findings)
    if provider is None:
        return None
    kind = FUNCTIONS.get(provider.func)
    if kind is None:
        findings.add(
            "HRM211",
            f"unknown fault {quoted(provider.func)}",
            (*path, "provider", "func"),
            label="no such fault",
            why=f"{FAULT_MODULE} has no such function",
            help=advice(provider.func, FUNCTIONS),
        )
        return None
    check_place(provider.arguments, (*path, "provider", "arguments"), system, findings)
    effect = _effect(kind, provider, path, findings)
    if effect is None or pauses is None:
        return None
    return FaultStep(name=str(data["name"]), kind=kind, effect=effect, pauses=pauses)


def _effect(kind: str, provider: _Provider, path: Path, findings: Findings) -> Effect | None:
    fault = FAULTS[kind]
    path = (*path, "provider", "arguments")
    arguments = dict(provider.arguments)
    too_long = _too_long(arguments.get("duration_s"), (*path, "duration_s"), findings)
    if too_long:
        del arguments["duration_s"]  # said better than by its range; the others are still looked at
    given = decode(fault.parameters, arguments, path, findings)
    try:
        return None if given is None or too_long else fault.compile(given)
    except FaultProblem as problem:  # what only holds for several arguments together
        message, _, why = str(problem).partition(": ")
        findings.add("HRM204", message, (*path, problem.argument), why=why, help="write another value")
        return None


def _too_long(lasts_s: object, path: Path, findings: Findings) -> bool:
    """Note a fault that would outlive its every guard (HRM218)."""
    if not isinstance(lasts_s, int | float) or lasts_s <= DURATION_MAX_S:
        return False
    findings.add(
        "HRM218",
        f"the fault lasts {lasts_s:g} s",
        path,
        label=f"at most {DURATION_MAX_S:g} s",
        why="whatever happens to the runner, no fault outlives that: proxy and guardian end it",
        help="shorten it",
    )
    return True


def check_place(
    arguments: Mapping[str, object], path: Path, system: System | None, findings: Findings
) -> None:
    """Note a service (HRM212) or an edge (HRM228) in ``arguments`` that the system file does not name."""
    if system is None:
        return
    check_service(arguments.get("service"), (*path, "service"), system.services, findings)
    edge = arguments.get("edge")
    if isinstance(edge, str) and edge not in system.all_edges:
        findings.add(
            "HRM228",
            f"unknown edge {quoted(edge)}",
            (*path, "edge"),
            label="not in the system",
            why=f"the system file names no such edge; {system.witness_edge} is the witness's own",
            help=advice(edge, system.all_edges),
        )


def check_service(
    name: object,
    path: Path,
    services: Collection[str] | None,
    findings: Findings,
    *,
    code: str = "HRM212",
) -> None:
    """Note a service that the system file does not name, as ``code``."""
    if services is None or not isinstance(name, str) or name in services:
        return
    findings.add(
        code,
        f"unknown service {quoted(name)}",
        path,
        label="not in the system",
        why="the system file names no such service",
        help=advice(name, services),
    )


def _is_activity(
    data: object, wanted: str, path: Path, findings: Findings, *, extra: tuple[str, ...] = ()
) -> TypeGuard[dict[str, object]]:
    """Check the frame of one activity: a mapping with type, name and provider, nothing unknown."""
    if not isinstance(data, dict):
        findings.add("HRM201", f"an {wanted} must be a mapping", path, help="write type, name and provider")
        return False
    if data.get("type") == "probe" and wanted == "action":
        findings.add(
            "HRM214",
            "a probe cannot stand here",
            (*path, "type"),
            why="the witness watches from outside all the time; a probe would only add a weaker look",
            help="remove it. How long each fault is watched is x-hormesis.profile (tau_s, hold_s)",
        )
        return False
    before = len(findings.problems)
    absent = ("background",) if data.get("background") is False else ()  # says what its absence says
    refused = _note_not_run(data, [key for key in NOT_RUN if key not in (*extra, *absent)], path, findings)
    if "ref" in refused:
        return False  # it has no type, name and provider of its own
    ignored = (*refused, *absent)
    checked = {key: item for key, item in data.items() if key not in ignored and not key.startswith("x-")}
    check_keys(checked, (*ACTIVITY_KEYS, *extra), path, findings)
    if data.get("type") != wanted:
        findings.add("HRM206", f"the type must be {wanted}", (*path, "type"), help=f"write 'type: {wanted}'")
    if "name" not in data:
        _missing("name", path, findings)
    else:
        decode(Label, data["name"], (*path, "name"), findings)
    if "provider" not in data:
        _missing("provider", path, findings)
    return len(findings.problems) == before


def _note_not_run(
    data: Mapping[str, object], keys: Collection[str], path: Path, findings: Findings
) -> list[str]:
    """Note every key of ``data`` among ``keys`` (HRM215), each with its reason; gives them."""
    refused = [key for key in data if key in keys]
    for key in refused:
        why, instead = _NOT_RUN_WHY.get(key, ("Hormesis does not run it", "remove it"))
        findings.add("HRM215", f"{quoted(key)} is not run", (*path, key), key=True, why=why, help=instead)
    return refused


_NOT_RUN_WHY: Mapping[str, tuple[str, str]] = {
    "background": ("faults run one after another, each watched to its end", "remove it"),
    "controls": ("controls are code, and no code of yours is imported", "remove it"),
    "ref": ("each action is stated once, in full", "write the action out"),
    "secrets": ("secrets never reach a plan or a history", "remove it; local systems need none"),
    "timeout": ("every step of ours has a limit of its own", "remove it; a fault's end is its duration_s"),
}


def _missing(key: str, path: Path, findings: Findings) -> None:
    findings.add("HRM203", f"the key '{key}' is missing", path, key=True, help=f"add '{key}:'")


@dataclass(frozen=True, slots=True)
class _Call:
    """What a rollback or a hypothesis may call. ``proven``: services that a run looks at; None: not known."""

    module: str
    functions: Mapping[str, tuple[str, ...]]
    system: System | None
    proven: Collection[str] | None = None


def _check_call(data: dict[str, object], path: Path, call: _Call, findings: Findings) -> _Provider | None:
    """Check what is called and with what; gives it where there is such a function."""
    provider = _provider(data, path, call.module, findings)
    if provider is None:
        return None
    arguments = call.functions.get(provider.func)
    if arguments is None:
        findings.add(
            "HRM211",
            f"unknown function {quoted(provider.func)}",
            (*path, "provider", "func"),
            help=advice(provider.func, call.functions),
        )
        return None
    here = (*path, "provider", "arguments")
    check_keys(provider.arguments, arguments, here, findings)
    check_place(provider.arguments, here, call.system, findings)
    return provider


def _check_steady(probe: dict[str, object], path: Path, call: _Call, findings: Findings) -> None:
    """Note a probe of what no run proves (HRM232): another tolerance, or a service that is not looked at."""
    provider = _check_call(probe, path, call, findings)
    if "tolerance" not in probe:
        _missing("tolerance", path, findings)
    elif probe["tolerance"] is not True:
        findings.add(
            "HRM232",
            "a run does not evaluate this tolerance",
            (*path, "tolerance"),
            label="only true",
            why="no probe is asked; what a run proves by itself is that a service is ready",
            help="write 'tolerance: true'; what else must hold is an objective of x-hormesis",
        )
    if provider is None:
        return
    path = (*path, "provider", "arguments", "service")
    service = decode(str, provider.arguments.get("service"), path, findings)
    if service is not None and call.proven is not None and service not in call.proven:
        findings.add(
            "HRM232",
            f"no run proves after a fault that {quoted(service)} is ready",
            path,
            label="not looked at",
            why=f"a run looks at what was hit, or where a hit edge leads: {', '.join(sorted(call.proven))}",
            help="remove the probe; whether the system serves is watched all the time, from outside",
        )


def _looked_at(effect: Effect, system: System) -> str:
    """Name the service that ``Target.is_clean`` looks at from outside, when ``effect`` is undone."""
    if isinstance(effect, ProcessEffect):
        return place(effect)
    edge = system.all_edges.get(place(effect)) if isinstance(effect, EdgeEffect) else None
    return system.workload.service if edge is None else edge.to


def _provider(data: dict[str, object], path: Path, module: str, findings: Findings) -> _Provider | None:
    """Read a provider; only ``module`` is accepted: another is a name of code to import."""
    provider, path = data["provider"], (*path, "provider")
    if not isinstance(provider, dict):
        findings.add(
            "HRM201", "'provider' must be a mapping", path, help="write type, module, func, arguments"
        )
        return None
    before = len(findings.problems)
    for key, wanted in (("type", "python"), ("module", module)):
        if key in provider and provider[key] != wanted:
            findings.add(
                "HRM213",
                f"the provider {quoted(provider[key])} is not available here",
                (*path, key),
                label=f"only {wanted}",
                why="no program or call of an experiment is run: its faults and probes are Hormesis' own",
                help=f"write '{key}: {wanted}'; `hormesis explain fault` lists the faults",
            )
            return None  # what else stands there is of that provider
    for key in ("type", "module", "func"):
        if key not in provider:
            _missing(key, path, findings)
    refused = _note_not_run(provider, ("secrets", "timeout"), path, findings)
    check_keys(
        {key: item for key, item in provider.items() if key not in refused}, PROVIDER_KEYS, path, findings
    )
    arguments = provider.get("arguments", {})
    if not isinstance(arguments, dict):
        findings.add(
            "HRM201", "'arguments' must be a mapping", (*path, "arguments"), help="write 'service: NAME'"
        )
    func = provider.get("func")
    if "func" in provider and not isinstance(func, str):
        findings.add("HRM201", "'func' must be text", (*path, "func"), help=advice("", FUNCTIONS))
    if len(findings.problems) > before or not isinstance(arguments, dict) or not isinstance(func, str):
        return None
    return _Provider(module, func, arguments)
