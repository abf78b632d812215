"""Who writes the journal and keeps the books: the disk first, memory after it.

Comes in: what a stage has to say. Goes out: durable entries, each said once, and books that follow them.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reference_pipeline.healing.acts import Act, target_of
from reference_pipeline.healing.books import Books
from reference_pipeline.healing.decide import Wish
from reference_pipeline.healing.journal import Journal
from reference_pipeline.healing.model import Choice, Entry, Evidence, Kind
from reference_pipeline.ports import Clock

Facts = Mapping[str, float | str]


class Scribe:
    """Entries of the life ``life``; call :meth:`recover` first. All methods raise ``StoreFailed``."""

    def __init__(self, journal: Journal, clock: Clock, life: str, *, page_every_s: float) -> None:
        self._journal = journal
        self._clock = clock
        self._life = life
        self._page_every_s = page_every_s
        self._episodes: dict[str, str] = {}
        self._count = 0
        self._said: set[tuple[str, str, str]] = set()
        self.books = Books()
        self.policy = ""  # the commit that decisions are made under

    def recover(self) -> None:
        """Take up what earlier lives wrote down."""
        for entry in self._journal.entries():
            self.books.apply(entry)

    def wish(self, act: Act, reason: str, facts: Facts | None = None) -> Wish:
        """Make a wish in the running episode of its target."""
        return Wish(act, self.episode(target_of(act)), reason, facts or {})

    def episode(self, target: str) -> str:
        """Give the running episode of ``target``; a new one if none runs."""
        if target not in self._episodes:
            self._count += 1
            self._episodes[target] = f"{self._life}-{self._count}"
        return self._episodes[target]

    def close(self, target: str) -> None:
        """End the episode of ``target``: it was settled, or went away by itself."""
        self._episodes.pop(target, None)

    def found(self, kind: Kind, wish: Wish, reason: str) -> None:
        """Write what a stage found for ``wish``, once an episode."""
        if (wish.episode, kind, reason) not in self._said:
            self.put(kind, wish.episode, Evidence(act=wish.act, facts=dict(wish.facts)), reason)
            self._said.add((wish.episode, kind, reason))

    def saw(self, target: str, reason: str, facts: Facts) -> None:
        """Write that something is wrong with ``target``, for which nothing is wished yet."""
        self._put("detected", self.episode(target), Evidence(facts=dict(facts)), (target, reason))

    def saw_once(self, target: str, reason: str, facts: Facts) -> None:
        """Write so once an episode, however often it is seen."""
        seen = (self.episode(target), "detected", reason)
        if seen not in self._said:
            self.saw(target, reason, facts)
            self._said.add(seen)

    def begin(self, wish: Wish) -> None:
        """Write the decision and the intent; the act may be done after this, and only after this."""
        evidence = Evidence(act=wish.act, choice="act", facts=dict(wish.facts))
        self.put("decided", wish.episode, evidence, wish.reason)
        self.put("action.started", wish.episode, Evidence(act=wish.act), wish.reason)

    def tell(self, target: str, choice: Choice, reason: str, episode: str = "") -> None:
        """Write a page, or why nothing is done; the same words on the same target once an hour."""
        now_s = self._clock.now_s()
        if not self.books.was_told(target, reason, now_s, within_s=self._page_every_s):
            self._put("decided", episode or self.episode(target), Evidence(choice=choice), (target, reason))

    def put(self, kind: Kind, episode: str, evidence: Evidence, reason: str) -> None:
        """Write one entry about the act in ``evidence``."""
        target = target_of(evidence.act) if evidence.act else ""
        self._put(kind, episode, evidence, (target, reason))

    def _put(self, kind: Kind, episode: str, evidence: Evidence, about: tuple[str, str]) -> None:
        target, reason = about
        if kind == "decided":
            evidence = msgspec.structs.replace(evidence, policy=self.policy)
        entry = Entry(
            kind=kind,
            episode=episode,
            target=target,
            reason=reason,
            at_s=self._clock.now_s(),
            evidence=evidence,
        )
        self._journal.write(entry)
        self.books.apply(entry)
