"""Bars of the learning part: what meets one, what misses it, and what says nothing and misses it too."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from benchmarks.learning_figures import EPS, LIES, QUIET, Row, figures
from harness.episodes.monitors import Confidence

TEN = {"concept": 10, "unharmed": 10, "poison": 10, "sentinel": 10, "models": 20}
ROW = Row(
    experiment="concept",
    repetition=0,
    arm="reference",
    seed=1,
    commit="c",
    sham=False,
    void="",
    exactly_once=True,
    acts_seen=True,
    model_acts=0,
    fault="world.concept_change",
    decisions=4000,
    jump=1.2,
    loss=0.1,
    left=0.1,
)
BLIND = Confidence(reference=0.985, lowest=0.983, answers=2400, there=0.99, fires=False)
FEW = replace(BLIND, answers=57, there=None)


def whole() -> list[Row]:
    """Rows that meet every bar."""
    rows = [
        replace(ROW, arm=arm, left=left, loss=loss, repetition=n)
        for arm, left, loss in (("reference", 0.2, 0.2), ("none", 1.0, 1.2), ("oracle", 0.05, 0.1))
        for n in range(10)
    ]
    quiet = replace(ROW, experiment="unharmed", left=None, jump=0.01, loss=0.005, served_offer=True)
    rows += [
        replace(quiet, fault=fault, sham=not fault, repetition=n) for fault in ("", *QUIET) for n in range(10)
    ]
    lying = replace(ROW, left=None, cpu_s=1.5, first_act_s=70.0)
    rows += [
        replace(lying, experiment=experiment, fault=fault, arm=arm, repetition=n)
        for experiment, fault in LIES.items()
        for arm in ("reference", "none")
        for n in range(10)
    ]
    bad = replace(ROW, experiment="models")
    judged = replace(bad, fault="model.bad_candidate", judged_offer=True)
    rows += [replace(judged, repetition=n) for n in range(20)]
    wrong = replace(bad, fault="model.confident_wrong", model_acts=1, cleared_by="healer", confidence=BLIND)
    wrong = replace(wrong, served_before=True, served_offer=True)
    return rows + [replace(wrong, repetition=n) for n in range(20)]


def changed(rows: list[Row], count: int, change: dict[str, object], **where: object) -> list[Row]:
    """The first ``count`` rows that fit ``where`` are otherwise."""
    left = count
    made = []
    for row in rows:
        fits = left > 0 and all(getattr(row, key) == value for key, value in where.items())
        made.append(replace(row, **change) if fits else row)
        left -= fits
    assert left == 0
    return made


def missed(rows: list[Row]) -> list[str]:
    return [words for words, met in figures(rows, TEN)["bars"].items() if not met]


def test_rows_that_hold_everything_meet_every_bar() -> None:
    assert missed(whole()) == []


def test_no_rows_meet_no_bar_but_that_none_is_there_twice() -> None:
    assert len(missed([])) == len(figures([], TEN)["bars"]) - 1


@pytest.mark.parametrize(
    ("count", "change", "where", "bar"),
    [
        (2, {"left": 0.26}, {"arm": "reference", "experiment": "concept"}, "at most 0.25 of the harm left"),
        (2, {"left": None}, {"arm": "oracle"}, "at most 0.15 of the harm left"),
        (2, {"void": "x"}, {"arm": "reference", "experiment": "concept"}, "at most 0.25 of the harm left"),
        (2, {"unanswered": 400}, {"arm": "reference", "experiment": "concept"}, "at most 0.25 of the harm"),
        (1, {"unanswered": 400}, {"arm": "none", "experiment": "concept"}, "at least 0.95 of the harm left"),
        *(
            (6, {"first_act_s": late}, {"fault": fault, "arm": "reference"}, f"{fault}: in half of the pairs")
            for fault in LIES.values()
            for late in (95.0, None)
        ),
        (1, {"left": 0.94}, {"arm": "none", "experiment": "concept"}, "at least 0.95 of the harm left"),
        (1, {"loss": 0.2 + 1.1 * EPS}, {"arm": "oracle"}, "oracle never costs more"),
        (1, {"loss": None}, {"arm": "oracle"}, "oracle never costs more"),
        (1, {"model_acts": 1}, {"experiment": "unharmed", "fault": ""}, "a daily cycle"),
        (1, {"acts_seen": False}, {"fault": "labels.delay"}, "labels.delay: nobody touches"),
        (1, {"why": "x"}, {"fault": "labels.delay"}, "labels.delay: nobody touches"),
        (1, {"jump": 0.2}, {"fault": "world.covariate_shift"}, "world.covariate_shift: nobody touches"),
        (1, {"served_offer": False}, {"fault": "placebo.better_model"}, "better_model: nobody touches"),
        (1, {"loss": 0.1}, {"fault": "placebo.better_model"}, "better_model: nobody touches"),
        (1, {"judged_offer": False}, {"fault": "model.bad_candidate"}, "a bad candidate is judged"),
        (1, {"loss": 0.1 + 1.1 * EPS}, {"fault": "labels.poison", "arm": "reference"}, "labels.poison"),
        (1, {"void": "x"}, {"fault": "data.sentinel", "arm": "none"}, "data.sentinel"),
        (3, {"loss": -0.01}, {"fault": "data.sentinel", "arm": "none"}, "it cost arm none something"),
        (3, {"void": "x"}, {"fault": "data.sentinel", "arm": "none"}, "it cost arm none something"),
        *(
            (3, {"void": "x"}, {"fault": fault, "arm": "reference"}, f"{fault}: in three of four the healer")
            for fault in LIES.values()
        ),
        (3, {"cpu_s": 0.0}, {"fault": "data.sentinel", "arm": "reference"}, "the healer trained meanwhile"),
        (1, {"model_acts": 1}, {"fault": "model.bad_candidate"}, "a bad candidate is judged and never"),
        (1, {"served_offer": True}, {"fault": "model.bad_candidate"}, "a bad candidate is judged and never"),
        (1, {"cleared_by": ""}, {"fault": "model.confident_wrong"}, "rolled back by the healer"),
        (1, {"served_before": False}, {"fault": "model.confident_wrong"}, "rolled back by the healer"),
        (1, {"unanswered": 100}, {"fault": "labels.poison", "arm": "reference"}, "labels.poison"),
        (1, {"void": "x"}, {"fault": "model.confident_wrong"}, "confidence stays quiet"),
        *(
            (1, {"confidence": loud}, {"fault": "model.confident_wrong"}, "confidence stays quiet")
            for loud in (
                replace(BLIND, fires=True),
                replace(BLIND, there=0.93),
                replace(BLIND, there=None, fires=True),
            )
        ),
        *(
            (count, change, {"fault": "model.confident_wrong"}, bar)
            for change in ({"served_offer": False}, {"confidence": None}, {"confidence": FEW})
            for count, bar in ((6, "fifteen of twenty"), (20, "fifteen of twenty"), (20, "stays quiet"))
        ),
        (6, {"void": "x"}, {"fault": "model.confident_wrong"}, "fifteen of twenty"),
        (1, {"exactly_once": False}, {"arm": "none"}, "exactly once"),
    ],
)
def test_what_misses_a_bar(count: int, change: dict[str, object], where: dict[str, object], bar: str) -> None:
    assert any(bar in words for words in missed(changed(whole(), count, change, **where)))


@pytest.mark.parametrize("change", [{"served_offer": False}, {"confidence": None}, {"confidence": FEW}])
def test_what_was_rolled_back_before_it_answered_says_nothing_of_the_monitor(
    change: dict[str, object],
) -> None:
    """Five of twenty may be so; whether they were rolled back is asked of them all the same."""
    rows = changed(whole(), 5, change, fault="model.confident_wrong")
    assert missed(rows) == []
    rows = changed(rows, 1, {"cleared_by": ""}, fault="model.confident_wrong")
    assert missed(rows) == ["confident and wrong is rolled back by the healer"]


def test_one_of_ten_may_be_healed_too_little_and_within_eps_is_no_difference() -> None:
    rows = changed(whole(), 1, {"left": 0.9}, arm="reference", experiment="concept")
    rows = changed(rows, 1, {"loss": 0.2 + 0.9 * EPS}, arm="oracle")
    assert missed(rows) == []


def test_lies_from_which_nothing_was_learned_try_nobody() -> None:
    rows = changed(whole(), 2, {"cpu_s": 0.0}, fault="labels.poison", arm="reference")
    assert missed(rows) == []
    rows = changed(rows, 1, {"cpu_s": None}, fault="labels.poison", arm="reference", repetition=5)
    assert missed(rows) == ["labels.poison: in three of four the healer trained meanwhile"]


def test_a_run_whose_acts_could_not_be_seen_is_none_without_acts() -> None:
    rows = changed(whole(), 4, {"acts_seen": False}, experiment="unharmed", fault="labels.delay")
    told = figures(rows, TEN)["classes"]["unharmed, labels.delay, reference"]
    assert (told["n"], told["acts_not_observable"]) == (10, 4)
    assert told["acting_upper_95"] == pytest.approx(1 - 0.05 ** (1 / 6))


def test_a_missing_repetition_misses_its_bars() -> None:
    rows = [row for row in whole() if (row.arm, row.repetition) != ("oracle", 3)]
    assert {words.partition(":")[0] for words in missed(rows)} == {"concept"}


def test_a_row_that_is_there_twice_is_told() -> None:
    assert missed([*whole(), whole()[0]]) == ["no row is there twice"]


def test_training_and_false_heals_stand_beside_the_bars_and_what_was_not_seen_is_no_zero() -> None:
    rows = changed(whole(), 1, {"cpu_s": 3.0}, arm="oracle", repetition=0)
    rows = changed(rows, 1, {"cpu_s": 4.0}, arm="oracle", repetition=1)
    rows = changed(rows, 1, {"unbroken_s": 3600.0}, experiment="unharmed", fault="", repetition=0)
    blind = {"unbroken_s": 60.0, "acts_seen": False, "false_heals": 1}
    rows = changed(rows, 1, blind, experiment="unharmed", fault="", repetition=1)
    found = figures(rows, TEN)
    of_oracle = found["classes"]["concept, world.concept_change, oracle"]
    assert of_oracle["cpu_s"] == {"min": 3.0, "median": 3.5, "max": 4.0, "n": 2}
    heals = found["false_heals"]["reference"]
    assert (heals["k"], heals["hours"], heals["blind"], heals["blind_k"]) == (0, 1.0, 1, 1)
    assert heals["upper_per_h"] == pytest.approx(2.9957, abs=1e-4)
    assert found["false_heals"]["oracle"]["per_h"] is None
    assert found["classes"]["concept, world.concept_change, none"]["cpu_s"] is None


def test_what_the_monitor_saw_stands_in_the_figures_of_its_class() -> None:
    classes = figures(whole(), TEN)["classes"]
    told = classes["models, model.confident_wrong, reference"]["confidence"]  # type: ignore[index]
    assert (told["n"], told["fired"]) == (20, 0)
    assert told["lowest"]["median"] == 0.983
    assert classes["concept, world.concept_change, none"]["confidence"] is None  # type: ignore[index]
