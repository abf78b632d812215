"""A small experiment whose `prepare` is any command."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from harness.experiment.model import Experiment, Prepare, Profile, Scenario, Service, System, Workload


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
