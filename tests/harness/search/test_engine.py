"""The search over a toy healer: the same whoever plays, and quicker than chance where events open windows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

import msgspec
import pytest

from harness.experiment.load import load_experiment
from harness.faults.effects import Hook, Kill
from harness.search.drawing import Drawing
from harness.search.engine import BATCH, Found, Wanted, draw, search
from harness.search.limits import Limits
from harness.search.menu import menu_of
from harness.search.outcome import Met, Outcome, Seen, Signature, features_of
from harness.search.schedule import Schedule, encode
from tests.harness.search.ground import EXPERIMENT, outcome

SIGNATURE = Signature(invariant="alias", stuck="toy")
DRAWING = Drawing(menu_of(load_experiment(EXPERIMENT).system, "reference"), Limits())
WINDOW_S = 0.5


def toy(schedule: Schedule, void: str = "") -> Outcome:
    """A healer that rolls back 2 s after a bad model, and breaks where a healer dies just then."""
    seen: list[Seen] = []
    began: list[float | None] = [one.at_s for one in schedule.faults]
    hooks = [
        one.at_s
        for one in schedule.faults
        if isinstance(one.effect, Hook) and one.at_s is not None and one.lasts_s > 2.0
    ]
    for number, at_s in enumerate(sorted(hooks), 1):
        seen += [Seen(event="detected", at_s=at_s + 2.0), Seen(event="rollback", at_s=at_s + 2.0)]
        for place, one in enumerate(schedule.faults):
            if one.after is not None and (one.after.event, one.after.nth) == ("rollback", number):
                began[place] = at_s + 2.0 + one.after.delay_s
    deaths = [
        at_s
        for one, at_s in zip(schedule.faults, began, strict=True)
        if one.effect == Kill(service="healer") and at_s is not None
    ]
    rolled = [one.at_s for one in seen if one.event == "rollback"]
    broke = any(0 < death - at_s < WINDOW_S for at_s in rolled for death in deaths)
    return outcome(
        *([SIGNATURE] if broke else []),
        transitions=tuple(f"{one.event} model" for one in seen),
        seen=tuple(seen),
        met=tuple(Met(began_s=at_s, ended_s=at_s, met=at_s is not None, why="") for at_s in began),
        void=void,
    )


def in_order(batch: Sequence[Schedule]) -> list[Outcome]:
    return [toy(one) for one in batch]


def backwards(batch: Sequence[Schedule]) -> list[Outcome]:
    """Plays the last first, as another worker might."""
    return [toy(one) for one in reversed(batch)][::-1]


def until(signature: Signature) -> Callable[[Schedule, Outcome], bool]:
    return lambda _, outcome: signature in outcome.signatures()


def test_who_plays_and_in_which_order_is_no_matter() -> None:
    told: list[tuple[list[bytes], list[str]]] = []
    for play in (in_order, backwards):
        found = search(DRAWING, play, Wanted(seed=5, episodes=200))
        told.append(([encode(one.schedule) for one in found.corpus], sorted(found.counts)))
    assert told[0] == told[1]
    assert len(told[0][0]) > 1


def test_another_seed_draws_other_schedules() -> None:
    one, other = (
        [draw(DRAWING, Wanted(seed=seed, episodes=1), number, Found()) for number in range(20)]
        for seed in (1, 2)
    )
    assert one != other
    assert len({encode(schedule) for schedule in one}) > 15


def test_it_finds_the_window_in_fewer_episodes_than_chance() -> None:
    def took(seed: int, *, uniform: bool) -> int:
        asked = Wanted(seed=seed, episodes=6000, uniform=uniform, until=until(SIGNATURE))
        return search(DRAWING, in_order, asked).episodes

    guided = [took(seed, uniform=False) for seed in range(5)]
    by_chance = [took(seed, uniform=True) for seed in range(5)]
    assert median(guided) * 3 < median(by_chance)


def test_uniform_schedules_have_no_triggers() -> None:
    asked = Wanted(seed=3, episodes=1, uniform=True)
    drawn = [draw(DRAWING, asked, number, Found()) for number in range(100)]
    assert all(fault.at_s is not None for schedule in drawn for fault in schedule.faults)
    guided = [draw(DRAWING, Wanted(seed=3, episodes=1), number, Found()) for number in range(100)]
    assert any(fault.after is not None for schedule in guided for fault in schedule.faults)


def test_a_void_episode_counts_and_teaches_nothing() -> None:
    def play(batch: Sequence[Schedule]) -> list[Outcome]:
        return [toy(one, void="no world") for one in batch]

    found = search(DRAWING, play, Wanted(seed=1, episodes=BATCH))
    assert (found.episodes, found.void, found.voids) == (BATCH, BATCH, {"no world": BATCH})
    assert not found.corpus
    assert not found.counts


@pytest.mark.parametrize("transitions", [(), ("a", "b"), ("b", "a")])
def test_features_are_pairs_in_their_order(transitions: tuple[str, ...]) -> None:
    outcome = toy(draw(DRAWING, Wanted(seed=1, episodes=1), 0, Found()))
    pairs = features_of(msgspec.structs.replace(outcome, transitions=transitions))
    assert len(pairs) == len(transitions) + 1
    assert ("a > b" in pairs) == (transitions == ("a", "b"))
