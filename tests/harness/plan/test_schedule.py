"""The timetable: the same from the same seed, ordered in time, interleaved, and fully hashed."""

from __future__ import annotations

from collections import Counter

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.model import (
    PROFILES,
    Experiment,
    FaultStep,
    Pauses,
    Scenario,
    Service,
    System,
    Workload,
)
from harness.faults.effects import Delay, Kill, Pause
from harness.plan.model import Plan
from harness.plan.schedule import START_AND_STOP_S, forecast_s, interleaved, make_plans, plan_sha256

SYSTEM = System(
    version=1,
    name="toy",
    services={"scorer": Service(command=("scorer",))},
    workload=Workload(service="scorer", route="/decide"),
)
STEPS = (
    FaultStep(
        name="kill", kind="process.kill", effect=Kill(service="scorer"), pauses=Pauses(before=1, after=2)
    ),
    FaultStep(name="hang", kind="process.hang", effect=Pause(service="scorer")),
)
PINNED = (228917675, [4.095387, 15.780176])
SEEDS = st.integers(0, 2**63 - 1)


def experiment_of(**changes) -> Experiment:
    plain = Experiment(
        title="toy",
        description="toy",
        file="toy.yaml",
        sha256="0" * 64,
        system=SYSTEM,
        system_dir=".",
        scenario=Scenario(version=1, name="steady"),
        profile=PROFILES["test"],
        steps=STEPS,
        arms=("none", "bare"),
        restart_profiles=("fast", "kubernetes"),
        repetitions=2,
    )
    return msgspec.structs.replace(plain, **changes)


@given(SEEDS)
def test_the_same_seed_gives_the_same_plans(seed):
    assert make_plans(experiment_of(), seed) == make_plans(experiment_of(), seed)


@given(SEEDS, SEEDS)
def test_another_seed_gives_other_plans(one, other):
    if one == other:
        return
    first, second = make_plans(experiment_of(), one), make_plans(experiment_of(), other)
    assert {plan.sha256 for plan in first}.isdisjoint(plan.sha256 for plan in second)


@given(SEEDS)
def test_instants_rise_and_hold_every_length_of_the_profile(seed):
    profile = PROFILES["test"]
    for plan in make_plans(experiment_of(), seed):
        at_s = profile.baseline_units / profile.rate_hz + 2 * profile.deadline_s
        for step, episode in zip(STEPS, plan.episodes, strict=True):
            jitter_s = episode.inject_at_s - at_s - step.pauses.before
            assert -1e-6 <= jitter_s <= profile.load_every_s + 1e-6
            assert episode.undo_at_s == pytest.approx(episode.inject_at_s + profile.observe_s)
            assert episode.end_at_s == pytest.approx(episode.undo_at_s + profile.wash_out_s)
            at_s = episode.end_at_s + step.pauses.after
        assert plan.duration_s == pytest.approx(plan.episodes[-1].end_at_s + STEPS[-1].pauses.after)


@given(SEEDS, st.floats(0.5, 900))
def test_a_timed_fault_is_watched_as_long_after_its_own_end_as_others_after_their_injection(seed, length_s):
    timed = (
        FaultStep(
            name="slow",
            kind="network.latency",
            effect=Delay(edge="driver-scorer", latency_ms=5, duration_s=length_s),
        ),
        STEPS[1],
    )
    profile = PROFILES["test"]
    for plan in make_plans(experiment_of(steps=timed), seed):
        slow, hang = plan.episodes
        assert slow.undo_at_s - slow.inject_at_s == pytest.approx(length_s + profile.observe_s)
        assert hang.undo_at_s - hang.inject_at_s == pytest.approx(profile.observe_s)
        assert slow.end_at_s <= hang.inject_at_s


@given(SEEDS)
def test_runs_of_a_pair_share_seed_and_timetable_and_pairs_do_not(seed):
    plans = make_plans(experiment_of(), seed)
    by_pair = {pair: [plan for plan in plans if plan.pair == pair] for pair in (0, 1)}
    assert all(len({plan.seed for plan in runs}) == 1 for runs in by_pair.values())
    assert all(len({plan.episodes for plan in runs}) == 1 for runs in by_pair.values())
    assert by_pair[0][0].seed != by_pair[1][0].seed


@given(SEEDS)
def test_every_combination_runs_exactly_once(seed):
    plans = make_plans(experiment_of(), seed)
    runs = Counter((plan.pair, plan.restart_profile, plan.arm, plan.sham) for plan in plans)
    assert len(runs) == 2 * 2 * 2 * 2
    assert set(runs.values()) == {1}
    assert len({plan.sha256 for plan in plans}) == len(plans)


