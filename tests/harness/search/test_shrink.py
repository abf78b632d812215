"""The shrinker on predicates of every kind: it ends, what it gives fails, and no move makes that simpler."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.search.shrink import shrink, without

Things = tuple[int, ...]


def moves(things: Things, _: bool) -> Iterator[Things]:
    """Leave parts out, then make single numbers smaller or even larger: the key must hold that back."""
    yield from without(things)
    for place, one in enumerate(things):
        for other in (0, one // 2, one - 1, one + 1):
            yield (*things[:place], other, *things[place + 1 :])


def key(things: Things) -> tuple[float, ...]:
    return len(things), sum(map(abs, things))


def by_dice(salt: int, ratio: float):
    """A predicate without any order: whether a thing fails is a matter of its hash."""

    def fails(things: Things) -> bool | None:
        digest = hashlib.blake2b(f"{salt}{things}".encode(), digest_size=4).digest()
        return True if int.from_bytes(digest, "big") / 2**32 < ratio else None

    return fails


@given(
    start=st.lists(st.integers(0, 50), min_size=1, max_size=8).map(tuple),
    salt=st.integers(0, 10**6),
    ratio=st.floats(0.05, 0.95),
)
def test_it_ends_at_what_no_move_makes_simpler_whatever_fails(start: Things, salt: int, ratio: float) -> None:
    dice = by_dice(salt, ratio)

    def fails(things: Things) -> bool | None:
        return True if things == start else dice(things)

    shrunk = shrink(start, fails, moves, key=key, budget=10**6)
    assert shrunk.minimal
    assert fails(shrunk.smallest)
    simpler = [one for one in moves(shrunk.smallest, True) if key(one) < key(shrunk.smallest)]
    assert not any(map(fails, simpler))


@given(
    start=st.lists(st.integers(0, 30), min_size=2, max_size=10).map(tuple),
    wanted=st.integers(0, 9),
    least=st.integers(0, 30),
)
def test_it_finds_the_one_thing_that_matters(start: Things, wanted: int, least: int) -> None:
    start = (*start, wanted + least)
    shrunk = shrink(start, lambda things: any(one >= least for one in things) or None, moves, key=key)
    assert shrunk.smallest == (least,)
    assert shrunk.minimal


def test_it_says_where_the_budget_ended_it() -> None:
    shrunk = shrink(tuple(range(40)), lambda _: True, moves, key=key, budget=3)
    assert not shrunk.minimal
    assert shrunk.tries == 3


def test_it_asks_about_each_thing_once() -> None:
    asked: list[Things] = []

    def fails(things: Things) -> bool | None:
        asked.append(things)
        return len(things) > 1 or None

    shrink((5, 4, 3, 2), fails, moves, key=key)
    assert len(asked) == len(set(asked))


def test_what_does_not_fail_cannot_be_shrunk() -> None:
    with pytest.raises(ValueError, match="does not fail"):
        shrink((1,), lambda _: None, moves, key=key)
