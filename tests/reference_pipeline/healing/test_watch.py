"""The watch over what serves: what it bears, what is harm, what labels cannot tell."""

from __future__ import annotations

import numpy as np
import pytest

from reference_pipeline.healing.config import HealerConfig
from reference_pipeline.healing.model_ports import KnownRows, ModelVersion
from reference_pipeline.healing.watch import Watch, watch
from reference_pipeline.records import Costs

CONFIG, COSTS = HealerConfig(), Costs()
NAME = "1.0.0+a"


def _version(name: str = NAME, rows: str = "2000", **metrics: float) -> ModelVersion:
    return ModelVersion(version=name, metrics=metrics, lineage={"holdout_rows": rows} if rows else {})


def _watch(cost: float = 0.12) -> Watch:
    found = watch(NAME, [_version(cost=cost)], COSTS, CONFIG)
    assert found is not None
    return found


def _page(
    last: int, rows: int, *, missed: float = 0.0, declined: float = 0.02, model: str = NAME, seed: int = 1
) -> KnownRows:
    """A share ``missed`` of the rows are frauds let through; of the declined ones half were frauds."""
    dice = np.random.default_rng([seed, last])
    declines = dice.random(rows) < declined
    label = np.where(declines, dice.random(rows) < 0.5, dice.random(rows) < missed)
    return KnownRows(
        last=last,
        newest=last,
        decided_declined=0.02,
        label=tuple(label.astype(float).tolist()),
        declined=tuple(declines.tolist()),
        model=(model,) * rows,
        degraded=(False,) * rows,
    )


def test_what_a_version_lost_on_its_holdout_is_borne_with_a_margin() -> None:
    borne = _watch(0.12).harm.tolerated
    assert 0.006 * 1.5 < borne < 0.006 * 2.2


def test_a_bad_version_does_not_bear_its_own_badness() -> None:
    versions = [_version("0.9.0+z", cost=0.12), _version(cost=4.0)]
    found = watch(NAME, versions, COSTS, CONFIG)
    assert found is not None
    assert found.harm.tolerated < 0.03


def test_a_version_that_does_not_say_what_it_lost_is_measured_by_the_best() -> None:
    found = watch(NAME, [_version("0.9.0+z", cost=0.12), _version()], COSTS, CONFIG)
    assert found is not None
    assert found.harm.tolerated < 0.02


@pytest.mark.parametrize("versions", [[], [_version()], [_version(cost=-1.0)]])
def test_where_no_version_says_what_it_lost_nothing_can_be_called_harm(versions: list[ModelVersion]) -> None:
    assert watch(NAME, versions, COSTS, CONFIG) is None


@pytest.mark.parametrize(("rows", "cost"), [("0", 0.0), ("", 0.0), ("x", 0.1), ("20", 0.0)])
def test_a_holdout_of_nothing_or_without_a_loss_leaves_something_to_bear(rows: str, cost: float) -> None:
    found = watch(NAME, [_version(rows=rows, cost=cost)], COSTS, CONFIG)
    assert found is not None
    assert 0.0 < found.harm.tolerated <= 0.5


def test_a_small_holdout_with_a_lucky_loss_binds_nobody() -> None:
    versions = [_version(cost=0.12), _version("1.1.0+b", rows="200", cost=0.015)]
    found = watch(NAME, versions, COSTS, CONFIG)
    assert found is not None
    assert found.harm.tolerated > 0.006 * 1.2


def test_a_harm_that_began_before_all_that_is_remembered_begins_with_the_oldest() -> None:
    watched = _watch()
    for number in range(600):
        watched.take(_page((number + 1) * 10, 10), number * 10)
    assert watched.began(5900) == 880


def test_as_usual_is_quiet_and_ten_times_as_many_frauds_are_harm_with_their_beginning() -> None:
    watched = _watch()
    for number in range(20):
        assert watched.take(_page((number + 1) * 200, 200, missed=0.004), number * 200).says == "quiet"
    readings = [watched.take(_page(4000 + (n + 1) * 200, 200, missed=0.06), 4000 + n * 200) for n in range(4)]
    assert readings[-1].may_touch_model
    assert watched.began(readings[-1].window) == pytest.approx(4000, abs=400)


def test_rows_of_other_versions_and_of_fallbacks_are_not_its_own() -> None:
    watched = _watch()
    for number in range(10):
        page = _page((number + 1) * 200, 200, missed=0.5, model="fallback-prior")
        assert watched.take(page, number * 200).says == "no data"


def test_labels_of_what_was_declined_alone_tell_nothing() -> None:
    watched = _watch()
    for number in range(3):
        reading = watched.take(_page((number + 1) * 300, 300, declined=1.0), number * 300)
    assert watched.selective
    assert reading.says == "no data"
    for number in range(3, 6):
        watched.take(_page((number + 1) * 300, 300), number * 300)
    assert not watched.selective


def test_what_is_borne_from_now_on_is_never_less_than_before() -> None:
    watched = _watch()
    before = watched.harm.tolerated
    watched.bear(0.0)
    assert watched.harm.tolerated == before
    watched.bear(0.05)
    assert watched.harm.tolerated == pytest.approx(0.06)
    assert watched.state.labels == 0
