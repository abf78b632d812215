"""`hormesis plan FILE`: what a run would do, when, where, and how each of it is undone; nothing is done."""

from __future__ import annotations

import argparse
import dataclasses
from collections.abc import Sequence
from pathlib import Path

import msgspec

from harness.errors import Refused
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment
from harness.experiment.rules import HarmBudget
from harness.frontends.arguments import seed
from harness.frontends.operators import operator_limits, parts_of
from harness.frontends.streams import say
from harness.frontends.wording import length_text
from harness.plan.model import Plan
from harness.plan.price import Price, classes, prices, reaches_a_verdict
from harness.plan.safety import SIMULATION, TARGETS, Limits, Promise, promises
from harness.plan.schedule import forecast_s, make_plans, plans_sha256
from harness.run.root import store_root
from harness.shell import fresh_seed
from harness.units import plural
from harness.verdict.codes import EXIT_CODE


def configure(parser: argparse.ArgumentParser, /) -> None:
    """Add the arguments."""
    parser.add_argument("file", type=Path, metavar="FILE", help="an experiment file")
    parser.add_argument(
        "--target", choices=tuple(TARGETS), default="local", help="where it would run (local)"
    )
    parser.add_argument(
        "--seed", type=seed, metavar="N", help="decides all dice; drawn and printed if absent"
    )
    parser.add_argument("--profile", metavar="NAME", help="measure by this built-in profile instead")
    parser.add_argument(
        "--store", type=Path, metavar="DIR", help="where it would be kept (HORMESIS_STORE, reports/runs)"
    )
    parser.add_argument("--offline", action="store_true", help="look at the file alone, not at the world")
    parser.add_argument("--json", action="store_true", help="print one JSON document")


def execute(arguments: argparse.Namespace, /) -> int:
    """Print runs, forecast and effects; 5 where an effect has no provable undo, or no verdict can come."""
    experiment = load_experiment(arguments.file, arguments.profile)
    number = fresh_seed() if arguments.seed is None else arguments.seed
    plans = make_plans(experiment, number, arguments.target)
    files = (arguments.file, Path(experiment.system_dir))
    limits, parts = operator_limits(arguments.target, *files), parts_of(experiment.system)
    effects = tuple(promises(plan, TARGETS[arguments.target], limits=limits, parts=parts) for plan in plans)
    found = prices(experiment)
    world = () if arguments.offline else _world(experiment, arguments.store or store_root(), arguments.target)
    if arguments.json:
        document = _document(experiment, plans, effects, seed=number, world=world)
        say(msgspec.json.format(msgspec.json.encode(document), indent=1).decode())
    else:
        costs = _prices(found, experiment.repetitions, forecast_s(plans))
        costs += _gate(_gate_pairs(experiment, plans), forecast_s(plans) / experiment.repetitions, plans[0])
        say(
            "\n".join(
                (
                    *_runs(experiment, plans, number),
                    "",
                    *_effects(effects[0]),
                    _allowed(limits, parts),
                    _stopped(experiment.harm),
                    "",
                    *costs,
                    *_end(world),
                )
            )
        )
    if not reaches_a_verdict(found, experiment.repetitions):
        least = min(min(price.fails, price.passes or price.fails) for price in found)
        raise Refused(
            f"whatever happens in it, {arguments.file} ends INCONCLUSIVE: {experiment.repetitions}"
            f" repetitions prove and refute nothing of what it claims; write at least 'repetitions: {least}'"
        )
    return EXIT_CODE["DONE"]


def _world(experiment: Experiment, store: Path, target: str) -> tuple[str, ...]:
    from harness.frontends.world import look_at_world
    from harness.run.modules import import_path

    import_path(experiment)
    return look_at_world(store, target)


def _document(
    experiment: Experiment,
    plans: tuple[Plan, ...],
    effects: tuple[tuple[Promise, ...], ...],
    *,
    seed: int,
    world: tuple[str, ...],
) -> dict[str, object]:
    return {
        "title": experiment.title,
        "sha256": experiment.sha256,
        "system": experiment.system.name,
        "seed": seed,
        "plan_sha256": plans_sha256(plans),
        "forecast_s": round(forecast_s(plans), 1),
        "runs": [
            {
                "arm": plan.arm,
                "restart_profile": plan.restart_profile,
                "sham": plan.sham,
                "pair": plan.pair,
                "duration_s": plan.duration_s,
                "sha256": plan.sha256,
                "effects": msgspec.to_builtins(promised),
            }
            for plan, promised in zip(plans, effects, strict=True)
        ],
        "prices": [dataclasses.asdict(price) for price in prices(experiment)],
        "gate": _gate_pairs(experiment, plans),
        "world": list(world),
    }


