"""The data-plane audit: where every accepted id ended, by the system's listings and our answers.

Pure: ``judge_ids`` and ``judge_taint`` compare; ``harness.run.listing`` reads. *Exactly once*: every
accepted id is in exactly one of sink (once) or dead letters, as it was answered: a decision in the sink,
a refusal not. An answer about a dead letter is provisional: a later replay may decide otherwise. An answer
that the harness may have corrupted on its way to the witness says nothing of what was decided. A record that
was sent again must have been decided as before.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from harness.driver.resends import Resend
from harness.driver.taint import Taint
from harness.faults.effects import Corrupt
from harness.history.events import Touched
from harness.history.observations import ACCEPTED_FLAG, DEAD_LETTER_FLAG, LOAD, Rows
from harness.plan.model import Plan

EXAMPLES = 5

Spans: TypeAlias = Iterable[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Answers:
    """What the witness knows for certain: ids it sent, ids acknowledged, digests of decisions.

    ``provisional`` ids were answered as dead letters: kept, and not bound to their decision.
    ``unbound`` ids are not bound to what was answered either: their answers may have been corrupted.
    ``misread`` ids may have reached the system as another, one bit away: their requests may have been
    corrupted. ``resends`` are decisions that ids got when they were offered again.
    """

    sent: frozenset[str]
    accepted: frozenset[str]
    digests: Mapping[str, int]
    provisional: frozenset[str] = frozenset()
    unbound: frozenset[str] = frozenset()
    misread: frozenset[str] = frozenset()
    resends: tuple[Resend, ...] = ()


@dataclass(frozen=True, slots=True)
class Listings:
    """What the system lists of itself; ``sink`` keeps doubles, as (id, digest).

    ``lists_dead_letters`` False: it does not say which they are. ``held`` records of a stream are with
    consumers that have not acknowledged them: they may be decided again.
    """

    accepted: tuple[str, ...]
    sink: tuple[tuple[str, int], ...]
    dead_letters: tuple[str, ...]
    lists_dead_letters: bool = True
    held: int = 0


@dataclass(frozen=True, slots=True)
class Balance:
    """Counts of ids by where they ended; all but the first three must be zero.

    ``provable`` False: nothing is wrong, but it cannot be seen that all is right: an id was answered as a
    dead letter, is not in the sink, and dead letters are not listed; or the harness itself made an id that
    nobody sent out of one that was; or ``held`` records may still be decided again. Of these two ``examples``
    tell.
    """

    accepted: int
    delivered_once: int
    dead_letters: int
    doubled: int
    missing: int
    foreign: int
    changed: int
    examples: tuple[str, ...]
    provable: bool
    held: int = 0


def corrupted_spans(
    plan: Plan, witness_edge: str, first_due_s: float, *, way: Literal["request", "answer"]
) -> tuple[tuple[float, float], ...]:
    """When (monotonic seconds) the harness may have flipped bits between witness and system on this ``way``.

    Each span lasts until the wash-out is over, because an undo may come late.
    """
    return tuple(
        (first_due_s + episode.inject_at_s, first_due_s + episode.end_at_s)
        for episode in plan.episodes
        if not plan.sham
        and isinstance(episode.effect, Corrupt)
        and episode.effect.edge == witness_edge
        and episode.effect.way in (way, "both")
    )


def answers_of(
    rows: Rows, seed: int, *, corrupted: Spans = (), asked: Spans = (), resends: tuple[Resend, ...] = ()
) -> Answers:
    """Collect what the witness knows of each id, over both streams.

    ``corrupted``: spans of ``corrupted_spans``, both ways; ``asked``: those of requests alone.
    """
    names = [
        f"{'l' if stream == LOAD else 'w'}{seed}-{unit}"
        for stream, unit in zip(rows["stream"].tolist(), rows["unit"].tolist(), strict=True)
    ]

    def those(hits: NDArray[np.bool_]) -> frozenset[str]:
        return frozenset(name for name, hit in zip(names, hits.tolist(), strict=True) if hit)

    def met(spans: Spans) -> NDArray[np.bool_]:
        hits = np.zeros(len(rows), dtype=np.bool_)
        for from_s, until_s in spans:
            hits |= ~((rows["ended"] < from_s) | (rows["sent"] > until_s))  # without an end it is open
        return hits

    return Answers(
        sent=frozenset(names),
        accepted=those(rows["flags"] & ACCEPTED_FLAG > 0),
        digests={name: digest for name, digest in zip(names, rows["digest"].tolist(), strict=True) if digest},
        provisional=those(rows["flags"] & DEAD_LETTER_FLAG > 0),
        unbound=those(met(corrupted)),
        misread=those(met(asked)),
        resends=resends,
    )


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
    accepted = _kept(answers, listings)
    doubled = {n for n in sink.keys() | dead.keys() if sink[n] + dead[n] > 1}
    missing = {n for n in accepted if not sink[n] and not dead[n]}
    foreign = (accepted | set(sink)) - answers.sent
    changed = {n for n, digest in listings.sink if answers.digests.get(n, digest) != digest}
    # Answered as accepted and valid, and then put aside: the answer was not kept.
    changed |= {n for n in dead if n in answers.accepted and not sink[n]}
    again = _decided_again(answers, listings)
    changed -= answers.provisional | answers.unbound
    misread = {name for name in foreign if _bit_away(name, answers.misread)}
    foreign -= misread
    examples = (
        _examples("missing", missing)
        + _examples("doubled", doubled)
        + _examples("foreign", foreign)
        + _examples("changed", changed)
        + _examples("decided otherwise when sent again", again)
    )
    held = (f"{listings.held} records not acknowledged by who has them",) if listings.held else ()
    return Balance(
        accepted=len(accepted),
        delivered_once=sum(1 for n in accepted if sink[n] == 1 and not dead[n]),
        dead_letters=len(dead),
        doubled=len(doubled),
        missing=len(missing),
        foreign=len(foreign),
        changed=len(changed | again),
        examples=(*examples, *_examples("corrupted by the harness on the way", misread), *held),
        provable=bool(examples)
        or (not misread and not held and (listings.lists_dead_letters or answers.provisional <= sink.keys())),
        held=listings.held,
    )


def _decided_again(answers: Answers, listings: Listings) -> set[str]:
    """Ids that were decided otherwise when they were sent again; a provisional decision binds nobody."""
    sink = dict(listings.sink)
    free = answers.provisional | answers.unbound
    free |= {resend.id for resend in answers.resends if resend.dead_letter}
    return {
        resend.id
        for resend in answers.resends
        if resend.id not in free
        and {answers.digests.get(resend.id, resend.digest), sink.get(resend.id, resend.digest)}
        != {resend.digest}
    }


def _bit_away(name: str, ids: frozenset[str]) -> bool:
    """Whether one flipped bit makes ``name`` of one of ``ids``, which are plain ASCII."""
    flipped = (
        name[:place] + chr(ord(letter) ^ 1 << bit) + name[place + 1 :]
        for place, letter in enumerate(name)
        for bit in range(7)
    )
    return bool(ids) and any(other in ids for other in flipped)


def judge_taint(taint: Iterable[Taint], answers: Answers, listings: Listings) -> tuple[Touched, ...]:
    """Find where the touched records of each episode ended, every one in one place, in order of episodes.

    What was never accepted was refused or lost on the way, but for what was cut off a batch: never sent.

    >>> line = Taint(id="w1", episode=2, mutation="drop", field="age", detail="dropped")
    >>> nothing = Answers(sent=frozenset({"w1"}), accepted=frozenset(), digests={})
    >>> (touched,) = judge_taint([line], nothing, Listings(accepted=(), sink=(), dead_letters=("w1", "w2")))
    >>> touched.episode, touched.touched, touched.quarantined, touched.collateral
    (2, 1, 1, 1)
    """
    by_episode: dict[int, set[str]] = {}
    withheld: set[str] = set()
    for line in taint:
        by_episode.setdefault(line.episode, set()).add(line.id)
        if line.mutation == "truncate":
            withheld.add(line.id)
    dead, sink = set(listings.dead_letters), {name for name, _ in listings.sink}
    kept = _kept(answers, listings)
    collateral = len(dead - set().union(*by_episode.values()))
    return tuple(
        Touched(
            episode=episode,
            touched=len(ids),
            quarantined=len(ids & dead),
            delivered=len((ids & sink) - dead),
            lost=len((ids & kept) - sink - dead),
            refused=len(ids - kept - sink - dead - withheld),
            collateral=collateral,
            not_sent=len((ids & withheld) - kept - sink - dead),
        )
        for episode, ids in sorted(by_episode.items())
    )


def _kept(answers: Answers, listings: Listings) -> set[str]:
    """Ids that the system said it keeps, in an answer or in a listing."""
    kept = set(answers.accepted).union(listings.accepted, listings.dead_letters)
    # Where dead letters are not listed, an answer "it lies there" can be neither held nor broken.
    return kept | answers.provisional if listings.lists_dead_letters else kept - answers.provisional
