"""What a run makes of a fault that does not stay, of one that nothing met, and how long a step may hang."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import msgspec
import pytest

from harness.experiment.load import load_experiment
from harness.faults.effects import Hook
from harness.history.events import Acted, Clean, Cleared, FirstDue, NotClean, Undone, WithoutEffect
from harness.history.store import read_campaign
from harness.plan.schedule import make_plans
from harness.report.compose import compose
from harness.run.campaign import run_campaign
from harness.run.episode import _explained, _mended
from harness.targets.base import Applied, MachineClock
from harness.targets.local.target import LocalTarget
from tests.safety import safety_kit as kit


class Vanishes(LocalTarget):
    """Somebody else ends each fault as soon as it is there."""

    def __init__(self, system):
        super().__init__(system)
        self.system = system

    def apply(self, effect, /):
        applied = super().apply(effect)
        if applied.handle:
            self.system.crossing.client.remove(effect.edge, applied.handle)
        else:
            os.kill(applied.pid, signal.SIGCONT)
        return applied


def run(store: Path, fault: str, open_target: type[LocalTarget], duration_s: float | None = None):
    """Run one fault on the tiny system; gives the verdict's word, the events and the facts of the run."""
    base = load_experiment(kit.experiment(store, fault))
    (step,) = base.steps
    effect = msgspec.structs.replace(step.effect, **({"duration_s": duration_s} if duration_s else {}))
    experiment = msgspec.structs.replace(base, steps=(msgspec.structs.replace(step, effect=effect),))
    plans = make_plans(experiment, 7)
    folder = run_campaign(plans, experiment, store=store, seed=7, progress=print, open_target=open_target)
    *_, history = read_campaign(folder).runs  # a busy machine may ask for a baseline again
    return compose(folder).verdict.word, [entry.event for entry in history.entries], history


@pytest.mark.live
@pytest.mark.parametrize(
    ("fault", "duration_s"),
    [
        ("pause", None),
        ("latency", 0.05),
        pytest.param("pause", 0.05, marks=pytest.mark.slow),
        pytest.param("latency", None, marks=pytest.mark.slow),
    ],
)
def test_a_fault_that_vanishes_early_makes_the_run_void_whoever_ended_it(tmp_path, fault, duration_s):
    word, events, _ = run(tmp_path, fault, Vanishes, duration_s)
    assert word == "VOID"
    (why,) = [event.why for event in events if isinstance(event, WithoutEffect)]
    assert "vanished" in why
    assert [type(e) for e in events if isinstance(e, Cleared | Undone | Clean)] == [Undone, Clean]


@pytest.mark.live
@pytest.mark.parametrize(
    ("fault", "duration_s"),
    [
        ("pause", 0.3),
        pytest.param("latency", 0.3, marks=pytest.mark.slow),
        pytest.param("blackhole", None, marks=pytest.mark.slow),
    ],
)
def test_a_fault_that_stays_to_its_end_is_trusted(tmp_path, trusted, fault, duration_s):
    def once():
        store = tmp_path / str(len(list(tmp_path.iterdir())))
        store.mkdir()
        return run(store, fault, LocalTarget, duration_s)

    _, events, _ = trusted(once, lambda seen: _busy(seen[0], seen[1]))
    assert not [event for event in events if isinstance(event, WithoutEffect)]
    (cleared,) = [event for event in events if isinstance(event, Cleared)]
    assert cleared.by == ("itself" if duration_s else "harness")


class Bereft(LocalTarget):
    """Its proxy is killed when the fault is to be undone."""

    def undo(self, applied, /):
        os.kill(self._running.crossing.pid, signal.SIGKILL)
        return super().undo(applied)


@pytest.mark.live
def test_where_the_proxy_is_gone_with_its_fault_the_run_is_ended_proven_clean_and_void(tmp_path):
    word, events, history = run(tmp_path, "latency", Bereft)
    assert word == "VOID"
    assert [type(e) for e in events if isinstance(e, Undone | Clean | NotClean)] == [Undone, Clean]
    assert "ProxyGone" not in history.cut


class Unmet(LocalTarget):
    """Nothing ever meets a fault."""

    def exercised(self, applied, /):  # noqa: ARG002
        return False


@pytest.mark.slow
@pytest.mark.live
def test_that_nothing_met_a_kill_is_told_though_the_platform_had_ended_it(tmp_path):
    _, events, _ = run(tmp_path, "kill", Unmet)
    assert [event.by for event in events if isinstance(event, Cleared)] == ["platform"]
    assert [event.exercised for event in events if isinstance(event, Undone)] == [False]


@pytest.mark.live
def test_a_fault_in_the_records_is_gone_when_the_driver_ends_it_not_when_it_was_first_seen_and_so_long(
    tmp_path,
):
    _, events, history = run(tmp_path, "rename", LocalTarget, 0.5)
    (cleared,) = [event for event in events if isinstance(event, Cleared)]
    (first,) = [event for event in events if isinstance(event, FirstDue)]
    (planned,) = history.plan.episodes
    assert cleared.by == "itself"
    assert cleared.at_s == pytest.approx(first.at_s + planned.inject_at_s + 0.5, abs=1e-9)


def _busy(word: str, events: list) -> str:
    vanished = any(isinstance(event, WithoutEffect) and "vanished" in event.why for event in events)
    return "" if vanished or any(isinstance(event, Cleared) for event in events) else word


class Answering:
    """As much of a stage as tells who ended what a hook set."""

    def __init__(self, *acted: Acted, holds: bool = False) -> None:
        self.acts: list[object] = []
        self.acted = list(acted)
        self.target = self
        self.clock = MachineClock()
        self.holds = lambda _: holds

    def hear(self) -> None:
        """Nothing more comes."""


def _hooked(*, shows: str = "registry:/aliases/champion bad") -> Applied:
    return Applied(
        effect=Hook(hook="model", action="stale"),
        pid=0,
        start_ticks=0,
        boot_id="",
        asked_at_s=99.0,
        effective_at_s=100.0,
        proof=(),
        shows=shows,
    )


def _act(at_s: float, detail: str, *, observer: str = "registry:/aliases/champion") -> Acted:
    return Acted(
        at_s=at_s, received_s=at_s, observer=observer, service="registry", act="alias_changed", detail=detail
    )


def test_what_a_hook_set_was_ended_by_the_act_that_moved_it_away_and_by_no_other() -> None:
    ours = _act(100.2, "champion good -> bad")
    other = _act(103.0, "0.1", observer="gateway:/acts")
    healed = _act(105.0, "champion bad -> good")
    assert _mended(Answering(ours, other, healed), _hooked()) == (105.0, "healer")
    assert _mended(Answering(ours, other), _hooked()) is None
    assert _mended(Answering(ours, other, healed, holds=True), _hooked()) is None


def test_the_end_of_a_hook_is_explained_by_an_act_that_is_seen_later_than_the_end() -> None:
    healed = _act(105.0, "champion bad -> good")
    assert _explained(Answering(healed), _hooked())
    assert _explained(Answering(holds=True), _hooked())  # one look at a busy route had said nothing
