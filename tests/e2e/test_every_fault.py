"""Every fault that no other test does on the whole line, once each; and the arm seed.

``records.yaml`` and ``labels.yaml`` hold what the driver does, ``wires.yaml`` what the proxy does, all in arm
reference; ``models.yaml`` what the hook does, in arm none, so that it lasts until the undo; the arm seed
meets three faults of ``line.yaml``. One run each, shared by the tests. What the system makes of a fault is
asserted only where the contract of its records or docs/seed.md says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np
import pytest

from benchmarks import healing, learning
from harness.episodes.acts import effectful_acts
from harness.episodes.log import RunLog, read_log
from harness.episodes.model import RunFacts
from harness.experiment.load import load_experiment
from harness.faults.catalog import FAULTS
from harness.history.observations import Rows
from harness.history.store import read_campaign
from harness.plan.schedule import make_plans
from harness.report.compose import compose_campaign
from harness.run.campaign import run_campaign

HERE = Path(__file__).parent
NAMES = ("line", "records", "wires", "labels", "models")
LINE, RECORDS, WIRES, LABELS, MODELS = FILES = tuple(HERE / f"{name}.yaml" for name in NAMES)
SEED = 11

KILL, LATENCY, RENAME = "process.kill", "network.latency", "data.rename_field"
CANDIDATE, CORRUPT = "model.bad_candidate", "model.corrupt_file"
FOLLOWED_S = 2.0  # a scorer asks for its champion once a second
ASIDE = {"data.nulls": "quarantined", "data.sentinel": "quarantined", "data.new_category": "quarantined"}
ENDS = ASIDE | {"data.truncate_batch": "not_sent"}
"""Where the touched records of a fault end, if not in the sink: what keeps the contract is decided."""


@dataclass(frozen=True)
class Seen:
    """The only run of a campaign: what was planned and concluded, its facts, its events."""

    planned: tuple[str, ...]
    word: str
    run: RunFacts
    log: RunLog
    rows: Rows

    @property
    def why_void(self):
        """Why run or episodes may not be counted; empty = all may."""
        return "; ".join(filter(None, (self.run.void, *(one.void for one in self.run.episodes))))

    def episode(self, kind):
        (found,) = [one for one in self.run.episodes if one.kind == kind]
        return found


def measured(experiment, store, trusted):
    """Run ``experiment``, which makes one run."""
    plans = make_plans(experiment, SEED)
    planned = tuple(step.name for step in experiment.steps)

    def once():
        campaign = read_campaign(run_campaign(plans, experiment, store=store, seed=SEED, progress=print))
        document = compose_campaign(campaign)
        (run,) = document.runs
        (history,) = [one for one in campaign.runs if one.run_id == run.run_id]
        return Seen(planned, document.verdict.word, run, read_log(history.entries), history.rows)

    return trusted(once, lambda seen: seen.why_void)


@pytest.fixture(scope="module")
def records(live_store, trusted):
    return measured(load_experiment(RECORDS), live_store, trusted)


@pytest.fixture(scope="module")
def wires(live_store, trusted):
    return measured(load_experiment(WIRES), live_store, trusted)


@pytest.fixture(scope="module")
def labels(live_store, trusted):
    return measured(load_experiment(LABELS), live_store, trusted)


@pytest.fixture(scope="module")
def models(live_store, trusted):
    return measured(load_experiment(MODELS), live_store, trusted)


@pytest.fixture(scope="module")
def seed(live_store, trusted):
    """A kill, a slow wire and a renamed field of ``line.yaml``, with an article's recipes."""
    line = load_experiment(LINE)
    steps = tuple(step for step in line.steps if step.kind in (KILL, LATENCY, RENAME))
    asked = msgspec.structs.replace(line, arms=("seed",), sham=False, objectives=(), steps=steps)
    return measured(asked, live_store, trusted)


@pytest.fixture(params=["records", "wires", "labels", "models", "seed"])
def seen(request):
    return request.getfixturevalue(request.param)


def live(test):
    """Mark a test that measures; the first of a run waits for it, which may have to be done again."""
    return pytest.mark.live(pytest.mark.slow(pytest.mark.timeout(1200)(test)))


