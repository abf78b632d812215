"""A look as steps: which route to ask next, given what the last one answered. Who asks, and how, is outside.

The same look is walked by a thread over sockets and by a task over a simulated wire.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator

from harness.observers.fetch import Reply

Steps = Generator[tuple[str, str], Reply, None]
"""Yields service and route to ask; is sent the reply."""


def walk(steps: Steps, ask: Callable[[str, str], Reply]) -> None:
    """Walk to the end; what ``ask`` raises ends it."""
    try:
        where = next(steps)
        while True:
            where = steps.send(ask(*where))
    except StopIteration:
        return


async def walk_along(steps: Steps, ask: Callable[[str, str], Awaitable[Reply]]) -> None:
    """Walk to the end, waiting for each reply; what ``ask`` raises ends it."""
    try:
        where = next(steps)
        while True:
            reply = await ask(*where)
            where = steps.send(reply)
    except StopIteration:
        return
