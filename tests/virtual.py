"""Virtual time for coroutines: hours pass in milliseconds, in the order in which they would."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any


class VirtualLoop(asyncio.SelectorEventLoop):
    """Its clock stands still while there is work and jumps to the next timer when there is none."""

    def __init__(self, start_s: float) -> None:
        super().__init__()
        self.now_s = start_s

    def time(self) -> float:
        return self.now_s

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now_s = max(self.now_s, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


def run(make: Callable[[], Coroutine[Any, Any, None]], *, start_s: float = 1000.0) -> None:
    """Run a coroutine in virtual time, which begins at ``start_s``."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(start_s)) as runner:
        runner.run(make())


async def passes(seconds: float) -> None:
    """Let virtual time pass: a timer of the loop, which jumps there."""
    over = asyncio.get_running_loop().create_future()
    asyncio.get_running_loop().call_later(seconds, lambda: over.done() or over.set_result(None))
    await over