def ends(touched):
    """The places where the touched records of an episode ended: each record is in one, and in no other."""
    told = msgspec.structs.asdict(touched)
    counts = {name: told[name] for name in told.keys() - {"episode", "touched", "collateral"}}
    assert sum(counts.values()) == touched.touched > 0, touched
    return {name for name, count in counts.items() if count}


def experiments():
    """What is really run: by tests of these files and of ``test_classes``, and by the bars of learning."""
    yield from map(load_experiment, FILES)
    for name in (*healing.EXPERIMENTS, "placebos"):
        yield healing.variant(name, "reference", sham=False)
    for name, arms in learning.ARMS.items():
        yield learning.asked(name, arms[0])


def test_every_kind_of_fault_is_done_on_the_whole_line_by_some_test():
    assert {step.kind for one in experiments() for step in one.steps} == set(FAULTS)


@live
def test_no_run_is_void_and_no_episode_of_it(seen):
    assert (seen.why_void, seen.run.complete, seen.word) == ("", True, "DONE")


@live
def test_every_record_of_every_run_ends_exactly_once(seen):
    assert seen.run.exactly_once is True, seen.run.audit_text


@live
def test_every_fault_is_proven_and_met_by_more_than_our_own_look(seen):
    assert tuple(one.name for one in seen.run.episodes if one.exercised) == seen.planned
    assert all(event.proof for event in seen.log.injected.values())


@live
def test_every_fault_is_undone_and_the_look_after_it_is_clean(seen):
    every = set(range(len(seen.planned)))
    assert (set(seen.log.undone), set(seen.log.clean)) == (every, every)
    assert (seen.run.unsafe, seen.log.not_clean) == ("", [])


@live
def test_every_touched_record_ends_in_one_place_and_in_that_which_the_contract_says(records):
    found = {one.name: ends(records.log.touched[one.index]) for one in records.run.episodes}
    assert found == {one.name: {ENDS.get(one.kind, "delivered")} for one in records.run.episodes}


@live
def test_every_fault_on_a_wire_takes_full_answers_away(wires):
    """What no answer shows may have touched nothing that matters."""
    assert [one.name for one in wires.run.episodes if one.full.impact_s is None] == []


@live
def test_faults_of_labels_are_felt_by_no_answer(labels):
    assert {one.ended_by for one in labels.run.episodes} == {"absorbed"}


@live
def test_a_model_that_was_set_by_a_fault_answers_the_users_and_an_offered_or_damaged_one_does_not(models):
    for one in models.run.episodes:
        version = models.log.injected[one.index].shows.partition(" ")[2]
        served = {} if one.models is None else {told.version for told in one.models.served}
        sets = one.kind not in (CANDIDATE, CORRUPT)
        assert (version in served) is sets, (one.name, version, served)


@live
def test_one_score_for_everybody_is_what_everybody_gets(models):
    """Seen in the rows, from the scorer's next look for its champion on."""
    found = models.episode("model.constant")
    begin_s = models.log.injected[found.index].effective_at_s + FOLLOWED_S
    rows = models.rows[(models.rows["sent"] > begin_s) & (models.rows["ended"] < begin_s + 2.0)]
    told = rows["probability"][np.isfinite(rows["probability"])]
    assert len(told) > 300
    assert len(np.unique(told)) == 1


@live
def test_in_arm_seed_only_the_platform_acts_and_only_on_the_kill(seed):
    """M-40 waits longer than a restart takes, M-14 and M-15 see nothing else, three probes last 20 s."""
    acts = effectful_acts(seed.log.platform, seed.log.acted, seed.log.first_due_s)
    assert [(act.service, act.act, act.by) for act in acts] == [("scorer-a", "started", "platform")]
    assert seed.run.observed, "none seen is not none done"
    assert seed.episode(KILL).cleared_by == "platform"


@live
def test_in_arm_seed_slow_answers_are_good_ones_so_service_is_back_when_the_wire_is(seed):
    found = seed.episode(LATENCY)
    assert (found.served.impact_s is not None, found.mitigated) == (True, False)
    assert (found.ended_by, found.cleared_by) == ("itself", "itself")


@live
def test_in_arm_seed_nothing_is_mapped_so_renamed_records_stay_dead_letters(seed):
    found = seed.episode(RENAME)
    assert ends(seed.log.touched[found.index]) == {"quarantined"}
    assert found.act == ""
