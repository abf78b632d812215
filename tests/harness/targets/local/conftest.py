"""A place for a system of tiny services, and a poll with a deadline."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.experiment.model import Service, System, Workload
from harness.targets.local.target import SystemPlace

HERE = Path(__file__).parent


def tiny(**settings: str) -> Service:
    """A tiny service forked from the zygote."""
    env = {f"TINY_{name.upper()}": value for name, value in settings.items()}
    return Service(entry="tiny_service:main", readiness="/readyz", env=env)


def tiny_command(**settings: str) -> Service:
    """A tiny service as a program of its own."""
    env = {f"TINY_{name.upper()}": value for name, value in settings.items()}
    return Service(command=("{python}", "{system}/tiny_service.py"), env=env)


@pytest.fixture(scope="session")
def services():
    """How tests describe services: ``services.entry(...)``, ``services.command(...)``."""

    class Makers:
        entry = staticmethod(tiny)
        command = staticmethod(tiny_command)

    return Makers


@pytest.fixture
def place(tmp_path) -> Callable[..., SystemPlace]:
    """Make a place in a fresh folder: ``place({"one": service, ...}, arm=..., restart_profile=...)``."""

    def make(services: dict[str, Service], **settings) -> SystemPlace:
        first = next(iter(services))
        system = System(
            version=1,
            name="tiny",
            services=services,
            workload=Workload(service=first, route="/"),
            edges=settings.pop("edges", {}),
            arms=settings.pop("arms", {}),
            preload=settings.pop("preload", ("tiny_service",)),
        )
        template = tmp_path / "template"
        template.mkdir(exist_ok=True)
        return SystemPlace(
            system=system,
            system_dir=HERE,
            template=template,
            state_dir=tmp_path / "state",
            python_path=str(HERE),
            **settings,
        )

    return make
