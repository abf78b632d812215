"""The data-plane audit: where every accepted id ended, by the system's listings and our answers.

Pure: ``judge_ids`` compares; ``harness.run.listing`` reads. *Exactly once*: every accepted id is in
exactly one of sink (once) or dead letters, as it was answered: a decision in the sink, a refusal not.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

EXAMPLES = 5


@dataclass(frozen=True, slots=True)
class Answers:
    """What the witness knows for certain: ids it sent, ids acknowledged, digests of decisions."""

    sent: frozenset[str]
    accepted: frozenset[str]
    digests: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Listings:
    """What the system lists of itself; ``sink`` keeps doubles, as (id, digest)."""

    accepted: tuple[str, ...]
    sink: tuple[tuple[str, int], ...]
    dead_letters: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Balance:
    """Counts of ids by where they ended; all but the first three must be zero."""

    accepted: int
    delivered_once: int
    dead_letters: int
    doubled: int
    missing: int
    foreign: int
    changed: int
    examples: tuple[str, ...]


def _examples(label: str, ids: Iterable[str]) -> list[str]:
    return [f"{label}: {name}" for name in sorted(ids)[:EXAMPLES]]


def judge_ids(answers: Answers, listings: Listings) -> Balance:
    """Compare the witness's answers with the system's listings.

    >>> a = Answers(sent=frozenset({"w1"}), accepted=frozenset({"w1"}), digests={"w1": 7})
    >>> judge_ids(a, Listings(accepted=("w1",), sink=(("w1", 7),), dead_letters=())).delivered_once
    1
    >>> judge_ids(a, Listings(accepted=("w1",), sink=(), dead_letters=())).missing
    1
    """
    sink = Counter(name for name, _ in listings.sink)
    dead = Counter(listings.dead_letters)
    accepted = set(listings.accepted) | answers.accepted | set(dead)
    doubled = {n for n in sink.keys() | dead.keys() if sink[n] + dead[n] > 1}
    missing = {n for n in accepted if not sink[n] and not dead[n]}
    foreign = (accepted | set(sink)) - answers.sent
    changed = {n for n, digest in listings.sink if answers.digests.get(n, digest) != digest}
    # Answered as accepted and valid, and then put aside: the answer was not kept.
    changed |= {n for n in dead if n in answers.accepted and not sink[n]}
    examples = (
        _examples("missing", missing)
        + _examples("doubled", doubled)
        + _examples("foreign", foreign)
        + _examples("changed", changed)
    )
    return Balance(
        accepted=len(accepted),
        delivered_once=sum(1 for n in accepted if sink[n] == 1 and not dead[n]),
        dead_letters=len(dead),
        doubled=len(doubled),
        missing=len(missing),
        foreign=len(foreign),
        changed=len(changed),
        examples=tuple(examples),
    )
