"""The same experiments on processes and on a virtual clock: is what the simulation says true of the machine?

Each smoke experiment ten times on each target, the same seeds, observed at the same rate. Figures, bars and
what is wanted are in ``parity_figures``; they are told in ``reports/examples/parity.html``, too.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from benchmarks.parity_figures import TARGETS, Row, figures
from benchmarks.parity_page import page
from benchmarks.shared import CLAIMS, commit_text, keep, refuse_a_changed_tree, share_out, stored
from harness.episodes.acts import effectful_acts
from harness.episodes.log import read_log
from harness.episodes.model import Episode, RunFacts
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment
from harness.history.model import History
from harness.history.store import read_campaign
from harness.plan.schedule import forecast_s, make_plans
from harness.report.compose import compose_campaign
from harness.run.campaign import run_campaign
from harness.run.machine import fingerprint

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "benchmarks" / "results" / "parity.rows.jsonl"
PAGE = ROOT / "reports" / "examples" / "parity.html"

NAME = "parity"
SEED = 60_01
REPETITIONS = 10
EXPERIMENTS = ("kill-one", "latency-one", "rename-one", "demo")
EXCUSED: dict[str, str] = {}
"""Class -> the measured cause of its distance."""

Item = tuple[str, int, str]


def asked(name: str) -> Experiment:
    """A smoke experiment, one repetition, without its sham runs: they have nothing that could be apart."""
    one = load_experiment(ROOT / "experiments" / "smoke" / f"{name}.yaml")
    return msgspec.structs.replace(one, repetitions=1, sham=False)


FORECAST_S = sum(forecast_s(make_plans(asked(name), SEED)) for name in EXPERIMENTS) * REPETITIONS * 1.2


def _items(repetitions: int) -> Iterator[Item]:
    for repetition in range(repetitions):
        for name in EXPERIMENTS:
            yield from ((name, repetition, target) for target in TARGETS)


def run(full: bool) -> dict[str, object]:
    """Measure what is missing, then compare; ``full`` false: one repetition, stored nowhere."""
    # One store for all runs of this process: what is prepared once is found by the others.
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as scratch:
        store = Path(scratch)
        if not full:
            return figures([row for item in _items(1) for row in measure(*item, store)], EXCUSED)
        refuse_a_changed_tree()
        share_out(
            list(_items(REPETITIONS)),
            claims=CLAIMS / ".bars-parity",
            done=lambda: {(row.experiment, row.repetition, row.target) for row in stored(ROWS, Row)},
            do=lambda item: keep(ROWS, measure(*item, store)),
        )
    rows = stored(ROWS, Row)
    told = figures(rows, EXCUSED)
    PAGE.write_text(page(rows, told, fingerprint()), encoding="utf-8")
    return told


def measure(name: str, repetition: int, target: str, store: Path) -> list[Row]:
    """Run one repetition on one target; gives one row an episode."""
    experiment, seed = asked(name), SEED + repetition
    print(f"  {name}, repetition {repetition}, on {target}", flush=True)
    plans = make_plans(experiment, seed, target)
    folder = run_campaign(plans, experiment, store=store, seed=seed, progress=_say)
    campaign = read_campaign(folder)
    histories = {history.run_id: history for history in campaign.runs}
    return [
        _row(name, repetition, target, run=run, episode=episode, history=histories[run.run_id])
        for run in compose_campaign(campaign).runs
        for episode in run.episodes
    ]


def _row(
    name: str, repetition: int, target: str, *, run: RunFacts, episode: Episode, history: History
) -> Row:
    level = episode.served
    return Row(
        experiment=name,
        repetition=repetition,
        target=target,
        commit=commit_text(),
        arm=run.arm,
        fault=episode.kind,
        subject=episode.service,
        void=run.void or run.unsafe or episode.void,
        noticed=level.impact_s is not None,
        recovered_s=level.recovered_s,
        lost_s=round(level.lost_s, 6),
        acts=acts_of(history),
    )


def acts_of(history: History) -> tuple[str, ...]:
    """All acts that were seen in a run since its first unit was due, in order."""
    log = read_log(history.entries)
    acts = effectful_acts(log.platform, log.acted, log.first_due_s or 0.0)
    return tuple(f"{act.by} {act.service} {act.act}" for act in acts)


def _say(line: str) -> None:
    print("    " + line, flush=True)
