"""A small experiment whose `prepare` is any command, and a poll with a deadline."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.experiment.model import Experiment, Prepare, Profile, Scenario, Service, System, Workload
from harness.shell import monotonic_s, sleep_until


@pytest.fixture
def prepared_by(tmp_path) -> Callable[..., Experiment]:
    """Make an experiment with ``prepared_by("{python}", "-c", ...)``."""

    def make(*command: str) -> Experiment:
        system = System(
            version=1,
            name="toy",
            services={"one": Service(command=("one",))},
            workload=Workload(service="one", route="/"),
            prepare=Prepare(command=command),
        )
        return Experiment(
            title="t",
            description="d",
            file="f",
            sha256="",
            system=system,
            system_dir=str(tmp_path),
            scenario=Scenario(version=1, name="steady"),
            profile=Profile(),
            steps=(),
        )

    return make


@pytest.fixture
def until() -> Callable[..., object]:
    """Poll ``look`` until it gives something true, and give that; fail after a long while."""

    def poll(look: Callable[[], object], within_s: float = 30.0) -> object:
        deadline_s = monotonic_s() + within_s
        while not (seen := look()):
            assert monotonic_s() < deadline_s, f"not seen within {within_s} s"
            sleep_until(monotonic_s() + 0.01)
        return seen

    return poll
