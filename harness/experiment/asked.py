"""The keys under ``x-hormesis``: what Chaos Toolkit's format lacks.

Comes in: the plain data of that mapping. Goes out: ``Asked``, with its names looked up, or findings.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Annotated, Literal, TypeVar, cast, get_args

import msgspec

from harness.errors import UsageProblem
from harness.experiment.decode import check_keys, decode
from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings, Path, advice
from harness.experiment.limits import check_claim, check_seen, check_use, shortest_watch_s
from harness.experiment.model import (
    NOBODY_HEALS,
    PROFILES,
    Arm,
    FaultStep,
    Gate,
    Objective,
    Profile,
    RestartProfile,
)
from harness.experiment.rules import HarmBudget, ScoreRules
from harness.faults.catalog import is_placebo
from harness.faults.effects import lasts_s
from harness.faults.kind import DURATION_MAX_S

T = TypeVar("T")
ASKED = "x-hormesis"
KEYS = (
    "version",
    "system",
    "scenario",
    "profile",
    "arms",
    "restart_profiles",
    "repetitions",
    "sham",
    "objectives",
    "gate",
    "score",
    "harm",
)
FileName = Annotated[str, msgspec.Meta(min_length=1)]
Repetitions = Annotated[int, msgspec.Meta(ge=1, le=1000)]


@dataclass(frozen=True, slots=True)
class Asked:
    """``x-hormesis`` read; ``system`` "" = the bundled one, ``scenario`` "" = none.

    ``profile`` None = it was wrong.
    """

    system: str
    scenario: str
    profile: Profile | None
    arms: tuple[Arm, ...]
    restart_profiles: tuple[RestartProfile, ...]
    repetitions: int
    sham: bool
    objectives: tuple[Objective, ...]
    gate: Gate
    score: ScoreRules
    harm: HarmBudget


def read_asked(data: dict[str, object], override: str | None, findings: Findings) -> Asked | None:
    """Read ``x-hormesis`` of the experiment ``data``; None where there is none to read."""
    if ASKED not in data:
        findings.add(
            "HRM203",
            f"the key '{ASKED}' is missing",
            (),
            why="a plain Chaos Toolkit experiment names no scenario, arms and measuring profile",
            help=f"add '{ASKED}:' with 'version: 1' and 'scenario:'",
        )
        return None
    given = data[ASKED]
    if not isinstance(given, dict):
        findings.add("HRM201", f"'{ASKED}' must be a mapping", (ASKED,), help="write 'version: 1' below it")
        return None
    check_keys(given, KEYS, (ASKED,), findings)
    if "version" not in given:
        findings.add("HRM203", "the key 'version' is missing", (ASKED,), key=True, help="add 'version:'")
    take = _Taker(given, findings)
    take.value("version", Literal[1], 1)
    return Asked(
        system=take.value("system", FileName, ""),
        scenario=take.value("scenario", FileName, ""),
        profile=_profile(given.get("profile", "default"), override, findings),
        arms=take.words("arms", get_args(Arm), ("none",), "HRM219"),
        restart_profiles=take.words("restart_profiles", get_args(RestartProfile), ("fast",), "HRM221"),
        repetitions=take.value("repetitions", Repetitions, 1),
        sham=take.value("sham", bool, True),
        objectives=take.value("objectives", tuple[Objective, ...], ()),
        gate=take.value("gate", Gate, Gate()),
        score=take.value("score", ScoreRules, ScoreRules()),
        harm=take.value("harm", HarmBudget, HarmBudget()),
    )


def check_steps(steps: Collection[FaultStep], profile: Profile, findings: Findings) -> None:
    """Note actions of one name (HRM224), and faults that stay until undone for too long (HRM218)."""
    seen: dict[str, int] = {}
    for n, step in enumerate(steps):
        path: Path = ("method", n, "name")
        if step.name in seen:
            message = f"the action name {quoted(step.name)} stands twice"
            findings.add("HRM224", message, path, help="tables name a fault by it: write another")
        seen[step.name] = n
        if lasts_s(step.effect) is None and profile.observe_s > DURATION_MAX_S:
            findings.add(
                "HRM218",
                f"{quoted(step.name)} would stay for {profile.observe_s:g} s, until it is undone",
                (ASKED, "profile"),
                label=f"tau + W + H is at most {DURATION_MAX_S:g} s",
                why=f"no fault stays longer than {DURATION_MAX_S:g} s, whatever happens to the runner",
                help="lower tau_s or hold_s, or give the fault a duration_s",
            )


def check_objectives(asked: Asked, steps: Collection[FaultStep] | None, findings: Findings) -> None:
    """Note objectives about what is not here (HRM222), that claim nothing (HRM223) or cannot be judged.

    ``steps`` None: the method could not be read, so nothing can be said about its faults.
    """
    kinds = None if steps is None else {step.kind for step in steps}
    for n, objective in enumerate(asked.objectives):
        path: Path = (ASKED, "objectives", n)
        for key, name, known in (("fault", objective.fault, kinds), ("arm", objective.arm, set(asked.arms))):
            if name and known is not None and name not in known:
                findings.add(
                    "HRM222",
                    f"the objective names the {key} {quoted(name)}, which is not in this experiment",
                    (*path, key),
                    why="it could never be judged",
                    help=advice(name, known),
                )
        if steps is None or asked.profile is None:
            check_claim(objective, None, path, findings)
        else:
            watched_s = shortest_watch_s(steps, asked.profile, objective.fault)
            check_claim(objective, watched_s, path, findings)
        check_seen(objective, steps or (), path, findings)
        check_use(objective, path, findings, sham=asked.sham)
        if objective.no_acts and not asked.sham and kinds is not None and not any(map(is_placebo, kinds)):
            findings.add(
                "HRM226",
                "'no_acts' with neither sham runs nor placebos",
                (*path, "no_acts"),
                label="nothing unbroken",
                why="acts are false where nothing is broken, and here something always would be",
                help="write 'sham: true', or add a placebo to the method",
            )
        claims = (objective.served_within_s, objective.availability_ratio, objective.harm_left_ratio)
        if all(claim is None for claim in claims) and not (objective.exactly_once or objective.no_acts):
            findings.add(
                "HRM223",
                "the objective claims nothing",
                path,
                why="it could not fail",
                help="add served_within_s, harm_left_ratio, availability_ratio, exactly_once or no_acts",
            )


def check_gate(asked: Asked, findings: Findings) -> None:
    """Note a gate for an arm that is not here, and one whose twin without healing is not (HRM222)."""
    arm, path = asked.gate.arm, (ASKED, "gate")
    if arm and arm not in asked.arms:
        message = f"the gate names the arm {quoted(arm)}, which is not in this experiment"
        findings.add(
            "HRM222", message, (*path, "arm"), why="it could never be judged", help=advice(arm, asked.arms)
        )
    least = next((one for one in NOBODY_HEALS if one in asked.arms), "")
    if asked.gate.harmed_ratio is not None and least in ("", arm or asked.arms[0]):
        findings.add(
            "HRM222",
            "'harmed_ratio' without another arm in which nobody heals",
            (*path, "harmed_ratio"),
            why="harm by healing is what is lost beyond a twin without it",
            help=f"add {' or '.join(NOBODY_HEALS[::-1])} to 'arms', or name the arm that heals",
        )


@dataclass(frozen=True, slots=True)
class _Taker:
    """Takes values out of ``x-hormesis``; where one is wrong it is noted and the default stands in."""

    given: dict[str, object]
    findings: Findings

    def value(self, key: str, kind: object, default: T) -> T:
        if key not in self.given:
            return default
        value: T | None = decode(cast("type[T]", kind), self.given[key], (ASKED, key), self.findings)
        return default if value is None else value

    def words(self, key: str, known: tuple[T, ...], default: tuple[T, ...], code: str) -> tuple[T, ...]:
        """Take a list of known words, each once."""
        if key not in self.given:
            return default
        given = self.given[key]
        if not isinstance(given, list) or not given:
            message = f"'{key}' must be a list of at least one"
            self.findings.add("HRM201", message, (ASKED, key), help=f"write e.g. [{default[0]}]")
            return default
        for n, word in enumerate(given):
            if word not in known:
                self.findings.add(
                    code,
                    f"unknown {key.removesuffix('s').replace('_', ' ')} {quoted(word)}",
                    (ASKED, key, n),
                    label="unknown",
                    help=advice(str(word), map(str, known)),
                )
            elif given.index(word) < n:
                message = f"{quoted(word)} stands twice in '{key}'"
                self.findings.add("HRM224", message, (ASKED, key, n), help="remove one")
        return tuple(word for word in given if word in known) or default


def _profile(given: object, override: str | None, findings: Findings) -> Profile | None:
    """Look up a named profile, or the base of an adjusted one with its changes applied."""
    path: Path = (ASKED, "profile")
    chosen = _named_profile(given, path, findings) if isinstance(given, str) else None
    if isinstance(given, dict):
        chosen = _adjusted(given, path, findings)
    elif not isinstance(given, str):
        help_text = "write a name, or 'base:' with what differs"
        findings.add("HRM201", "'profile' must be a name or a mapping", path, help=help_text)
    return chosen if override is None else named_profile(override)


def named_profile(name: str) -> Profile:
    """Look up a profile named on the command line; raises ``UsageProblem`` (HRM220)."""
    if name in PROFILES:
        return PROFILES[name]
    findings = Findings("command line")
    findings.add("HRM220", f"unknown profile {quoted(name)}", (), help=advice(name, PROFILES))
    raise UsageProblem(tuple(findings.problems))


def _named_profile(name: str, path: Path, findings: Findings) -> Profile | None:
    if name not in PROFILES:
        findings.add(
            "HRM220", f"unknown profile {quoted(name)}", path, label="unknown", help=advice(name, PROFILES)
        )
    return PROFILES.get(name)


def _adjusted(given: dict[str, object], path: Path, findings: Findings) -> Profile | None:
    base = given.get("base", "default")
    if not isinstance(base, str):
        findings.add("HRM201", "'base' must be a name", (*path, "base"), help=advice("", PROFILES))
        return None
    start = _named_profile(base, (*path, "base"), findings)
    changes = {key: value for key, value in given.items() if key not in ("base", "name")}
    if "name" in given:
        findings.add(
            "HRM202",
            "an adjusted profile has no 'name' of its own",
            (*path, "name"),
            key=True,
            why="its name says what differs, so that no figure is taken for one of a plain profile",
            help="remove 'name'",
        )
    # The name says what differs, so that no adjusted figure is taken for one of the plain profile.
    plain = msgspec.to_builtins(start or PROFILES["default"])
    label = "+".join((base, *sorted(changes)))
    return decode(Profile, plain | {"name": label} | changes, path, findings) if start else None
