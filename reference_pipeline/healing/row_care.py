"""Care for what is learned from: rows that have moved are told, and what lies in them is left out.

Comes in: what the learner knows of decided and labelled rows. Goes out: wishes to leave rows out and to take
them in again, and why nothing may be trained meanwhile.
"""

from __future__ import annotations

from reference_pipeline.healing.acts import Quarantine
from reference_pipeline.healing.damage import Damage
from reference_pipeline.healing.decide import Wish
from reference_pipeline.healing.detectors.stored import RowWatch
from reference_pipeline.healing.model_ports import Experience
from reference_pipeline.healing.moved import Moved
from reference_pipeline.healing.scribe import Scribe
from reference_pipeline.healing.vanished import Vanished


class RowCare:
    """Everything that looks at the rows of one system; without ``watch`` labels alone are looked at."""

    def __init__(self, experience: Experience, scribe: Scribe, watch: RowWatch | None) -> None:
        self._moved = Moved(experience, scribe, watch) if watch else None
        self._damage = Damage(experience, scribe, watch) if watch else None
        self._vanished = Vanished(experience, scribe)
        self.wishes: list[Wish] = []

    async def look(self) -> bool:
        """Look once; True where rows are to be left out that something may have learned from already.

        Raises:
            CallFailed, StoreFailed: learner or journal failed; the next look goes on.
        """
        if self._moved:
            await self._moved.look()
        damaged = await self._damage.look() if self._damage else []
        self.wishes = [*damaged, *await self._vanished.look()]
        return any(isinstance(wish.act, Quarantine) for wish in self.wishes)

    def taken(self) -> list[Wish]:
        """Give the wishes of the last look, once."""
        wishes, self.wishes = self.wishes, []
        return wishes

    def why_held(self) -> str:
        """Say why nothing may be trained now; "" if it may."""
        return (self._damage.why_held() if self._damage else "") or self._vanished.why_held()
