"""The whole of STAGE 1: an experiment file -> ``Experiment``, or one ``UsageProblem`` that lists all.

Comes in: the path of a Chaos Toolkit experiment that carries ``x-hormesis``. Nothing of the user's
is imported, nothing is started, no socket is opened: only the experiment, its system file and its
scenario file are read. Next: ``harness.plan.schedule``.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from pathlib import Path as FilePath

import msgspec

from harness.errors import Problem, UsageProblem
from harness.experiment.activities import check_hypothesis, check_rollbacks, read_method
from harness.experiment.arms import check_arms, check_hooks, check_loops, check_runs
from harness.experiment.asked import ASKED, Asked, check_gate, check_objectives, check_steps, read_asked
from harness.experiment.configuration import filled
from harness.experiment.excerpt import quoted
from harness.experiment.findings import Findings
from harness.experiment.frame import check_frame
from harness.experiment.limits import check_length, check_profile
from harness.experiment.model import Experiment, FaultStep, Scenario, Source, System
from harness.experiment.scoring import check_score
from harness.experiment.sources import BUNDLED_PACKAGE, bundled_system, read_scenario, read_system, source_of
from harness.experiment.table_checks import check_pace, check_table_steps, paced
from harness.experiment.yaml import Data, read_file

UNITS_OF_A_FILE = Scenario(version=1, name="units-of-a-file", world_s_per_run_s=1.0)


def load_experiment(path: FilePath, profile_override: str | None = None) -> Experiment:
    """Load and check the experiment at ``path``; ``profile_override`` names a built-in profile.

    Raises ``UsageProblem`` with every problem of the experiment, its system and its scenario.
    The sha256 is taken over everything that was decoded (system, scenario and profile included),
    not over the bytes: a comment changes nothing, another system does.
    """
    parsed = read_file(path, str(path))
    reader = _Reader(path, parsed.findings)
    experiment = reader.read(parsed.data, profile_override)
    problems = sorted(parsed.findings.problems, key=lambda p: (p.line, p.column)) + reader.elsewhere
    if problems or experiment is None:
        raise UsageProblem(tuple(problems))
    return experiment


@dataclass(slots=True)
class _Reader:
    """Reads one experiment; problems of its own file go to ``findings``, of others to ``elsewhere``."""

    path: FilePath
    findings: Findings
    elsewhere: list[Problem] = field(default_factory=list)

    def read(self, data: Data, profile_override: str | None) -> Experiment | None:
        if not isinstance(data, dict):
            self.findings.add("HRM201", "an experiment is a mapping", (), help="start with 'title:'")
            return None
        given = filled({**data}, self.findings)
        check_frame(given, self.findings)
        asked = read_asked(given, profile_override, self.findings)
        system = None if asked is None else self._system(asked)
        scenario = None if asked is None else self._scenario(asked, system[0] if system else None)
        steps = self._activities(given, None if system is None else system[0])
        if asked is None:
            return None
        if system is not None:
            asked = self._paced(asked, given, system[0])
            check_table_steps(steps, system[0], self.findings)
            check_arms(asked.arms, system[0], self.findings)
            check_loops(asked.arms, system[0], self.findings)
            check_runs(steps, asked.arms, system[0], self.findings)
            check_hooks(steps, system[0], self.findings)
        read = steps if _all_read(given, steps) else None
        check_objectives(asked, read, self.findings)
        if read is not None and asked.profile is not None:
            check_score(asked.score, read, asked.profile, self.findings)
        check_gate(asked, self.findings)
        if asked.profile is None:
            return None
        check_profile(asked.profile, (ASKED, "profile"), self.findings)
        check_length(steps, asked.profile, (ASKED, "profile"), self.findings)
        check_steps(steps, asked.profile, self.findings)
        if self.findings.problems or self.elsewhere or system is None or scenario is None:
            return None
        return _sealed(
            Experiment(
                title=str(given["title"]),
                description=str(given["description"]),
                file=str(self.path),
                sha256="",
                system=system[0],
                system_dir=str(system[1].parent),
                system_file=str(system[1]),
                scenario=scenario[0],
                scenario_file=str(self.path.parent / asked.scenario) if asked.scenario else "",
                source=scenario[1],
                units=source_of(system[1].parent, system[0].workload.units),
                check=source_of(system[1].parent, system[0].workload.check),
                profile=asked.profile,
                steps=steps,
                arms=asked.arms,
                restart_profiles=asked.restart_profiles,
                repetitions=asked.repetitions,
                sham=asked.sham,
                objectives=asked.objectives,
                gate=asked.gate,
                score=asked.score,
                harm=asked.harm,
            )
        )

    def _activities(self, data: dict[str, object], system: System | None) -> tuple[FaultStep, ...]:
        if "rollbacks" in data:
            check_rollbacks(data["rollbacks"], system, self.findings)
        steps: tuple[FaultStep, ...] = ()
        if "method" in data:
            steps = read_method(data["method"], system, self.findings)
        if "steady-state-hypothesis" in data:
            known = steps if _all_read(data, steps) else None
            check_hypothesis(data["steady-state-hypothesis"], known, system, self.findings)
        return steps

    def _paced(self, asked: Asked, given: dict[str, object], system: System) -> Asked:
        """The profile in the pace of a system that has one of its own."""
        if asked.profile is None:
            return asked
        own, path = given.get(ASKED), (ASKED, "profile")
        written = own.get("profile") if isinstance(own, dict) else None
        check_pace(asked.profile, written, system, path=path, findings=self.findings)
        table = system.workload.table
        return asked if table is None else replace(asked, profile=paced(asked.profile, table))

    def _system(self, asked: Asked) -> tuple[System, FilePath] | None:
        path = self._beside("system", asked.system) if asked.system else bundled_system()
        if path is None and asked.system:
            return None
        if path is None:
            self.findings.add(
                "HRM303",
                "the bundled system is not installed",
                (ASKED,),
                key=True,
                why=f"no 'system:' is given, and there is no package {BUNDLED_PACKAGE} with a hormesis.yaml",
                help="install hormesis with its pipeline, or write 'system: path/to/hormesis.yaml'",
            )
            return None
        system = read_system(path, self.elsewhere)
        return None if system is None else (system, path)

    def _scenario(self, asked: Asked, system: System | None) -> tuple[Scenario, Source | None] | None:
        """Read the scenario file; what offers units of a file needs none: nothing there has knobs."""
        if not asked.scenario and system is not None and not system.workload.units:
            self.findings.add(
                "HRM203", "the key 'scenario' is missing", (ASKED,), key=True, help="add 'scenario:'"
            )
        if not asked.scenario:
            return None if system is None or not system.workload.units else (UNITS_OF_A_FILE, None)
        path = self._beside("scenario", asked.scenario)
        return None if path is None else read_scenario(path, self.elsewhere)

    def _beside(self, key: str, name: str) -> FilePath | None:
        """Find a file named relative to the experiment; a missing one is the experiment's problem."""
        path = self.path.parent / name
        if _exists(path):
            return path
        self.findings.add(
            "HRM101",
            f"there is no file {quoted(name)}",
            (ASKED, key),
            label="not found",
            why=f"paths count from the experiment's folder: {quoted(path)}",
            help="check the path",
        )
        return None


def _all_read(data: dict[str, object], steps: tuple[FaultStep, ...]) -> bool:
    method = data.get("method")
    return isinstance(method, list) and len(method) == len(steps)


def _exists(path: FilePath) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name too long, or with a NUL: nothing can be there
        return False


def _sealed(experiment: Experiment) -> Experiment:
    """Give the experiment with its hash; where it lies on this machine is no part of the question."""
    plain = msgspec.to_builtins(experiment)
    for place in ("file", "sha256", "system_dir", "system_file", "scenario_file"):
        del plain[place]
    for own in ("source", "units", "check"):
        if plain[own] is not None:
            del plain[own]["path"]
    digest = hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
    return msgspec.structs.replace(experiment, sha256=digest)