def _runs(experiment: Experiment, plans: tuple[Plan, ...], number: int) -> list[str]:
    count = plural(len(plans), "run")
    head = f"{experiment.title}: {count}, about {length_text(forecast_s(plans))}; seed {number}"
    held = f"plan {plans_sha256(plans)}: `hormesis run --seed {number} --plan` with it runs this or nothing"
    return [
        head,
        held,
        *_twins(experiment, plans),
        "",
        "runs, in order:",
        *(f"  {n:>3}  {_run(plan)}" for n, plan in enumerate(plans, 1)),
    ]


def _twins(experiment: Experiment, plans: tuple[Plan, ...]) -> list[str]:
    """Say what is done before the runs of a job, which no forecast can know the length of."""
    if experiment.system.workload.table is None:
        return []
    from harness.run.twin import key_of

    count = len(set(map(key_of, plans)))
    what = "the job itself runs once" if count == 1 else f"the job itself runs {count} times"
    return [f"before them, not in this time: {what} on clean partitions, to know what is right"]


def _run(plan: Plan) -> str:
    side = "sham" if plan.sham else "fault"
    length = f"{plan.duration_s:6.1f} s  {plan.sha256[:12]}"
    return f"{plan.arm:<9}  {plan.restart_profile:<10}  {side:<5}  pair {plan.pair}  {length}"


def _effects(effects: tuple[Promise, ...]) -> list[str]:
    lines = ["effects, instants of the first run (a sham does each with size zero):"]
    for one in effects:
        itself = "until undone" if one.lasts_s is None else f"{one.lasts_s:g} s, then it ends by itself"
        left = "" if one.lasts_s is None else "if it is still there, "
        place = one.subject if one.subject.startswith(one.where) else f"{one.where}: {one.subject}"
        lines += [
            f"  {one.name}: {one.kind}, {one.what}",
            f"    where:     {place}",
            f"    how long:  from {one.at_s:.1f} s, {itself}",
            f"    undone:    {left}at {one.undone_at_s:.1f} s: {one.undo}",
            f"    within:    {one.undone_within_s:g} s of asking, also when the runner dies",
            f"    proof:     {one.proof}",
        ]
    return lines


def _allowed(limits: Limits, parts: int) -> str:
    most = limits.most(parts)
    kinds = ", ".join(limits.faults) or "no fault"
    return f"allowed: {kinds}; at most {most} target{'s' * (most > 1)} at a time"


def _stopped(harm: HarmBudget) -> str:
    told = [
        "" if harm.bystanders is None else f"more than {harm.bystanders} untouched services go down",
        "" if harm.lost_s is None else f"an episode loses more than {harm.lost_s:g} s of service",
    ]
    words = " or ".join(filter(None, told))
    return f"stopped:  where {words}" if words else "stopped:  by no harm; `harm:` of the file sets a budget"


def _prices(found: Sequence[Price], repetitions: int, length_s: float) -> list[str]:
    """What each claim takes at least; a repetition is as long as one of those that are asked for."""
    if not found:
        return ["what a verdict costs: nothing is claimed, so the run ends DONE whatever comes out", ""]
    each_s = length_s / repetitions
    lines = [f"what a verdict costs at least, {plural(repetitions, 'repetition')} asked for:"]
    for price in found:
        passes = "is out of reach" if price.passes is None else _cost(price.passes, each_s)
        lines += [f"  {price.claim}", f"    PASS {passes}, FAIL {_cost(price.fails, each_s)}"]
    return [*lines, ""]


def _gate_pairs(experiment: Experiment, plans: Sequence[Plan]) -> dict[str, int | None]:
    """How many pairs a gate against another version takes at least until PASS and until FAIL."""
    from harness.verdict.price import least_pairs

    arm = experiment.gate.arm or experiment.arms[0]
    own = [plan for plan in plans if plan.arm == arm and plan.pair == plans[0].pair]
    quiet_h = sum(plan.duration_s for plan in own if plan.sham) / 3600
    labels = [f"{name}, {profile}" for name in classes(experiment) for profile in experiment.restart_profiles]
    if not labels:
        return {}
    is_beside = plans[0].target != SIMULATION
    return {
        word: least_pairs(
            experiment.gate, labels, quiet_h=quiet_h, is_beside=is_beside, passing=word == "PASS"
        )
        for word in ("PASS", "FAIL")
    }


def _gate(pairs: dict[str, int | None], pair_s: float, plan: Plan) -> list[str]:
    if not pairs:
        return []
    other = "a stored baseline" if plan.target == SIMULATION else "a version beside it (run --against)"
    each_s = pair_s if plan.target == SIMULATION else 2 * pair_s
    told = [
        f"{word} {'is out of reach' if count is None else _cost(count, each_s)}"
        for word, count in pairs.items()
    ]
    return [f"what `hormesis gate` takes at least against {other}, in pairs:", f"    {', '.join(told)}", ""]


def _cost(repetitions: int, each_s: float) -> str:
    return f"{repetitions} (about {length_text(repetitions * each_s)})"


def _end(world: tuple[str, ...]) -> list[str]:
    looked = [f"  {line}" for line in world]
    return [*(["the world now:", *looked, ""] if looked else []), "Planned only. Nothing was injected."]
