"""Rivals: who is proven better serves, who is proven worse leaves, golden rows bar whoever learned lies."""

from __future__ import annotations

import numpy as np
import pytest

from reference_pipeline.healing.model_ports import Compared
from reference_pipeline.healing.rivals import RIVALS_MAX, Rivals, soundest

SERVED = "1.0.0+a"
GOLDEN = (120, 0)


def _told(rows: int, seed: int = 1, **loss: float) -> Compared:
    """Losses of 0 or 1 with these shares, drawn anew for each version."""
    dice = np.random.default_rng(seed)
    losses = {name: tuple((dice.random(rows) < share).astype(float)) for name, share in loss.items()}
    return Compared(last=rows, losses=losses, golden=dict.fromkeys(losses, GOLDEN))


def _named(told: Compared) -> Compared:
    """``served`` stands for the version that serves: its real name is no keyword."""
    losses = {SERVED if name == "served" else name: lost for name, lost in told.losses.items()}
    return Compared(last=told.last, losses=losses, golden=told.golden, refused=told.refused)


def _rivals(*names: str) -> Rivals:
    rivals = Rivals(1e-3)
    for name in names:
        rivals.join(name, 0)
    return rivals


def test_the_one_that_saves_most_of_those_proven_better_is_the_best() -> None:
    rivals = _rivals("b", "c", "d")
    rivals.take(SERVED, _named(_told(3000, served=0.1, b=0.05, c=0.01, d=0.1)))
    best = rivals.best()
    assert best is not None
    assert best.version == "c"
    assert best.comparison.rows == 3000


def test_equals_leave_it_open_and_the_worse_one_leaves() -> None:
    rivals = _rivals("b", "c")
    rivals.take(SERVED, _named(_told(3000, served=0.02, b=0.02, c=0.12)))
    assert rivals.best() is None
    assert rivals.names == ["b"]
    assert rivals.left == {"c": f"it loses more than {SERVED}"}


def test_who_has_left_does_not_come_back() -> None:
    rivals = _rivals("c")
    rivals.take(SERVED, _named(_told(3000, served=0.02, c=0.12)))
    rivals.join("c", 0)
    assert rivals.names == []


@pytest.mark.parametrize(
    ("golden", "stays"), [((120, 0), True), ((120, 3), True), ((120, 60), False), ((0, 0), True)]
)
def test_golden_rows_bar_a_version_that_labels_call_better(golden: tuple[int, int], stays: bool) -> None:
    rivals = _rivals("b")
    told = _named(_told(3000, served=0.1, b=0.01))
    rivals.take(SERVED, Compared(last=told.last, losses=told.losses, golden={"b": golden}))
    assert (rivals.best() is not None) is stays
    if not stays:
        assert "golden rows wrongly" in rivals.left["b"]


def test_a_version_that_cannot_be_loaded_leaves_and_the_others_are_compared() -> None:
    rivals = _rivals("b", "c")
    told = _named(_told(3000, served=0.1, c=0.01))
    rivals.take(SERVED, Compared(last=1, losses=told.losses, golden=told.golden, refused={"b": "damaged"}))
    assert rivals.left == {"b": "damaged"}
    assert rivals.best() is not None


def test_without_losses_of_the_one_that_serves_nothing_is_concluded() -> None:
    rivals = _rivals("b")
    rivals.take(SERVED, Compared(last=1, losses={"b": (0.0,) * 3000}, refused={SERVED: "damaged"}))
    assert rivals.best() is None
    assert rivals.names == ["b"]


def test_rows_count_from_where_all_of_them_have_learned() -> None:
    rivals = Rivals(1e-3)
    rivals.join("b", 100)
    rivals.join("c", 700)
    assert rivals.not_before == 700


def test_a_newcomer_takes_the_place_of_the_one_with_the_least_to_show() -> None:
    names = [f"v{number}" for number in range(RIVALS_MAX)]
    rivals = _rivals(*names)
    rivals.take(SERVED, _named(_told(200, served=0.1, **dict.fromkeys(names[1:], 0.1) | {names[0]: 0.12})))
    before = set(rivals.names)
    rivals.join("new", 0)
    assert len(rivals.names) == RIVALS_MAX
    assert "new" in rivals.names
    assert len(before - set(rivals.names)) == 1


def test_who_is_barred_leaves_however_much_it_saves() -> None:
    rivals = _rivals("b", "c")
    rivals.take(SERVED, _named(_told(3000, served=0.1, b=0.01, c=0.05)))
    rivals.bar({"b", "z"}, "it failed")
    best = rivals.best()
    assert best is not None
    assert best.version == "c"
    assert rivals.left == {"b": "it failed"}


@pytest.mark.parametrize(
    ("loss", "golden", "chosen"),
    [
        ({"b": 0.02, "c": 0.02}, {}, "b"),  # the first, where nothing is proven
        ({"b": 0.2, "c": 0.02}, {}, "c"),  # proven worse than another one
        ({"b": 0.02, "c": 0.02}, {"b": (120, 60)}, "c"),
        ({"b": 0.02, "c": 0.02}, {"b": (120, 60), "c": (120, 60)}, ""),
        ({"b": 0.02}, {"b": (0, 0)}, ""),  # no golden rows are no proof
        ({}, {}, ""),
    ],
)
def test_the_soundest_is_the_first_that_nothing_speaks_against(
    loss: dict[str, float], golden: dict[str, tuple[int, int]], chosen: str
) -> None:
    told = _told(2000, **loss)
    told = Compared(last=told.last, losses=told.losses, golden={**told.golden, **golden})
    assert soundest(told, ["b", "c"], level=1e-3) == chosen


def test_without_labelled_rows_the_golden_ones_alone_decide() -> None:
    told = Compared(last=0, losses={"b": (), "c": ()}, golden={"b": (120, 60), "c": (120, 0)})
    assert soundest(told, ["b", "c"], level=1e-3) == "c"
