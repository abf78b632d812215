"""M-05 and M-22 with their parameters as written, and the defects that come with them."""

from __future__ import annotations

import math

import numpy as np
import pytest

from reference_pipeline.seed.drift_tests import (
    P_LESS,
    PSI_MORE,
    PSI_MORE_ELSEWHERE,
    KsInARow,
    Sample,
    chi_square_p_value,
    ensemble_says,
    ks_p_value,
    psi,
    sample_of,
)


def _sample(dice: np.random.Generator, rows: int, *, features: int = 10, mean: float = 0.0) -> Sample:
    numbers = {f"x{n}": dice.normal(mean if n == 0 else 0.0, 1.0, rows) for n in range(features)}
    return Sample(numbers, {"channel": dice.integers(0, 3, rows)}, {"channel": 3})


def _share_drifted(features: int, rows: int, mean: float = 0.0) -> float:
    dice = np.random.default_rng([features, rows])
    training = _sample(dice, 2000, features=features)
    batches = [_sample(dice, rows, features=features, mean=mean) for _ in range(200)]
    hits = [
        any(ks_p_value(training.numbers[name], values) < 0.05 for name, values in batch.numbers.items())
        for batch in batches
    ]
    return float(np.mean(hits))


@pytest.mark.slow
def test_with_ten_features_four_of_ten_clean_batches_have_one_below_five_percent() -> None:
    """M-05, p < 0.05, known defect: nothing is corrected for looking at ten features."""
    assert 0.25 < _share_drifted(10, 100) < 0.55


def test_a_harmless_difference_is_significant_once_the_batch_is_large() -> None:
    """M-05, known defect: the size of the batch decides, not the harm."""
    dice = np.random.default_rng(1)
    training, harmless = dice.normal(size=100_000), dice.normal(0.03, 1.0, 100_000)
    assert ks_p_value(training[:2000], harmless[:100]) > 0.05
    assert ks_p_value(training, harmless) < 0.05


def test_ten_batches_in_a_row_come_no_sooner_than_ten_and_not_at_all_for_a_small_move() -> None:
    """M-05, 10 consecutive: a move of a quarter of a deviation in one feature is missed in 150 batches."""
    dice = np.random.default_rng(2)
    training = _sample(dice, 2000, features=1)
    large, small = KsInARow(training), KsInARow(training)
    assert [large.see(_sample(dice, 100, features=1, mean=2.0)) for _ in range(10)] == [False] * 9 + [True]
    assert not any(small.see(_sample(dice, 100, features=1, mean=0.2)) for _ in range(150))


def test_psi_over_zero_to_one_is_blind_to_amounts_that_grow_tenfold() -> None:
    """M-22, PSI > 0.2 and > 0.25, known defect: NaN is above no threshold."""
    dice = np.random.default_rng(3)
    before, after = dice.lognormal(3, 0.3, 2000), 10 * dice.lognormal(3, 0.3, 500)
    assert np.isnan(psi(before, after))
    sample = Sample({"amount": before}, {}, {})
    for more in (PSI_MORE, PSI_MORE_ELSEWHERE):
        says = ensemble_says(sample, Sample({"amount": after}, {}, {}), psi_more=more)
        assert says == {"amount": "ks"}  # the ensemble hears of it by the other test alone


def test_psi_is_infinite_where_a_bin_is_empty_and_fires_on_one_row() -> None:
    """M-22, known defect: one row in a bin that training never filled."""
    training = np.linspace(0.0, 0.89, 2000)
    batch = np.append(np.linspace(0.0, 0.89, 500), 0.95)
    assert psi(training, batch) == np.inf
    assert (
        "psi" in ensemble_says(Sample({"score": training}, {}, {}), Sample({"score": batch}, {}, {})).values()
    )


def test_psi_of_what_fits_its_range_is_what_it_should_be() -> None:
    training = np.repeat((np.arange(10) + 0.5) / 10, 10)
    batch = np.repeat((np.arange(10) + 0.5) / 10, [20, *[10] * 8, 1])
    shares = np.array([20, *[10] * 8, 1]) / 101
    assert psi(training, batch) == pytest.approx(float(((shares - 0.1) * np.log(shares / 0.1)).sum()))


