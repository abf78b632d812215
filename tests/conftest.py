"""What every test of this repository shares: order, generated-input profiles, the printed test profile."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings

from harness.experiment.model import PROFILES
from harness.shell import monotonic_s, sleep_until
from reference_pipeline.deploy.prepare import prepare
from tests.consents import consent_to_ours

# No deadline: a test here asserts outcomes, and a machine that measures is a busy machine.
settings.register_profile(
    "ci", derandomize=True, deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "fresh", deadline=None, max_examples=300, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("ci")

SHOWN = ("rate_hz", "baseline_units", "window_s", "hold_s", "tau_s")


def pytest_configure() -> None:
    """Consent to what the tests' own systems name, as a job on them would."""
    os.environ["HORMESIS_CONSENT"] = consent_to_ours()


def pytest_sessionstart(session: pytest.Session) -> None:
    """Say how the live tests measure; the profile makes no claims about systems."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        profile = msgspec.structs.asdict(PROFILES["test"])
        knobs = ", ".join(f"{name} {profile[name]:g}" for name in SHOWN)
        reporter.write_line(f"test profile: {knobs}; W is window_s, H is hold_s. Tests machinery.")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run style first, then pure tests, then those that measure: the cheap answers come early.

    Runners that are killed side by side wait for most of their time: they begin before what has to compute.
    """
    first = ("style", "safety")

    def rank(item: pytest.Item) -> int:
        if "live" in item.keywords or "slow" in item.keywords:
            return len(first) + 1
        top = item.path.relative_to(Path(__file__).parent).parts[0]
        return first.index(top) if top in first else len(first)

    items.sort(key=rank)  # stable: a module stays together, so its started system is shared


@pytest.fixture(scope="session")
def live_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One store for all tests of a process; the champion is trained once for those side by side."""
    store, own = tmp_path_factory.mktemp("store"), tmp_path_factory.getbasetemp()
    templates = (own.parent if own.name.startswith("popen-") else own) / "templates"
    templates.mkdir(exist_ok=True)
    (store / ".templates").symlink_to(templates)
    return store


Seen = TypeVar("Seen")


@pytest.fixture(scope="session")
def trusted() -> Callable[[Callable[[], Seen], Callable[[Seen], str]], Seen]:
    """Do a live measurement again, at most twice, while the machine was too busy for the witness.

    ``why_void`` names why a result cannot be trusted, empty = it can. Only what the instrument says of
    itself may be repeated; a wrong outcome never is.
    """

    def measure(once: Callable[[], Seen], why_void: Callable[[Seen], str]) -> Seen:
        for _ in range(2):
            seen = once()
            if "witness" not in why_void(seen) and "baseline" not in why_void(seen):
                return seen
        return once()

    return measure


@pytest.fixture
def until() -> Callable[..., object]:
    """Poll ``look`` until it gives something true, and give that; fail after a long while."""

    def poll(look: Callable[[], object], within_s: float = 20.0) -> object:
        deadline_s = monotonic_s() + within_s
        while not (seen := look()):
            assert monotonic_s() < deadline_s, f"not seen within {within_s} s"
            sleep_until(monotonic_s() + 0.01)
        return seen

    return poll


SMALL = {"kind": "simulator", "customers": 200, "terminals": 60, "history_rows": 8000, "history_days": 45}


@pytest.fixture(scope="session")
def small_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _once(tmp_path_factory, "small", SMALL)


@pytest.fixture(scope="session")
def whole_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The system as users get it: a champion that knows its world."""
    return _once(tmp_path_factory, "whole", {"kind": "simulator"})


def _once(places: pytest.TempPathFactory, name: str, scenario: Mapping[str, object]) -> Path:
    """Prepare what all processes of this test session read and none changes."""
    own = places.getbasetemp()
    out = (own.parent if own.name.startswith("popen-") else own) / f"template-{name}"
    with out.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return out if out.exists() else prepare(scenario, seed=3, out=out)
