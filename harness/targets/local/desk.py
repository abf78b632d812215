"""All keepers of one system behind one desk: who starts after whom, and each order carried out once.

Comes in: orders, each with who asks and perhaps a key. Goes out: rows of services, lines in the ledger.
``supervisor`` puts HTTP in front of it; a simulated system its own wire.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence

import msgspec

from harness.errors import Refused
from harness.targets.local.keeper import STOP_GRACE_S, Keeper, Platform
from harness.targets.local.loops import LoopKeeper
from harness.targets.local.spec import ServiceSpec

REMEMBERED_KEYS = 4096


class Desk:
    """The keepers by name. ``failed`` is told if one of them itself breaks."""

    def __init__(
        self, services: Sequence[ServiceSpec], platform: Platform, failed: Callable[[BaseException], None]
    ) -> None:
        self._ledger = platform.ledger
        self.keepers = {
            one.name: (LoopKeeper if one.worker else Keeper)(one, platform, failed) for one in services
        }
        self._answers: OrderedDict[tuple[str, str, str, str], asyncio.Task[bytes]] = OrderedDict()

    async def boot(self) -> None:
        """Start all services, each once those it comes after have been ready."""
        async with asyncio.TaskGroup() as starts:
            for keeper in self.keepers.values():
                starts.create_task(self._start_after(keeper))

    async def _start_after(self, keeper: Keeper) -> None:
        for name in keeper.spec.after:
            await self.keepers[name].was_ready.wait()
        try:
            await keeper.start()
        except Refused as refused:
            self._ledger.note(keeper.spec.name, "refused", detail=str(refused))

    def rows(self) -> bytes:
        """All services as they are now: a JSON array of ``ServiceState``."""
        return msgspec.json.encode([keeper.row() for keeper in self.keepers.values()])

    async def act(
        self, name: str, act: str, *, asker: str, key: str = "", grace_s: float = STOP_GRACE_S
    ) -> bytes:
        """Start, stop or restart a service; gives its row.

        A key that the same ``asker`` used for the same act gets the answer it got: nothing is done twice.

        Raises:
            Refused: it could not be started.
        """
        known = (asker, name, act, key)
        seen = self._answers.get(known) if key else None
        if seen is None:
            seen = asyncio.create_task(self._do(self.keepers[name], act, asker, grace_s))
            if key:
                self._answers[known] = seen
            if len(self._answers) > REMEMBERED_KEYS:
                self._answers.popitem(last=False)
        # Shielded: a caller that hangs up must not leave an act half done.
        return await asyncio.shield(seen)

    async def _do(self, keeper: Keeper, act: str, asker: str, grace_s: float) -> bytes:
        self._ledger.note(keeper.spec.name, "asked", detail=f"{act} by {asker}" if asker else act)
        if act in ("stop", "restart"):
            await keeper.stop(grace_s)
        if act in ("start", "restart"):
            await keeper.start()
        return msgspec.json.encode(keeper.row())