def test_a_category_is_compared_by_chi_square() -> None:
    dice = np.random.default_rng(4)
    training = dice.choice(3, 2000, p=[0.6, 0.3, 0.1])
    same, other = dice.choice(3, 500, p=[0.6, 0.3, 0.1]), dice.choice(3, 500, p=[0.4, 0.3, 0.3])
    assert chi_square_p_value(training, same, 3) > 0.05
    assert chi_square_p_value(training, other, 3) < 1e-6


@pytest.mark.parametrize("batch", [np.zeros(0, dtype=np.int64), np.zeros(5, dtype=np.int64)])
def test_a_category_without_rows_or_with_one_level_is_no_drift(batch: np.ndarray) -> None:
    assert np.isnan(chi_square_p_value(np.zeros(100, dtype=np.int64), batch, 3))


def test_the_p_value_of_two_samples_is_that_of_the_textbook() -> None:
    """Of the 70 orders of four and four, 2 are wholly apart, and in 16 a step lies at 3/4 or beyond."""
    assert ks_p_value(np.arange(4.0), 10.0 + np.arange(4.0)) == pytest.approx(2 / 70)
    nearly = ks_p_value(np.array([0.0, 1.0, 2.0, 9.0]), np.array([3.0, 4.0, 5.0, 10.0]))
    assert nearly == pytest.approx(16 / 70)
    assert ks_p_value(np.arange(5.0), np.arange(5.0)) == pytest.approx(1.0)


def test_the_p_value_of_a_table_is_that_of_the_textbook() -> None:
    """Two levels: 20/3 with one degree of freedom; three: 25/4 with two, of which p is exp(-25 / 8)."""
    few = chi_square_p_value(np.repeat([0, 1], [10, 20]), np.repeat([0, 1], [20, 10]), 2)
    assert few == pytest.approx(math.erfc(math.sqrt(10 / 3)))
    training, batch = np.repeat([0, 1, 2], [30, 30, 30]), np.repeat([0, 1, 2], [10, 20, 30])
    for levels in (3, 5):  # levels that neither has change nothing
        assert chi_square_p_value(training, batch, levels) == pytest.approx(math.exp(-25 / 8))
    assert chi_square_p_value(training, training, 3) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("moved", "index", "found"),
    [(15, 0.146, (False, False)), (17, 0.2135, (True, False)), (18, 0.265, (True, True))],
)
def test_an_index_above_its_threshold_is_drift(moved: int, index: float, found: tuple[bool, bool]) -> None:
    """M-22, PSI > 0.2 and > 0.25: ``moved`` of 200 rows go from one bin of ten to the next one."""
    middles = (np.arange(10) + 0.5) / 10
    training = Sample({"score": np.repeat(middles, 200)}, {}, {})
    batch = Sample({"score": np.repeat(middles, [20 + moved, 20 - moved, *[20] * 8])}, {}, {})
    assert psi(training.numbers["score"], batch.numbers["score"]) == pytest.approx(index, abs=5e-4)
    says = [ensemble_says(training, batch, psi_more=more) for more in (PSI_MORE, PSI_MORE_ELSEWHERE)]
    assert (PSI_MORE, PSI_MORE_ELSEWHERE, P_LESS) == (0.2, 0.25, 0.05)
    assert [one == {"score": "psi"} for one in says] == list(found)
    assert ensemble_says(training, batch) == says[0]


def test_features_of_one_field_are_its_category_and_no_numbers() -> None:
    """Rows of no known level are a level of their own; a missing value is no row."""
    columns = {
        "sum": np.array([1.0, 2.0, 3.0]),
        "way=web": np.array([1.0, 0.0, 0.0, 0.0]),
        "way=pos": np.array([0.0, 1.0, 1.0, 0.0]),
        "gone=a": np.zeros(0),
        "nothing": np.zeros(0),
    }
    found = sample_of(columns)
    assert found.numbers.keys() == {"sum"}
    assert {name: codes.tolist() for name, codes in found.categories.items()} == {"way": [0, 1, 1, 2]}
    assert found.levels == {"way": 3}


def test_a_category_alone_is_drift_for_the_ensemble_and_none_for_ks_in_a_row() -> None:
    """M-22 and M-05."""

    def ways(web: int) -> Sample:
        return sample_of({"way=web": np.repeat([1.0, 0.0], [web, 100 - web]), "way=pos": np.zeros(100)})

    training = ways(50)
    assert ensemble_says(training, ways(80)) == {"way": "chi-square"}
    assert ensemble_says(training, ways(52)) == {}
    in_a_row = KsInARow(training)
    assert not any(in_a_row.see(ways(80)) for _ in range(20))
