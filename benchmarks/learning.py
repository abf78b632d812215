"""Drift, labels and models: what is won back, what is left alone, and what is never let through.

Ten repetitions of ``concept`` in the arms reference, none and oracle, of ``poison`` and ``sentinel`` in
reference and none, of ``unharmed`` with its sham in reference; twenty of a bad candidate and of a model that
is confident and wrong. Arms of one repetition share seed and traffic: they are pairs. Each episode is one row
of ``results/learning.rows.jsonl`` with its commit, so that a cut session goes on where it stopped; the
figures are made from all rows by ``learning_figures``, which says what is wanted.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.healing import variant
from benchmarks.learning_figures import CONFIDENT, OFFERED, Row, figures
from benchmarks.shared import CLAIMS, commit_text, keep, refuse_a_changed_tree, share_out, stored
from harness.episodes.acts import of_others, sees_acts
from harness.episodes.log import RunLog, read_log
from harness.episodes.model import Episode, RunFacts
from harness.episodes.served import MODEL_ACTS
from harness.experiment.model import Experiment
from harness.history.events import Acted
from harness.history.model import History, Said
from harness.history.store import read_campaign
from harness.plan.schedule import forecast_s, make_plans
from harness.report.compose import compose_campaign
from harness.run.campaign import run_campaign

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "benchmarks" / "results" / "learning.rows.jsonl"

NAME = "learning"
SEED = 50_01
ARMS: Mapping[str, tuple[str, ...]] = {
    "concept": ("reference", "none", "oracle"),
    "unharmed": ("reference",),
    "poison": ("reference", "none"),
    "sentinel": ("reference", "none"),
    "models": ("reference",),
}
REPETITIONS: Mapping[str, int] = dict.fromkeys(ARMS, 10) | {"models": 20}


def asked(name: str, arm: str) -> Experiment:
    """One experiment in one arm, once; of bad models the two that are judged."""
    one = variant(name, arm, sham=name == "unharmed")
    if name != "models":
        return one
    return msgspec.structs.replace(
        one, steps=tuple(step for step in one.steps if step.kind in (OFFERED, CONFIDENT))
    )


def _items() -> Iterator[tuple[str, int, str]]:
    for repetition in range(max(REPETITIONS.values())):
        for name, arms in ARMS.items():
            if repetition < REPETITIONS[name]:
                yield from ((name, repetition, arm) for arm in arms)


FORECAST_S = sum(
    forecast_s(make_plans(asked(name, arm), SEED)) * REPETITIONS[name]
    for name, arms in ARMS.items()
    for arm in arms
)


def run(full: bool) -> dict[str, object]:
    """Measure what is missing, then compute all figures; ``full`` false: one repetition, stored nowhere."""
    if not full:
        first = [item for item in _items() if item[1] == 0]
        return figures([row for item in first for row in measure(*item)], dict.fromkeys(REPETITIONS, 1))
    refuse_a_changed_tree()
    share_out(
        list(_items()),
        claims=CLAIMS / ".bars-learning",
        done=lambda: {(row.experiment, row.repetition, row.arm) for row in stored(ROWS, Row)},
        do=lambda item: keep(ROWS, measure(*item)),
    )
    return figures(stored(ROWS, Row), REPETITIONS)


def measure(name: str, repetition: int, arm: str) -> list[Row]:
    """Run one repetition and give one row an episode, and one for the sham run."""
    experiment, seed = asked(name, arm), SEED + repetition
    print(f"  {name}, repetition {repetition}, arm {arm}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
        plans = make_plans(experiment, seed)
        folder = run_campaign(plans, experiment, store=Path(store), seed=seed, progress=_say)
        campaign = read_campaign(folder)
    document = compose_campaign(campaign)
    histories = {history.run_id: history for history in campaign.runs}
    rows: list[Row] = []
    for one in document.runs:
        told = _row(one, histories[one.run_id], experiment=name, repetition=repetition)
        first, *others = [told] if one.sham else _of_faults(told, one, histories[one.run_id])
        if not told.void:  # whatever is to be said of its episodes
            heals = len(one.false_heals)
            first = msgspec.structs.replace(first, false_heals=heals, unbroken_s=one.unbroken_s)
        rows += [first, *others]
    return rows


def _of_faults(told: Row, run: RunFacts, history: History) -> list[Row]:
    """One row an episode that was planned, done or not."""
    log = read_log(history.entries)
    planned = history.plan.episodes[len(run.episodes) :]
    void = told.void or "it was planned and not done"
    return [
        *(_of_episode(told, episode, log, history.journal) for episode in run.episodes),
        *(msgspec.structs.replace(told, void=void, fault=missing.kind) for missing in planned),
    ]


def _row(run: RunFacts, history: History, *, experiment: str, repetition: int) -> Row:
    return Row(
        experiment=experiment,
        repetition=repetition,
        arm=run.arm,
        seed=run.seed,
        commit=commit_text(),
        sham=run.sham,
        void=run.void or run.unsafe,
        exactly_once=run.exactly_once is True,
        acts_seen=sees_acts(run),
        model_acts=len(_changes(read_log(history.entries))),
    )


def _changes(log: RunLog) -> list[Acted]:
    """Changes of what serves that the harness did not make, since the first unit was due."""
    acted = of_others(log.acted, log.injected.values(), log.cleared, log.undone)
    first_s = log.first_due_s or 0.0
    return [one for one in acted if one.effect and one.act in MODEL_ACTS and one.received_s >= first_s]


def _of_episode(told: Row, episode: Episode, log: RunLog, journal: Sequence[Said]) -> Row:
    # From the order on: a hook may work for seconds before its effect is seen, and a healer meanwhile.
    begin_s = log.injected[episode.index].asked_at_s
    until_s = min(
        (one.asked_at_s for one in log.injected.values() if one.asked_at_s > begin_s), default=float("inf")
    )
    changes = [one for one in _changes(log) if begin_s <= one.received_s <= until_s]
    decided = episode.decided
    told = msgspec.structs.replace(
        told,
        void=told.void or episode.void or ("" if episode.exercised else "nothing met the fault"),
        fault=episode.kind,
        model_acts=len(changes),
        first_act_s=round(changes[0].received_s - begin_s, 3) if changes else None,
        cleared_by=episode.cleared_by,
        served_offer=_served_offer(episode, log),
        judged_offer=_judged_offer(episode, log, journal),
        served_before=_served_before(episode),
        cleared_s=episode.cleared_s,
        cpu_s=episode.learned.cpu_s if told.acts_seen else None,
        confidence=episode.confidence,
    )
    if decided is None or decided.why or not decided.n:
        return msgspec.structs.replace(told, why=decided.why if decided else "the truth is not known")
    return msgspec.structs.replace(
        told,
        decisions=decided.n,
        unanswered=decided.unanswered,
        jump=decided.jump,
        loss=round(decided.excess_sum / decided.n, 6),
        left=None if decided.last is None else decided.last.left_ratio,
        back_s=decided.back_s,
    )


def _served_offer(episode: Episode, log: RunLog) -> bool:
    """Whether what a hook offered or set answered the witness at all."""
    value = log.injected[episode.index].shows.partition(" ")[2]
    served = () if episode.models is None else episode.models.served
    return bool(value) and any(one.version == value for one in served)


def _judged_offer(episode: Episode, log: RunLog, journal: Sequence[Said]) -> bool:
    """Whether the healer said, since the offer, what it thinks of it; who never looked says nothing."""
    injected = log.injected[episode.index]
    value = injected.shows.partition(" ")[2]
    since = (one.reason for one in journal if one.received_s >= injected.asked_at_s)
    return bool(value) and any(reason.startswith(f"candidate {value}: ") for reason in since)


def _served_before(episode: Episode) -> bool:
    """Whether what answered last is what answered before the fault, not just anything else."""
    served = () if episode.models is None else episode.models.served
    if not served:
        return False
    first, last = min(served, key=lambda one: one.from_s), max(served, key=lambda one: one.until_s)
    return first.version == last.version


def _say(line: str) -> None:
    print("    " + line, flush=True)
