"""A clock for tests of recipes: time passes only while somebody waits, and at once."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class VirtualClock:
    """One caller's time."""

    def __init__(self, at_s: float = 0.0) -> None:
        self.at_s = at_s
        self.waits_s: list[float] = []

    def now_s(self) -> float:
        return self.at_s

    async def rest_s(self, seconds: float, /) -> float:
        await self.sleep_s(seconds)
        return seconds

    async def sleep_s(self, seconds: float, /) -> None:
        self.at_s += seconds
        self.waits_s.append(seconds)
        await asyncio.sleep(0)


def run_to_end(coroutine: Coroutine[Any, Any, T]) -> T:
    """Run what waits for nothing but the virtual clock."""
    with asyncio.Runner() as runner:
        return runner.run(coroutine)
