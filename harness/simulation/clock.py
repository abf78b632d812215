"""The clock of a simulated world, for whoever stands outside of it."""

from __future__ import annotations

from harness.simulation.kernel import Kernel


class VirtualClock:
    """The world's own time: to sleep is to let it run.

    >>> clock = VirtualClock(Kernel(seed=7))
    >>> clock.sleep_until(2.5); clock.now_s()
    2.5
    """

    def __init__(self, kernel: Kernel) -> None:
        self._kernel = kernel

    def now_s(self) -> float:
        """See ``harness.ports.Clock``."""
        return self._kernel.now_s

    def sleep_until(self, at_s: float, /) -> None:
        """Run the world up to that instant."""
        if at_s > self._kernel.now_s:
            self._kernel.run(until_s=at_s)