@given(SEEDS)
def test_arms_run_forth_and_back_and_turn_round_with_the_next_pair(seed):
    plans = make_plans(experiment_of(restart_profiles=("fast",)), seed)
    first, second = ([plan.arm for plan in plans if plan.pair == pair] for pair in (0, 1))
    assert first == [first[0], first[1], first[1], first[0]]
    assert second == [first[1], first[0], first[0], first[1]]


def test_neither_an_arm_nor_the_sham_always_comes_first():
    firsts = [make_plans(experiment_of(repetitions=1), seed)[0] for seed in range(200)]
    arms = Counter(plan.arm for plan in firsts)
    shams = Counter(plan.sham for plan in firsts)
    restarts = Counter(plan.restart_profile for plan in firsts)
    for counts in (arms, shams, restarts):  # 200 fair draws: outside 60..140 has p < 1e-8
        assert all(60 < count < 140 for count in counts.values())


def test_without_sham_only_faults_run():
    assert not any(plan.sham for plan in make_plans(experiment_of(sham=False), 1))


def _other(value: object) -> object:
    match value:
        case bool():
            return not value
        case int() | float():
            return value / 2 if 0 < value < 1 else value + 1  # a ratio stays one
        case str():
            return value + "x"
        case None:
            return 1.0
        case _:
            raise AssertionError(f"the test knows no other {value!r}")


def _changed(plain: object) -> list[object]:
    """Every version of plain data with exactly one leaf changed."""
    if isinstance(plain, dict):
        return [plain | {key: new} for key, value in plain.items() for new in _changed(value)]
    if isinstance(plain, list | tuple):
        return [[*plain[:n], new, *plain[n + 1 :]] for n, item in enumerate(plain) for new in _changed(item)]
    return [_other(plain)]


def test_the_hash_covers_every_field_but_itself():
    plan = make_plans(experiment_of(), 1)[0]
    assert plan.sha256 == plan_sha256(plan)
    assert plan_sha256(msgspec.structs.replace(plan, sha256="other")) == plan.sha256
    plain = msgspec.to_builtins(plan)
    seen = {plan.sha256}
    for field in plain.keys() - {"sha256"}:
        for new in _changed(plain[field]):
            try:
                changed = msgspec.convert(plain | {field: new}, Plan)
            except msgspec.ValidationError:  # the tag of an effect has no other value of its own
                continue
            seen.add(plan_sha256(changed))
    leaves = sum(len(_changed(plain[field])) for field in plain.keys() - {"sha256"})
    tags = len(plan.episodes)
    assert len(seen) == 1 + leaves - tags


def test_the_plan_of_a_seed_never_changes_silently():
    # A change here means that a stored seed no longer gives the run it gave: raise Plan.version.
    plan = make_plans(experiment_of(), 1)[0]
    assert (plan.seed, [episode.inject_at_s for episode in plan.episodes]) == PINNED


def test_the_forecast_counts_every_run():
    plans = make_plans(experiment_of(), 1)
    assert forecast_s(plans) == pytest.approx(sum(plan.duration_s for plan in plans) + 16 * START_AND_STOP_S)
    assert forecast_s(()) == 0


@given(SEEDS)
def test_two_versions_run_pair_by_pair_each_as_planned_and_a_coin_says_which_is_first(seed):
    asked = experiment_of(repetitions=6)
    new, old = make_plans(asked, seed), make_plans(asked, seed)
    order = interleaved([new, old], seed)
    for version, plans in enumerate((new, old)):
        assert tuple(plan for side, plan in order if side == version) == plans
    blocks = [(side, plan.pair, plan.restart_profile) for side, plan in order]
    changes = [one for one, other in zip(blocks, [None, *blocks], strict=False) if one != other]
    assert len(changes) == 2 * 6 * 2, "one version after the other, never mixed within a pair"


def test_over_many_seeds_each_version_is_first_about_as_often():
    asked = experiment_of(repetitions=40, restart_profiles=("fast",))
    firsts = [
        [order[n][0] for n in range(0, len(order), len(order) // 40)]
        for seed in range(25)
        for order in (interleaved([make_plans(asked, seed), make_plans(asked, seed)], seed),)
    ]
    heads = sum(sum(one) for one in firsts)
    assert 430 < heads < 570
    assert len({tuple(one) for one in firsts}) == 25
