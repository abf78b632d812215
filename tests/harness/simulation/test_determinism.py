"""Every known leak is planted and caught by its guard; a process without any is caught by none."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.simulation.guards import guarded
from harness.simulation.kernel import ESCAPES_MAX, Escape, Kernel
from tests.harness.simulation.leaks import (
    EVENTS_MIN,
    LEAKS,
    Trace,
    Vacuous,
    clean,
    lived,
    same,
)
from tests.style.source import parse
from tests.style.world import what_no_seed_decides

ROOT = Path(__file__).resolve().parents[3]
Told = dict[str, list[Trace]]
SLOWED = ("clean", "budget_of_real_time")


def told(hash_seed: str, *, slow: bool = False) -> Told:
    """Traces of a fresh process."""
    names = SLOWED if slow else ("clean", *LEAKS)
    words = [sys.executable, "-m", "tests.harness.simulation.leaks", str(int(slow)), *names]
    environment = {"PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return {name: [Trace(*one) for one in traces] for name, traces in json.loads(done.stdout).items()}


class Layers:
    """What each guard says of a leak: True where it catches it."""

    def __init__(self) -> None:
        self.one, self.again, self.other = told("0"), told("0"), told("1")
        self.slow = told("0", slow=True)

    def twice(self, name: str) -> bool:
        """Two worlds in one process: warm against fresh."""
        return not same(*self.one[name])

    def two_processes(self, name: str) -> bool:
        """Two fresh processes with one hash seed."""
        return not same(self.one[name][0], self.again[name][0])

    def hash_seed(self, name: str) -> bool:
        """Two fresh processes with other hash seeds."""
        return not same(self.one[name][0], self.other[name][0])

    def slowed(self, name: str) -> bool:
        """A process that burns time at random."""
        return not same(self.one[name][0], self.slow[name][0])

    def loop_ban(self, name: str) -> bool:
        """What the event loop of a life refuses."""
        return _refused(name, lambda what: what.startswith("loop."))

    def audit_hook(self, name: str) -> bool:
        """What the interpreter tells of."""
        return _refused(name, lambda what: not what.startswith("loop.") and not what.endswith("()"))

    def tripwire(self, name: str) -> bool:
        """What stands in place of clocks, fresh dice and threads."""
        return _refused(name, lambda what: what.endswith("()"))

    def lint(self, name: str) -> bool:
        """What the source alone shows."""
        body = inspect.getsource({"clean": clean, **LEAKS}[name])
        return bool(what_no_seed_decides(parse("reference_pipeline/x.py", _with_imports(body))))


def _with_imports(body: str) -> str:
    modules = ("time", "random", "uuid", "secrets", "socket", "subprocess", "tempfile", "threading")
    return "".join(f"import {name}\n" for name in modules if f"{name}." in body) + body


def _refused(name: str, by: Callable[[str], bool]) -> bool:
    trace = lived({"clean": clean, **LEAKS}[name], guards=True)
    return any(by(what) for what in trace.escapes)


GUARDS = ("twice", "two_processes", "hash_seed", "loop_ban", "audit_hook", "tripwire", "lint")
CLOCK = ("twice", "two_processes", "tripwire", "lint")
CAUGHT: dict[str, tuple[str, ...]] = {
    "set_of_words": ("hash_seed", "lint"),
    "hash_of_a_word": ("hash_seed", "lint"),
    "set_of_plain_tasks": ("twice",),
    "set_of_objects": ("twice", "lint"),
    "sorted_by_address": ("twice", "lint"),
    "address_in_a_word": ("twice", "two_processes"),
    "wall_clock": CLOCK,
    "dice": CLOCK,
    "fresh_id": CLOCK,
    "fresh_bits": CLOCK,
    "fresh_token": CLOCK,
    "unseeded": CLOCK,
    "global_dice": CLOCK,
    "clock_by_name": ("twice", "two_processes", "lint"),
    "date_of_today": ("twice", "two_processes", "lint"),
    "budget_of_real_time": ("slowed", "tripwire", "lint"),
    "other_thread": ("loop_ban", "lint"),
    "connection": ("loop_ban", "lint"),
    "raw_socket": ("audit_hook", "lint"),
    "child": ("audit_hook", "lint"),
    "real_file": ("audit_hook", "twice", "two_processes", "lint"),
    "raw_thread": ("tripwire", "lint"),
    "real_sleep": ("tripwire", "lint"),
    "memory_of_the_module": ("twice",),
    "memory_of_a_cache": ("twice",),
}


@pytest.fixture(scope="module")
def layers() -> Layers:
    return Layers()


@pytest.mark.parametrize(("leak", "guard"), [(leak, one) for leak, by in CAUGHT.items() for one in by])
def test_a_planted_leak_is_caught_by_its_guard(layers: Layers, leak: str, guard: str) -> None:
    assert getattr(layers, guard)(leak)


def test_every_leak_has_a_guard_and_every_guard_a_leak() -> None:
    assert set(CAUGHT) == set(LEAKS)
    assert {guard for by in CAUGHT.values() for guard in by} == {*GUARDS, "slowed"}


@pytest.mark.parametrize("guard", [*GUARDS, "slowed"])
def test_a_process_without_a_leak_is_caught_by_no_guard(layers: Layers, guard: str) -> None:
    assert not getattr(layers, guard)("clean")


@pytest.mark.parametrize("leak", ["clock_by_name", "date_of_today"])
def test_what_was_imported_before_passes_the_tripwires_and_only_its_source_or_its_digest_tells(
    layers: Layers, leak: str
) -> None:
    assert not layers.tripwire(leak)
    assert not layers.audit_hook(leak)


def test_digests_of_next_to_nothing_are_refused_as_a_proof() -> None:
    assert same(Trace("a", EVENTS_MIN, 2), Trace("a", EVENTS_MIN, 2))
    assert not same(Trace("a", EVENTS_MIN, 2), Trace("b", EVENTS_MIN, 2))
    with pytest.raises(Vacuous, match="prove nothing"):
        same(Trace("a", EVENTS_MIN - 1, 2), Trace("a", EVENTS_MIN, 2))
    with pytest.raises(Vacuous, match="0 faults"):
        same(Trace("a", EVENTS_MIN, 2), Trace("a", EVENTS_MIN, 0))


def test_a_reach_is_refused_inside_a_world_alone_and_all_is_as_before_after_it(tmp_path: Path) -> None:
    import time
    import uuid

    before = time.time, uuid.uuid4
    kernel, seen = Kernel(seed=1), []
    with guarded(), guarded():
        assert time.time() > 0
        (tmp_path / "outside").write_text("x")
        kernel.at(1.0, lambda: seen.append(uuid.uuid4()))
        with pytest.raises(Escape, match=r"uuid\.uuid4\(\) leaves the simulated world"):
            kernel.run(until_s=2.0)
        assert uuid.uuid4()
    assert (time.time, uuid.uuid4) == before
    assert (seen, kernel.escapes) == ([], [(1.0, "the world", "uuid.uuid4()")])


def test_what_a_run_is_made_from_may_be_read_and_nothing_be_written_there(tmp_path: Path) -> None:
    (tmp_path / "known").write_text("x")
    kernel, seen = Kernel(seed=1), []
    kernel.at(1.0, lambda: seen.append((tmp_path / "known").read_text()))
    kernel.at(2.0, lambda: (tmp_path / "known").write_text("y"))
    with guarded(tmp_path), pytest.raises(Escape, match="known"):
        kernel.run(until_s=3.0)
    assert seen == ["x"]
    assert (tmp_path / "known").read_text() == "x"


def test_an_escape_that_its_process_handles_is_kept_all_the_same_and_not_without_end() -> None:
    async def careless(life, say) -> None:
        try:
            await LEAKS["wall_clock"](life, say)
        except RuntimeError:
            say("handled")

    trace = lived(careless, guards=True, steps=3 * ESCAPES_MAX)
    assert trace.errors == ()
    assert trace.escapes == ("time.time()",) * ESCAPES_MAX
