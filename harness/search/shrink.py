"""Makes a failing thing smaller until nothing can be left out of it any more. Pure; knows no schedules.

Comes in: what fails, the moves that make it simpler, a key that orders things, and a predicate. Goes out: the
smallest that was found. A move is taken only where the key falls strictly, and keys are well-founded, so it
ends; it ends at a thing that no single move can make simpler and that still fails.

    >>> fails = lambda word: () if {"a", "b"} <= set(word) else None
    >>> shorter = lambda word, _: (word[:i] + word[i + 1 :] for i in range(len(word)))
    >>> shrink("xaybz", fails, shorter, key=lambda word: (len(word),)).smallest
    'ab'
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T", bound=Hashable)
Proof = TypeVar("Proof")
Key = tuple[float, ...]
BUDGET = 300


@dataclass(frozen=True, slots=True)
class Shrunk(Generic[T]):
    """``smallest`` still fails. ``minimal``: no move makes it simpler; False where the budget ran out before.

    ``tries``: how often the predicate was asked.
    """

    smallest: T
    minimal: bool
    tries: int


def shrink(
    start: T,
    fails: Callable[[T], Proof | None],
    moves: Callable[[T, Proof], Iterable[T]],
    *,
    key: Callable[[T], Key],
    budget: int = BUDGET,
) -> Shrunk[T]:
    """Shrink ``start``, which must fail: ValueError where it does not.

    ``fails`` gives what it saw of a failure, for ``moves``, or None. It is asked once about each thing, at
    most ``budget`` times in all.
    """
    proof = fails(start)
    if proof is None:
        raise ValueError("what does not fail cannot be shrunk")
    smallest, tries, asked = start, 1, {start}
    progress = True
    while progress:
        progress = False
        for candidate in moves(smallest, proof):
            if candidate in asked or not key(candidate) < key(smallest):
                continue
            if tries >= budget:
                return Shrunk(smallest, False, tries)
            tries += 1
            asked.add(candidate)
            seen = fails(candidate)
            if seen is not None:
                smallest, proof, progress = candidate, seen, True
                break
    return Shrunk(smallest, True, tries)


def without(things: Sequence[T]) -> Iterable[tuple[T, ...]]:
    """Give ``things`` with a part left out, large parts first, then each alone (ddmin's complements).

    >>> list(without("abcd"))
    [('c', 'd'), ('a', 'b'), ('b', 'c', 'd'), ('a', 'c', 'd'), ('a', 'b', 'd'), ('a', 'b', 'c')]
    """
    size = max(1, len(things) // 2)
    while size >= 1 and things:
        for first in range(0, len(things), size):
            yield (*things[:first], *things[first + size :])
        size //= 2
