"""The Clock port of a running event loop."""

from __future__ import annotations

import asyncio


class LoopClock:
    """The Clock port: the event loop's own monotonic clock."""

    def now_s(self) -> float:
        """The present instant, in seconds."""
        return asyncio.get_running_loop().time()

    async def sleep_s(self, seconds: float, /) -> None:
        """Let others run for that long."""
        await asyncio.sleep(seconds)

    async def rest_s(self, seconds: float, /) -> float:
        """Wait for the next of many looks; gives how long."""
        await asyncio.sleep(seconds)
        return seconds
