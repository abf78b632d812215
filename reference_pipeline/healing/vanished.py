"""Labels of one part of the rows that may lie: what is left out of learning until its positives are back.

Comes in: labelled decisions with their scores, and which parts (levels of a category) each is of. Goes out:
wishes to leave a part out, and to take it in again. A model that learns that nobody cheats on the web costs
more than one that is not trained there; where fraud has really ended, a while of the old decisions costs
little. Which of the two it is no label can tell: somebody is called, and what nobody contradicts is believed.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from reference_pipeline.healing.acts import Quarantine, Release, target_of
from reference_pipeline.healing.decide import Wish
from reference_pipeline.healing.detectors.vanished import Part, look
from reference_pipeline.healing.model_ports import Experience
from reference_pipeline.healing.scribe import Facts, Scribe
from reference_pipeline.healing.sliced_rows import SlicedRows

_PAGE, _PAGES_A_LOOK = 2000, 4
_REREAD = 5000  # labels that a new life reads again
IN_PART = 1.0  # the value of a one-hot column
HELD_ROWS = 100_000  # labels after which those of a part are learned from, if nobody has said else
LIES = "labels of this part may lie: look into them, for they are believed in the end"


class Vanished:
    """The parts of the rows of one system, as the learner names them."""

    def __init__(self, experience: Experience, scribe: Scribe) -> None:
        self._experience = experience
        self._scribe = scribe
        self._parts: dict[str, Part] = {}
        self._left_out_at: dict[str, int] = {}  # cursor of the labels by which a part was found
        self._cursor: int | None = None

    async def look(self) -> list[Wish]:
        """Take new labels in and say which part should be left out, and which no longer.

        Raises:
            CallFailed, StoreFailed: learner or journal failed; the next look goes on.
        """
        if self._cursor is None:
            self._cursor = max(0, (await self._experience.slices(0, 1)).newest - _REREAD)
        for _ in range(_PAGES_A_LOOK):
            page = await self._experience.slices(self._cursor, _PAGE)
            self._take(page)
            self._cursor = max(self._cursor, page.last)
            if self._cursor >= page.newest:
                break
        return [*self._to_leave_out(), *self._to_release()]

    def why_held(self) -> str:
        """Say why nothing may be trained now: a part is gone that is not left out yet; "" if it may."""
        left_out = self._scribe.books.quarantined
        open_ = [name for name, part in self._parts.items() if part.gone and name not in left_out]
        return f"training is held: positives have gone where {', '.join(open_)}" if open_ else ""

    def _take(self, page: SlicedRows) -> None:
        own = ~np.array(page.degraded, dtype=np.bool_)
        scores, labels = np.array(page.score)[own], np.array(page.label)[own]
        for number, name in enumerate(page.names):
            inside = np.array([number in parts for parts in page.parts], dtype=np.bool_)[own]
            before = self._parts.get(name) or self._begun(name)
            self._parts[name], says = look(before, scores, labels, inside)
            if says == "gone":
                self._left_out_at[name] = page.last

    def _begun(self, name: str) -> Part:
        """What an earlier life has left out is gone until this one has seen it come back; it waits anew."""
        if name not in self._scribe.books.quarantined:
            return Part()
        self._left_out_at[name] = self._cursor or 0
        return Part(gone=True)

    def _to_leave_out(self) -> Iterator[Wish]:
        for name, part in self._parts.items():
            if part.gone and name not in self._scribe.books.quarantined:
                why = f"where {name} far fewer positives turn out than the scores say"
                facts: Facts = {"part": name}
                wish = self._scribe.wish(Quarantine(column=name, value=IN_PART), why, facts)
                self._scribe.found("detected", wish, why)
                self._scribe.tell(target_of(wish.act), "page", LIES, wish.episode)
                yield wish

    def _to_release(self) -> Iterator[Wish]:
        for name, value in self._scribe.books.quarantined.items():
            if name not in self._parts:
                continue
            act = Release(column=name, value=value)
            waited = (self._cursor or 0) - self._left_out_at.get(name, 0)
            if not self._parts[name].gone:
                yield self._scribe.wish(act, f"where {name} positives turn out as the scores say again")
            elif waited > HELD_ROWS:
                self._parts[name] = Part()
                yield self._scribe.wish(act, f"for {waited} labels nobody has said that those of {name} lie")
