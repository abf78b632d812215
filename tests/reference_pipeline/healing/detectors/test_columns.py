"""Components of rows: known mean and variance whatever the marginals, and no alarm by a single odd row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from reference_pipeline.healing.detectors.columns import (
    BadReference,
    Reference,
    Table,
    components,
    make_reference,
)

Floats = NDArray[np.float64]
Draw = Callable[[np.random.Generator, int], Floats]

MARGINALS: dict[str, Draw] = {
    "normal": lambda dice, n: dice.normal(50.0, 3.0, n),
    "lognormal": lambda dice, n: dice.lognormal(3.0, 1.0, n),
    "heavy": lambda dice, n: dice.standard_cauchy(n),
    "tied": lambda dice, n: dice.integers(0, 5, n).astype(float),
    "mostly one value": lambda dice, n: np.where(dice.random(n) < 0.9, 7.0, dice.normal(7.0, 1.0, n)),
}


def _table(numbers: Floats, categories: NDArray[np.int64] | None = None) -> Table:
    numbers = numbers.reshape(len(numbers), 1)
    if categories is None:
        categories = np.zeros((len(numbers), 1), dtype=np.int64)
    return Table(numbers=numbers, categories=categories.reshape(len(numbers), 1))


def _reference(sample: Table, levels: int = 3) -> Reference:
    names = tuple(f"level {level}" for level in range(levels))
    return make_reference(sample, numbers=("amount",), categories={"channel": names})


def _of(reference: Reference, batch: Table) -> dict[str, float]:
    found = components(reference, batch)
    assert found is not None
    names = [f"{group.name}/{part}" for group in reference.groups for part in group.parts]
    return dict(zip(names, found.tolist(), strict=True))


@pytest.mark.parametrize("name", MARGINALS)
def test_place_and_width_have_mean_0_and_variance_1_for_any_marginal(name: str) -> None:
    dice = np.random.default_rng(3)
    reference = _reference(_table(MARGINALS[name](dice, 20_000)))
    seen = np.array([components(reference, _table(MARGINALS[name](dice, 100)))[:2] for _ in range(2000)])
    # A reference of 20,000 rows is itself wrong by sqrt(100 / 20,000) = 0.07.
    assert seen.mean(axis=0) == pytest.approx([0.0, 0.0], abs=0.3)
    assert seen.std(axis=0) == pytest.approx([1.0, 1.0], abs=0.08)
    assert abs(np.corrcoef(seen.T)[0, 1]) < 0.1


def test_counts_of_categories_have_variance_near_1_where_they_are_not_rare() -> None:
    dice = np.random.default_rng(4)
    draw = lambda n: _table(np.zeros(n), dice.choice(3, n, p=[0.6, 0.3, 0.1]))  # noqa: E731
    reference = _reference(draw(20_000))
    seen = [_of(reference, draw(100)) for _ in range(2000)]
    for level, share in enumerate((0.6, 0.3, 0.1)):
        values = [one[f"channel/level {level}"] for one in seen]
        assert np.mean(values) == pytest.approx(0.0, abs=0.3)
        assert np.var(values) == pytest.approx(1.0 - share, abs=0.12)  # the shares sum to one


@given(st.integers(0, 2**32), st.sampled_from(sorted(MARGINALS)))
def test_a_change_of_scale_changes_nothing(seed: int, name: str) -> None:
    """Ranks know no unit: the cube of both reference and batch gives the same place and width."""
    dice = np.random.default_rng(seed)
    sample, batch = MARGINALS[name](dice, 300), MARGINALS[name](dice, 40)
    plain = _of(_reference(_table(sample)), _table(batch))
    cubed = _of(_reference(_table(np.cbrt(sample))), _table(np.cbrt(batch)))
    assert cubed == pytest.approx(plain, abs=1e-9)


@given(st.integers(0, 2**32))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    dice = np.random.default_rng(seed)
    reference = _reference(_table(dice.normal(size=300), dice.integers(0, 3, 300)))
    numbers, levels = dice.normal(size=50), dice.integers(-1, 5, 50)
    numbers[dice.random(50) < 0.2] = np.nan
    order = dice.permutation(50)
    forward = _of(reference, _table(numbers, levels))
    assert _of(reference, _table(numbers[order], levels[order])) == pytest.approx(forward, abs=1e-9)


def test_missing_values_are_counted_and_leave_place_and_width_alone() -> None:
    dice = np.random.default_rng(5)
    reference = _reference(_table(dice.normal(size=2000)))
    numbers = dice.normal(size=100)
    holed = np.concatenate([numbers, np.full(100, np.nan)])
    whole, half = _of(reference, _table(numbers)), _of(reference, _table(holed))
    assert half["amount/place"] == pytest.approx(whole["amount/place"])
    assert half["amount/width"] == pytest.approx(whole["amount/width"])
    assert whole["amount missing/share"] > -1.0
    assert half["amount missing/share"] > 15.0


def test_a_column_that_is_all_missing_has_no_place_but_a_share() -> None:
    reference = _reference(_table(np.random.default_rng(6).normal(size=500)))
    found = _of(reference, _table(np.full(100, np.nan), np.full(100, -1)))
    assert (found["amount/place"], found["amount/width"]) == (0.0, 0.0)
    assert min(found["amount missing/share"], found["channel missing/share"]) > 15.0


@pytest.mark.parametrize("odd", ["unknown level", "missing category", "missing number"])
def test_a_single_row_of_a_kind_never_seen_is_no_alarm_and_twenty_are(odd: str) -> None:
    dice = np.random.default_rng(7)
    reference = _reference(_table(dice.normal(size=5000), dice.integers(0, 3, 5000)))
    for count, loud in ((1, False), (20, True)):
        numbers, levels = dice.normal(size=100), dice.integers(0, 3, 100)
        if odd == "missing number":
            numbers[:count] = np.nan
        else:
            levels[:count] = -1 if odd == "missing category" else 17
        name = {"unknown level": "channel/unknown level", "missing category": "channel missing/share"}
        assert (_of(reference, _table(numbers, levels))[name.get(odd, "amount missing/share")] > 4.0) is loud


def test_a_constant_column_that_begins_to_vary_is_seen() -> None:
    reference = _reference(_table(np.full(2000, 7.0)))
    steady = _of(reference, _table(np.full(100, 7.0)))
    assert (steady["amount/place"], steady["amount/width"]) == (0.0, 0.0)
    moved = _of(reference, _table(np.where(np.arange(100) < 10, 8.0, 7.0)))
    assert moved["amount/place"] > 10.0


def test_an_infinite_value_has_the_outermost_place_and_stays_finite() -> None:
    reference = _reference(_table(np.random.default_rng(8).normal(size=500)))
    found = components(reference, _table(np.array([np.inf, -np.inf, 0.0])))
    assert np.isfinite(found).all()


def test_an_empty_batch_has_no_components() -> None:
    reference = _reference(_table(np.random.default_rng(9).normal(size=500)))
    assert components(reference, _table(np.zeros(0))) is None


def test_a_reference_that_cannot_be_compared_with_is_refused() -> None:
    with pytest.raises(BadReference, match="199 rows; at least 200"):
        _reference(_table(np.zeros(199)))
    with pytest.raises(BadReference, match="amount holds no value"):
        _reference(_table(np.full(300, np.nan)))
    with pytest.raises(BadReference, match="channel holds no value"):
        _reference(_table(np.zeros(300), np.full(300, -1)))
