"""A wait is never shorter than asked in sum, and ends at once when something is ready."""

from __future__ import annotations

import asyncio
import selectors
import socket

import pytest

from harness.proxy.precise import FINE_S, PreciseSelector
from harness.shell import monotonic_s


@pytest.fixture
def selector():
    with PreciseSelector() as one:
        yield one


def test_a_short_wait_is_not_early(selector):
    started_s = monotonic_s()
    assert selector.select(FINE_S) == []
    assert monotonic_s() - started_s >= FINE_S


@pytest.mark.parametrize("timeout", [None, 0, 0.001, 60.0])
def test_what_is_ready_is_given_at_once(selector, timeout):
    near, far = socket.socketpair()
    with near, far:
        selector.register(near, selectors.EVENT_READ)
        far.sendall(b"x")
        ((key, events),) = selector.select(timeout)
        assert (key.fileobj, events) == (near, selectors.EVENT_READ)


def test_a_timer_of_a_loop_on_it_is_never_early():
    async def wait(length_s):
        loop = asyncio.get_running_loop()
        due_s = loop.time() + length_s
        over = loop.create_future()
        loop.call_at(due_s, over.set_result, None)
        await over
        return loop.time() - due_s

    with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(PreciseSelector())) as runner:
        # Early by the clock's resolution at most: that is what the lane checks again.
        assert all(runner.run(wait(length_s)) >= -1e-6 for length_s in (0.0, 0.0007, 0.004, 0.0123))
