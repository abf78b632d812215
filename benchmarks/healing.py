"""Edges, schemas, a kill and a hang: is service back in time in arm reference, and not in arm none?

Thirty repetitions of the experiments of ``EXPERIMENTS`` in arm reference, every third of them in arm none as
well, every fifth with its sham run, which tells what degraded answers were worth; of a dropped field, where
that needs most units, every second. Each episode is one row of ``results/healing.rows.jsonl`` with the
commit it was measured at, so that a cut session goes on where it stopped; the figures are made from all rows
by ``healing_figures``, which says what is wanted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.healing_figures import WRONG_RENAME, Row, figures
from benchmarks.shared import CLAIMS, commit_text, keep, refuse_a_changed_tree, share_out, stored
from harness.episodes.acts import sees_acts
from harness.episodes.model import Episode, RunFacts
from harness.estimates.worth import Costs, worth
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment
from harness.faults.effects import subject
from harness.history.events import FirstDue, Touched, Versions
from harness.history.model import History
from harness.history.observations import DEGRADED, WITNESS, Rows
from harness.history.store import read_campaign
from harness.plan.model import PlannedEpisode
from harness.plan.schedule import forecast_s, make_plans
from harness.report.compose import compose_campaign
from harness.run.campaign import run_campaign

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / "experiments" / "standard"
ROWS = ROOT / "benchmarks" / "results" / "healing.rows.jsonl"
EXPERIMENTS = ("edges", "schema", "dropped", "kill-hang", "off-path", "witness-edge", "wrong-rename")

NAME = "healing"
SEED = 40_01
REPETITIONS, NONE_EVERY, SHAM_EVERY = 30, 3, 5
# A dropped amount leaves a worth near the bar: with six pairs its interval would be 0.1 wide on either side.
SHAM_EVERY_OF = {"dropped": 2}
PRIOR = "fallback-prior"
COSTS = Costs(missed=20.0, declined_good=1.0)


def variant(name: str, arm: str, *, sham: bool) -> Experiment:
    """One experiment in one arm, once; without its objectives, since here the rows are judged."""
    asked = load_experiment(FOLDER / f"{name}.yaml")
    return msgspec.structs.replace(asked, arms=(arm,), repetitions=1, sham=sham, objectives=())


def _forecast_s() -> float:
    one = {n: forecast_s(make_plans(variant(n, "reference", sham=False), SEED)) for n in EXPERIMENTS}
    return sum(
        length_s * REPETITIONS * (1 + 1 / NONE_EVERY + 1 / SHAM_EVERY_OF.get(name, SHAM_EVERY))
        for name, length_s in one.items()
    )


FORECAST_S = _forecast_s()


def run(full: bool) -> dict[str, object]:
    """Measure what is missing, then compute all figures; ``full`` false: one repetition, stored nowhere."""
    if not full:
        return figures([row for name, arm in _arms(0) for row in measure(name, 0, arm)], least=1)
    refuse_a_changed_tree()
    items = [(name, repetition, arm) for repetition in range(REPETITIONS) for name, arm in _arms(repetition)]
    share_out(
        items,
        claims=CLAIMS / ".bars-healing",
        done=lambda: {(row.experiment, row.repetition, row.arm) for row in stored(ROWS, Row)},
        do=lambda item: keep(ROWS, measure(*item)),
    )
    return figures(stored(ROWS, Row), least=REPETITIONS, expected=classes())


def classes() -> frozenset[tuple[str, str, str]]:
    """Every (fault, subject, arm) that the experiments ask for."""
    return frozenset(
        (step.kind, subject(step.effect), arm)
        for name, arm in _arms(0)
        for step in variant(name, arm, sham=False).steps
    )


def _arms(repetition: int) -> Iterator[tuple[str, str]]:
    for name in EXPERIMENTS:
        yield name, "reference"
        if repetition % NONE_EVERY == 0 and name != WRONG_RENAME:
            yield name, "none"


def measure(name: str, repetition: int, arm: str) -> list[Row]:
    """Run one repetition and give one row an episode, and one for the sham run."""
    paired = arm == "reference" and repetition % SHAM_EVERY_OF.get(name, SHAM_EVERY) == 0
    experiment = variant(name, arm, sham=paired)
    seed = SEED + repetition
    print(f"  {name}, repetition {repetition}, arm {arm}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
        plans = make_plans(experiment, seed)
        folder = run_campaign(plans, experiment, store=Path(store), seed=seed, progress=_say)
        campaign = read_campaign(folder)
    document = compose_campaign(campaign)
    histories = {history.run_id: history for history in campaign.runs}
    sham = next((histories[one.run_id] for one in document.runs if one.sham and not one.void), None)
    rows: list[Row] = []
    for one in document.runs:
        told = _row(one, experiment=name, repetition=repetition, repeated=len(document.repeated))
        if one.sham:
            rows.append(told)
        else:
            rows += [_of_episode(told, e, histories[one.run_id], sham) for e in one.episodes]
            rows += [_missing(told, e) for e in histories[one.run_id].plan.episodes[len(one.episodes) :]]
    return rows


def _missing(told: Row, planned: PlannedEpisode) -> Row:
    """A planned episode that was never seen: a failed one for every bar."""
    void = told.void or "it was planned and not done"
    return msgspec.structs.replace(told, void=void, fault=planned.kind, subject=subject(planned.effect))


def _row(run: RunFacts, *, experiment: str, repetition: int, repeated: int) -> Row:
    return Row(
        repeated=repeated,
        experiment=experiment,
        repetition=repetition,
        arm=run.arm,
        seed=run.seed,
        commit=commit_text(),
        history_sha256=run.history_sha256,
        sham=run.sham,
        void=run.void or run.unsafe,
        exactly_once=run.exactly_once is True,
        audit=run.audit_text,
        acts=run.acts,
        blind_s=run.blind_s,
        acts_seen=sees_acts(run),
        units=run.units,
        degraded=run.degraded_units,
    )


def _of_episode(told: Row, episode: Episode, fault: History, sham: History | None) -> Row:
    served, full = episode.served, episode.full
    hurt = _while_hurt(fault, episode)
    found = None if sham is None else worth(hurt, sham.rows, COSTS)
    records = [e.event for e in fault.entries if isinstance(e.event, Touched)]
    changed = next((one for one in records if one.episode == episode.index), None)
    return msgspec.structs.replace(
        told,
        void=told.void or episode.void,
        fault=episode.kind,
        subject=episode.service,
        absorbed=served.impact_s is None,
        served_s=served.recovered_s,
        served_held=served.impact_s is None or episode.mitigated is True,
        full_s=full.recovered_s,
        full_held=full.impact_s is None or episode.full_mitigated is True,
        back=served.impact_s is None or served.recovered_s is not None,
        ended_by=episode.ended_by,
        lost_s=served.lost_s,
        flaps=served.flaps,
        full_relapsed_s=full.relapsed_s,
        hurt_degraded=int((hurt["outcome"] == DEGRADED).sum()),
        worth=found,
        prior_ratio=_prior_ratio(fault, hurt),
        touched=0 if changed is None else changed.touched,
        quarantined=0 if changed is None else changed.quarantined,
        owed_peak=-1 if episode.debt is None else episode.debt.peak,
        owed_band=-1 if episode.debt is None else episode.debt.band,
        owed_back_s=None if episode.debt is None else episode.debt.back_s,
    )


def _prior_ratio(fault: History, rows: Rows) -> float | None:
    """Share of the degraded answers that the prior gave; None without any, or where models are not known."""
    degraded = rows[rows["outcome"] == DEGRADED]
    names = next((e.event.names for e in reversed(fault.entries) if isinstance(e.event, Versions)), ())
    if not len(degraded) or not names or (degraded["version"] == 0).any():
        return None
    prior = [number + 1 for number, name in enumerate(names) if name == PRIOR]
    return float(np.isin(degraded["version"], prior).mean())


def _while_hurt(history: History, episode: Episode) -> Rows:
    """Rows of the witness that were due while the fault was there."""
    first_s = next(e.event.at_s for e in history.entries if isinstance(e.event, FirstDue))
    from_s = first_s + episode.effective_s
    rows = history.rows[history.rows["stream"] == WITNESS]
    due = rows["due"]
    kept: Rows = rows[(due >= from_s) & (due < from_s + (episode.cleared_s or 0.0))]
    return kept


def _say(line: str) -> None:
    print("    " + line, flush=True)
