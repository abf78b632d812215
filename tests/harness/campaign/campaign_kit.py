"""What tests of campaigns share: an experiment that runs in a second, and work that needs no world."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import msgspec

from harness.campaign.executor import Rows
from harness.campaign.model import Question, RunRow
from harness.campaign.worker import Chunk, Place
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment
from harness.plan.model import Plan
from harness.plan.schedule import plans_of_pair
from harness.run.code import code_sha256
from tests.conftest import SMALL
from tests.harness.campaign.rows_kit import episode, question, row

ROOT = Path(__file__).resolve().parents[3]

EXPERIMENT = """\
title: One hang
description: A world of one minute.
method:
  - type: action
    name: hang-gateway
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_hang
      arguments: {{service: gateway, duration_s: {hang_s}}}
x-hormesis:
  version: 1
  scenario: small.yaml
  profile:
    base: demo
    rate_hz: {rate_hz}
    baseline_units: 100
    window_s: 1
    window_units: 20
    hold_s: {hold_s}
    tau_s: {tau_s}
    wash_out_s: {wash_out_s}
    load_batch: {load_batch}
    load_every_s: 0.5
  arms: [{arms}]
  sham: {sham}
  objectives: [{objectives}]
"""


LONG = {"hang_s": 3, "rate_hz": 20, "hold_s": 2, "tau_s": 10, "load_batch": 20, "wash_out_s": 1}
SHORT = {"hang_s": 1, "rate_hz": 50, "hold_s": 1, "tau_s": 2.5, "load_batch": 0, "wash_out_s": 1}
"""Half as long, for counts of thousands."""
SHORTEST = {"hang_s": 0.5, "rate_hz": 50, "hold_s": 0.5, "tau_s": 1.5, "load_batch": 0, "wash_out_s": 0.2}
"""For counts of ten thousands."""


def written(
    folder: Path,
    arms: str = "none",
    *,
    sham: bool = False,
    objectives: str = "",
    lengths: Mapping[str, float] = LONG,
) -> Path:
    """Write an experiment with its scenario; gives its file."""
    small = {"version": 1, "name": "small", "world_s_per_run_s": 720, "knobs": SMALL}
    (folder / "small.yaml").write_bytes(msgspec.json.encode(small))
    file = folder / "hang.yaml"
    asked = EXPERIMENT.format(arms=arms, sham=str(sham).lower(), objectives=objectives, **lengths)
    file.write_text(asked)
    return file


def chunk_of(file: Path, template: Path, **changed: object) -> Chunk:
    """The work of a question about a written experiment."""
    experiment = load_experiment(file)
    asked = question(
        title=experiment.title,
        experiment_sha256=experiment.sha256,
        code_sha256=code_sha256(Path(experiment.system_dir)),
        arms=experiment.arms,
        pairs_max=2,
        pairs_a_chunk=1,
    )
    return Chunk(msgspec.structs.replace(asked, **changed), Place(str(file), str(template), str(ROOT)))


@cache
def _kill_one() -> Experiment:
    return load_experiment(ROOT / "experiments" / "smoke" / "kill-one.yaml")


@dataclass(frozen=True)
class Toy:
    """Work without a world: the rows of a pair are made of its number. ``bad``: chunks that raise."""

    question: Question
    bad: frozenset[int] = frozenset()

    def __call__(self, chunk: int) -> Rows:
        if chunk in self.bad:
            raise ValueError(f"no luck with {chunk}")
        return tuple(self._row(plan) for plan in self.plans(chunk))

    def plans(self, chunk: int) -> Iterator[Plan]:
        experiment = msgspec.structs.replace(_kill_one(), arms=self.question.arms)
        for pair in self.question.pairs_of(chunk):
            yield from plans_of_pair(experiment, self.question.seed, pair, "simulation")

    def _row(self, plan: Plan) -> RunRow:
        ms = 3000 + 37 * (plan.pair * 7919 % 100) - 500 * (plan.arm == "reference")
        hurt = () if plan.sham else (episode(ms, ms // 4),)
        return row(plan.pair, "none" if plan.arm == "none" else "reference", *hurt, sham=plan.sham)
