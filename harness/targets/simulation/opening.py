"""Opens what a system file names as its simulation: ``module:function``, given what ``prepare`` made."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Protocol, cast

from harness.errors import Refused
from harness.experiment.model import System
from harness.simulation.hosts import Host


class Simulated(Protocol):
    """A system that can be simulated: what lives of its processes run, and what its hooks do."""

    def serve(self, host: Host, /) -> Coroutine[None, None, None]:
        """Run the service that ``host`` is named after, until its life ends."""
        ...

    def hook(self, host: Host, words: tuple[str, ...], /) -> Coroutine[None, None, bytes]:
        """Do what a hook is told: verb, action, scale, shift; gives what its program would print."""
        ...


class Foresees(Protocol):
    """A simulation that may prepare for what will be posted to it; that changes speed alone."""

    def foresee(self, bodies: Sequence[bytes], /) -> None:
        """Hear of the bodies of all units of a run before it begins."""
        ...


def open_simulation(system: System, template: Path) -> Simulated:
    """Open it; ``Refused`` where the system file names none, or nothing that is there."""
    if system.simulation is None:
        raise Refused(
            f"{system.name} cannot be simulated: its file has no 'simulation: {{opens: module:function}}'; "
            "see docs/protocols/simulation.md"
        )
    named = system.simulation.opens
    module, _, function = named.partition(":")
    try:
        opener = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError, ValueError) as error:
        raise Refused(f"simulation {named!r} (module:function) cannot be opened: {error}") from error
    return cast(Callable[[Path], Simulated], opener)(template)
