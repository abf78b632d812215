"""The score: known answers, what must hold for any data, and when there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.episodes.facts import facts
from harness.episodes.learned import Learned
from harness.episodes.loss import Loss
from harness.episodes.model import NOT_EXERCISED, RunFacts
from harness.estimates.points import Score
from harness.estimates.score import scores
from harness.experiment.model import PROFILES
from harness.experiment.rules import ScoreRules
from tests.traps.histories import Outage, Story, history_of, killed, never_back

PROFILE = PROFILES["default"]
TAU_US = int(PROFILE.tau_s * 1e6)
PLAIN = facts(history_of(Story(), run_id="plain"))
LENGTHS = st.integers(0, TAU_US // 2)  # three phases of a timed fault may lose more than tau
LOSSES = st.builds(
    Loss,
    bad_us=st.tuples(LENGTHS, LENGTHS, LENGTHS),
    degraded_us=st.tuples(LENGTHS, LENGTHS, LENGTHS),
    usual_bad_us=st.integers(0, 2_000_000),
    usual_degraded_us=st.integers(0, 2_000_000),
)
KINDS = ("process.kill", "process.hang", "network.latency")
CLASSES = st.dictionaries(
    st.sampled_from(KINDS), st.lists(LOSSES, min_size=5, max_size=6), min_size=1, max_size=3
)


def lost(*bad_us: int, degraded_us: int = 0) -> Loss:
    padded = (*bad_us, 0, 0, 0)[:3]
    return Loss(bad_us=padded, degraded_us=(degraded_us, 0, 0), usual_bad_us=0, usual_degraded_us=0)


def seconds(length_s: float) -> Loss:
    return lost(int(length_s * 1e6))


def run(pair: int, losses: dict[str, Loss], *, arm: str = "none", **changes: object) -> RunFacts:
    """One run with an episode a kind; all else as in a run in which nothing happened."""
    (plain,) = PLAIN.episodes
    episodes = tuple(
        msgspec.structs.replace(plain, index=i, kind=kind, ended_by="platform", exercised=True, loss=loss)
        for i, (kind, loss) in enumerate(losses.items())
    )
    told = {"run_id": f"r{pair:03d}-{arm}", "pair": pair, "arm": arm, "episodes": episodes}
    return msgspec.structs.replace(PLAIN, **{**told, **changes})


def runs_of(classes: dict[str, list[Loss]], arm: str = "none") -> list[RunFacts]:
    n = max(map(len, classes.values()))
    return [run(i, {k: of[i] for k, of in classes.items() if i < len(of)}, arm=arm) for i in range(n)]


def scored(
    runs: Sequence[RunFacts], *, planned: int | None = None, doubts: Sequence[str] = (), **rules: object
) -> Score:
    """The score of the one arm, or of the arm with a healer."""
    told = ScoreRules(**rules)
    found = scores(runs, PROFILE, told, planned_runs=len(runs) if planned is None else planned, doubts=doubts)
    return found[-1]


def same(loss: Loss, n: int = 5) -> dict[str, list[Loss]]:
    return {"process.kill": [loss] * n}


@pytest.mark.parametrize(
    ("losses", "points"),
    [
        ([seconds(2)] * 5, 98.333333),
        ([seconds(118)] * 5, 1.666667),
        ([seconds(6)] * 5, 95.0),
        ([seconds(2)] * 19 + [seconds(120)], 93.416667),
        ([seconds(0)] * 5, 100.0),
        ([seconds(120)] * 5, 0.0),
        ([seconds(150)] * 5, 0.0),
    ],
    ids=[
        "2 s out",
        "118 s out",
        "10 % errors for 60 s",
        "19 of 2 s, one never",
        "nothing",
        "all",
        "longer than tau, of a timed fault",
    ],
)
def test_known_outages_have_their_known_points(losses: list[Loss], points: float) -> None:
    assert scored(runs_of({"process.kill": losses})).points.mean == points


def test_from_rows_to_points_two_seconds_at_tau_120_are_98_point_3() -> None:
    """The same by the whole way: rows of a witness, the change-back test, the loss, the score."""
    story = Story(outages=(Outage(0.0, 2.0),), profile=PROFILE)
    partial = Story(outages=(Outage(0.0, 60.0, share=0.1),), profile=PROFILE)
    for told, points in ((story, 98.3), (partial, 95.0)):
        seen = [facts(history_of(replace(told, pair=i, seed=i), run_id=f"r{i}")) for i in range(5)]
        assert scored(seen).points.mean == pytest.approx(points, abs=0.15)


def test_no_data_is_void_and_no_score() -> None:
    assert scores([], PROFILE, ScoreRules(), planned_runs=4) == ()
    nothing = scored([run(i, {}) for i in range(5)])
    assert (nothing.word, nothing.points.mean) == ("VOID", None)
    assert nothing.why == "no class of fault was measured"


def test_below_five_runs_of_a_class_there_is_no_score() -> None:
    found = scored(runs_of({"process.kill": [seconds(2)] * 5, "process.hang": [seconds(2)] * 3}))
    assert (found.word, found.points.mean, found.parts, found.worst) == ("INCONCLUSIVE", None, (), None)
    assert found.why == "process.hang scorer-a needs 3 / 5"
    assert [c.points.mean for c in found.classes] == [None, 98.333333]


def test_episodes_of_one_run_are_one_figure() -> None:
    twice = [
        msgspec.structs.replace(
            r, episodes=(*r.episodes, msgspec.structs.replace(r.episodes[0], index=1, loss=seconds(4)))
        )
        for r in runs_of(same(seconds(2), 3))
    ]
    assert scored(twice).why == "process.kill scorer-a needs 3 / 5"


VOIDED = {
    "an effect that was not proven": ("episode 0: fault without effect: pid 1 still runs", 1, 30),
    "a witness that stalled": ("the witness stalled: send lag p99 80 ms, allowed 50 ms", 1, 30),
    "more than one run in twenty": ("baseline not met: x", 2, 39),
}


@pytest.mark.parametrize(("why", "void", "n"), VOIDED.values(), ids=list(VOIDED))
def test_what_cannot_be_trusted_voids_the_score(why: str, void: int, n: int) -> None:
    runs = runs_of(same(seconds(2), n))
    broken = [msgspec.structs.replace(r, void=why) for r in runs[:void]]
    found = scored([*broken, *runs[void:]])
    assert (found.word, found.points.mean, found.classes[0].points.mean) == ("VOID", None, None)
    assert found.why


def test_one_void_run_in_twenty_is_left_out_and_counts_for_nothing() -> None:
    runs = runs_of({"process.kill": [seconds(120), *[seconds(2)] * 19]})
    found = scored([msgspec.structs.replace(runs[0], void="baseline not met: x"), *runs[1:]])
    assert (found.word, found.points.mean, found.classes[0].points.n) == ("", 98.333333, 19)


def test_runs_that_are_not_there_void_the_score() -> None:
    assert scored(runs_of(same(seconds(2), 10)), planned=11).word == "VOID"
    assert scored(runs_of(same(seconds(2), 10)), planned=10).word == ""


def test_what_the_instrument_holds_against_itself_voids_the_score() -> None:
    found = scored(runs_of(same(seconds(2))), doubts=["False impacts: 5 of 5"])
    assert (found.word, found.why) == ("VOID", "False impacts: 5 of 5")


def test_an_unsafe_run_leaves_no_score() -> None:
    runs = runs_of(same(seconds(2)))
    assert scored([msgspec.structs.replace(runs[0], unsafe="not clean"), *runs[1:]]).word == "VOID"


def test_a_fault_that_nothing_met_is_no_episode_without_loss() -> None:
    runs = runs_of(same(seconds(0), 6))
    idle = [
        msgspec.structs.replace(
            r, episodes=tuple(msgspec.structs.replace(e, ended_by=NOT_EXERCISED) for e in r.episodes)
        )
        for r in runs
    ]
    assert scored(idle).why == "process.kill scorer-a needs 0 / 5"


@given(CLASSES)
def test_points_lie_between_none_and_all_and_the_floor_is_no_higher(classes: dict[str, list[Loss]]) -> None:
    found = scored(runs_of(classes))
    assert 0.0 <= found.points.low <= found.points.mean <= found.points.high <= 100.0
    floor = found.classes[found.worst].points.mean
    assert floor == min(c.points.mean for c in found.classes) <= found.points.mean + 1e-6
    assert 0.0 <= found.worth_0 <= found.points.mean == found.worth_1


@given(CLASSES, st.sampled_from([0.0, 0.25, 1.0]))
def test_parts_add_up_exactly_to_what_is_lost(classes: dict[str, list[Loss]], worth: float) -> None:
    found = scored(runs_of(classes), degraded_worth_ratio=worth)
    assert sum(Decimal(str(p.points)) for p in found.parts) == 100 - Decimal(str(found.points.mean))
    assert all(p.points >= 0 for p in found.parts)
    assert len(found.parts) == 4 * len(classes)
    for c in found.classes:  # and the parts of a class are its share, to the last digit of each
        own = sum(p.points for p in found.parts if p.fault == c.fault)
        assert own == pytest.approx(c.weight_ratio * (100 - c.points.mean), abs=2e-4)


def test_what_the_baseline_loses_in_as_much_time_is_taken_off() -> None:
    noisy = Loss(
        bad_us=(6_000_000, 0, 0),
        degraded_us=(0, 6_000_000, 0),
        usual_bad_us=1_200_000,
        usual_degraded_us=2_400_000,
    )
    found = scored(runs_of(same(noisy)))
    assert (found.worth_1, found.worth_0) == (96.0, 93.0)
    assert scored(runs_of(same(noisy)), degraded_worth_ratio=0.5).points.mean == 94.5


@given(CLASSES, st.data())
def test_more_lost_never_gives_more_points(classes: dict[str, list[Loss]], data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(classes)))
    place, phase = data.draw(st.integers(0, len(classes[kind]) - 1)), data.draw(st.integers(0, 2))
    field = data.draw(st.sampled_from(["bad_us", "degraded_us"]))
    one = classes[kind][place]
    more = list(getattr(one, field))
    more[phase] += data.draw(st.integers(1, 20_000_000))
    worse = {**classes, kind: list(classes[kind])}
    worse[kind][place] = msgspec.structs.replace(one, **{field: tuple(more)})
    before, after = scored(runs_of(classes)), scored(runs_of(worse))
    assert after.points.mean <= before.points.mean
    assert after.worth_0 <= before.worth_0
    assert after.worth_1 <= before.worth_1


@given(CLASSES)
def test_an_answer_that_is_bad_costs_no_less_than_one_that_is_degraded(
    classes: dict[str, list[Loss]],
) -> None:
    bad = {
        kind: [
            msgspec.structs.replace(
                one,
                bad_us=tuple(a + b for a, b in zip(one.bad_us, one.degraded_us, strict=True)),
                degraded_us=(0, 0, 0),
            )
            for one in of
        ]
        for kind, of in classes.items()
    }
    kept, worse = scored(runs_of(classes), degraded_worth_ratio=0.5), scored(runs_of(bad))
    assert worse.points.mean <= kept.points.mean


@given(CLASSES, st.randoms(use_true_random=False))
def test_order_and_names_of_runs_and_classes_change_no_point(classes: dict[str, list[Loss]], random) -> None:
    runs = runs_of(classes)
    names = dict(zip(sorted(classes), sorted(classes, reverse=True), strict=True))
    other = [
        msgspec.structs.replace(
            r,
            run_id=f"x{99 - i:02d}",
            episodes=tuple(msgspec.structs.replace(e, kind=names[e.kind]) for e in r.episodes),
        )
        for i, r in enumerate(runs)
    ]
    random.shuffle(other)
    one, two = scored(runs), scored(other)
    assert one.points == two.points
    assert sorted(c.sure_low for c in one.classes) == sorted(c.sure_low for c in two.classes)
    assert sorted(c.points.mean for c in one.classes) == sorted(c.points.mean for c in two.classes)


@given(CLASSES)
def test_what_should_lose_nothing_adds_no_point(classes: dict[str, list[Loss]]) -> None:
    """Placebos and sham runs that lose nothing stand apart: else idle checks would buy points."""
    runs = runs_of(classes)
    idle = runs_of({**classes, "placebo.surge": [seconds(0)] * 8})
    quiet = [run(i, {"process.kill": seconds(0)}, sham=True, run_id=f"s{i}") for i in range(8)]
    one, two = scored(runs), scored([*idle, *quiet])
    assert (two.points, two.parts, two.classes) == (one.points, one.parts, one.classes)
    assert [(c.fault, c.points.mean, c.points.n) for c in two.nulls] == [
        ("placebo.surge", 100.0, 8),
        ("sham", 100.0, 8),
    ]


@given(st.lists(LOSSES, min_size=5, max_size=9), st.integers(2, 4))
def test_more_runs_of_the_same_losses_narrow_the_interval(losses: list[Loss], times: int) -> None:
    few, many = scored(runs_of({"process.kill": losses})), scored(runs_of({"process.kill": losses * times}))
    assert many.points.mean == pytest.approx(few.points.mean, abs=2e-6)
    assert many.points.high - many.points.low < few.points.high - few.points.low


def test_weights_count_and_are_part_of_the_name() -> None:
    runs = runs_of({"process.kill": [seconds(0)] * 5, "process.hang": [seconds(120)] * 5})
    plain, weighted = scored(runs), scored(runs, weights={"process.kill": 3.0})
    assert (plain.name, plain.points.mean) == ("R120/v1", 50.0)
    assert (weighted.name, weighted.points.mean) == ("R120/v1 process.kill=3", 75.0)
    assert [c.weight_ratio for c in weighted.classes] == [0.25, 0.75]


def test_a_class_that_lacks_runs_widens_the_interval_and_is_not_filled_up() -> None:
    whole = {kind: [seconds(10)] * 8 for kind in ("process.kill", "process.hang")}
    torn = {**whole, "process.hang": [seconds(10)] * 7}
    one, two = scored(runs_of(whole)), scored(runs_of(torn))
    assert two.points.mean == one.points.mean
    assert two.points.high - two.points.low > one.points.high - one.points.low


def test_phases_are_told_as_the_record_tells_them() -> None:
    runs = [
        msgspec.structs.replace(
            r,
            episodes=tuple(
                msgspec.structs.replace(e, acted_s=3.0, learned=Learned(detected_s=1.0)) for e in r.episodes
            ),
        )
        for r in runs_of(same(lost(1_200_000, 2_400_000, 600_000)))
    ]
    assert [(p.phase, p.points) for p in scored(runs).parts] == [
        ("detect", 1.0),
        ("act", 2.0),
        ("settle", 0.5),
        ("unseen", 0.0),
    ]


def test_where_an_act_could_have_stayed_unseen_nothing_is_called_slow_to_detect() -> None:
    runs = [msgspec.structs.replace(r, observed=False) for r in runs_of(same(lost(1_200_000)))]
    assert [p.points for p in scored(runs).parts] == [0.0, 0.0, 0.0, 1.0]


def test_a_degraded_answer_counts_what_the_file_says_and_nothing_and_all_beside() -> None:
    runs = runs_of(same(lost(degraded_us=60_000_000)))
    found = scored(runs, degraded_worth_ratio=0.6)
    assert (found.worth_0, found.points.mean, found.worth_1) == (50.0, 80.0, 100.0)
    assert scored(runs).points.mean == 100.0  # as served, where nothing is declared


def test_a_worst_class_that_depends_on_the_worth_of_degraded_answers_is_said_to_flip() -> None:
    runs = runs_of({"process.kill": [seconds(6)] * 5, "process.hang": [lost(degraded_us=60_000_000)] * 5})
    found = scored(runs)
    assert (found.flips, found.classes[found.worst].fault) == (True, "process.kill")
    assert not scored(runs_of({"process.kill": [seconds(6)] * 5, "process.hang": [seconds(7)] * 5})).flips


def gain_between(on: list[Loss], off: list[Loss], **rules: object):
    hurt = [
        msgspec.structs.replace(
            r,
            episodes=tuple(
                msgspec.structs.replace(e, served=msgspec.structs.replace(e.served, impact_s=0.0))
                for e in r.episodes
            ),
        )
        for r in runs_of({"process.kill": off})
    ]
    found = scored([*hurt, *runs_of({"process.kill": on}, arm="reference")], **rules)
    assert found.arm == "reference"
    return found.classes[0].gain


def test_gain_is_in_seconds_with_its_ratio_beside() -> None:
    on, off = [seconds(s) for s in (2, 3, 8, 2, 3)], [seconds(s) for s in (20, 120, 120, 20, 120)]
    gain = gain_between(on, off)
    assert (gain.against, gain.gain_s.n, gain.gain_s.mean, gain.off_lost_s) == ("none", 5, 76.4, 80.0)
    assert gain.ratio == 0.955
    assert (gain.absorbed, gain.flips) == (False, False)


def test_the_known_ratio_of_three_pairs_is_95_percent() -> None:
    gain = gain_between([seconds(s) for s in (2, 3, 8)], [seconds(s) for s in (20, 120, 120)])
    assert gain.ratio == 0.95
    assert (gain.gain_s.low, gain.concludes) == (None, "undecided")  # three pairs decide nothing


def test_healing_that_costs_service_harms() -> None:
    gain = gain_between([seconds(120)] * 8, [seconds(0)] * 8)
    assert (gain.concludes, gain.gain_s.mean, gain.ratio) == ("harms", -120.0, None)


def test_what_nobody_needed_to_heal_is_natively_absorbed() -> None:
    runs = [*runs_of(same(seconds(0))), *runs_of(same(seconds(0)), arm="reference")]
    gain = scored(runs).classes[0].gain
    assert (gain.absorbed, gain.ratio) == (True, None)


def test_a_gain_that_rests_on_degraded_answers_is_said_to_flip() -> None:
    gain = gain_between([lost(degraded_us=TAU_US)] * 12, [seconds(120)] * 12)
    assert (gain.concludes, gain.flips) == ("helps", True)
    assert (gain.gain_1_s.mean, gain.gain_0_s.mean) == (120.0, 0.0)


def test_a_pair_whose_other_run_is_void_is_not_compared() -> None:
    off = runs_of(same(seconds(20), 30))
    runs = [msgspec.structs.replace(off[0], void="baseline not met: x"), *off[1:]]
    gain = scored([*runs, *runs_of(same(seconds(2), 30), arm="reference")]).classes[0].gain
    assert gain.gain_s.n == 29


def test_without_an_arm_that_nobody_heals_in_there_is_no_gain() -> None:
    assert scored(runs_of(same(seconds(2)), arm="reference")).classes[0].gain is None


def test_a_censored_run_costs_no_more_than_tau() -> None:
    story = never_back(arm="none")
    seen = [facts(history_of(replace(story, pair=i, seed=i), run_id=f"r{i}")) for i in range(5)]
    found = scores(seen, story.profile, ScoreRules(), planned_runs=5)[0]
    assert found.points.mean == 0.0
    assert found.classes[0].points.high < 65  # five runs leave much open, and not all


def test_a_placebo_alone_is_not_scored() -> None:
    assert scores(runs_of({"placebo.surge": [seconds(0)] * 5}), PROFILE, ScoreRules(), planned_runs=5) == ()


def test_each_arm_has_its_score() -> None:
    seen = [
        facts(history_of(replace(story, pair=i, seed=i), run_id=f"r{i}{story.arm}"))
        for i in range(5)
        for story in (killed(), never_back())
    ]
    found = scores(seen, killed().profile, ScoreRules(), planned_runs=10)
    assert [(one.arm, one.name) for one in found] == [("bare", "R6/v1"), ("none", "R6/v1")]
    assert found[0].points.mean == 0.0 < found[1].points.mean
