"""SR-9: where harm goes beyond what the experiment allows, the run is stopped, undone and void."""

from __future__ import annotations

import msgspec
import numpy as np
import pytest
import safety_kit as kit
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.rules import HarmBudget
from harness.faults.effects import Delay, Effect, Hook, Kill, Mutate, Pause
from harness.frontends.cli import main
from harness.history.events import Clean, ControlRaised, Injected, Platform
from harness.history.observations import BAD, DTYPE, GOOD, WITNESS
from harness.history.store import read_campaign
from harness.report.compose import compose
from harness.run.harm import Allowance, HarmWatch
from harness.run.template import template_key
from tests.harness.campaign.campaign_kit import SHORT, written

EXPERIMENT = load_experiment(kit.ROOT / "experiments" / "smoke" / "kill-one.yaml")
PROFILE = msgspec.structs.replace(
    EXPERIMENT.profile, rate_hz=100.0, window_s=1.0, window_units=20, deadline_s=0.2
)
AT_S = 1000.0
EDGE = "gateway-scorer-a"


def watch(effect: Effect, bystanders: int | None = None, lost_s: float | None = None) -> HarmWatch:
    injected = Injected(
        episode=0, effect=effect, sham=False, asked_at_s=AT_S, effective_at_s=AT_S, pid=7, proof=()
    )
    budget = HarmBudget(bystanders=bystanders, lost_s=lost_s)
    return HarmWatch(Allowance(budget, EXPERIMENT.system, PROFILE), injected)


def line(service: str, act: str, *, after_s: float = 1.0, detail: str = "", pid: int = 8) -> Platform:
    return Platform(at_s=AT_S + after_s, service=service, act=act, pid=pid, detail=detail)


def rows(bad_from_s: float, bad_to_s: float, until_s: float, *, dark: bool = False):
    """What the witness saw from ten seconds before the fault on; ``dark``: what is bad has no row at all."""
    due = np.arange(AT_S - 10, AT_S + until_s, 1 / PROFILE.rate_hz)
    table = np.zeros(len(due), dtype=DTYPE)
    table["due"], table["unit"], table["weight"], table["stream"] = due, np.arange(len(due)), 1, WITNESS
    bad = (due >= AT_S + bad_from_s) & (due < AT_S + bad_to_s)
    table["outcome"] = np.where(bad, BAD, GOOD)
    return table[~bad] if dark else table


def nothing():
    return rows(0, 0, 0)


def exceeded(seen: HarmWatch, *ledger: Platform) -> str:
    return seen.exceeded(ledger, nothing, AT_S + 2)


def test_a_service_that_nothing_touched_and_that_ends_is_harm():
    """SR-9: one that ended before the fault is none, nor is what was hit itself."""
    seen = watch(Kill(service="scorer-a"), bystanders=0)
    assert exceeded(seen, line("scorer-a", "exited", pid=7), line("scorer-a", "exited")) == ""
    assert exceeded(seen, line("registry", "exited", after_s=-1.0)) == ""
    assert exceeded(seen, line("registry", "exited")).startswith("registry went down")
    assert exceeded(seen, line("registry", "liveness_failed")).startswith("registry went down")


def test_a_service_whose_restart_was_asked_for_is_no_harm_here():
    """SR-9: a healer's needless act is judged as one, and is no reason to stop."""
    asked = line("registry", "asked", detail="restart by healer")
    assert exceeded(watch(Kill(service="scorer-a"), bystanders=0), asked, line("registry", "exited")) == ""


@pytest.mark.parametrize(
    ("effect", "bystanders"),
    [
        (Pause(service="gateway"), {"features", "scorer-a"}),
        (Delay(edge=EDGE, latency_ms=1), {"features"}),
        (Mutate(mutation="drop", field="amount"), {"features", "scorer-a", "gateway"}),
        (Hook(hook="model", action="stale"), set()),
    ],
)
def test_who_is_a_bystander_follows_from_what_is_hit(effect, bystanders):
    """SR-9: an edge touches both its ends, a fault in the records nobody, a hook whoever it likes."""
    found = {
        name
        for name in ("features", "scorer-a", "gateway")
        if exceeded(watch(effect, bystanders=0), line(name, "exited"))
    }
    assert found == bystanders


@given(st.integers(0, 4), st.sets(st.sampled_from(sorted(EXPERIMENT.system.services))))
def test_harm_is_within_the_budget_until_more_services_are_down_than_it_allows(allowed, down):
    """SR-9: each service once, however often it ends."""
    ledger = [line(name, "exited", after_s=n / 10) for n, name in enumerate([*down, *down])]
    seen = watch(Kill(service="scorer-a"), bystanders=allowed)
    assert bool(exceeded(seen, *ledger)) == (len(down - {"scorer-a"}) > allowed)


@settings(max_examples=12)  # each is 200 looks
@given(st.floats(0, 5), st.floats(0.5, 10), st.floats(0.6, 5), st.booleans())
def test_lost_service_ends_the_run_within_two_windows_of_going_beyond(from_s, length_s, allowed_s, dark):
    """SR-9: and never before; units without an answer yet count once their deadline is over."""
    seen, stopped_s = watch(Kill(service="scorer-a"), lost_s=allowed_s), None
    for step in range(200):
        now_s = step / 10
        there = rows(from_s, from_s + length_s, now_s, dark=dark)
        if stopped_s is None and seen.exceeded((), lambda there=there: there, AT_S + now_s):
            stopped_s = now_s
    if length_s > allowed_s + 0.1:
        beyond_s = from_s + allowed_s
        assert stopped_s is not None
        assert beyond_s <= stopped_s <= beyond_s + 2 * PROFILE.window_length_s
    elif length_s < allowed_s - 0.1:
        assert stopped_s is None


def test_without_a_budget_nobody_looks():
    """SR-9: off unless the file says otherwise."""
    assert exceeded(watch(Kill(service="scorer-a")), line("registry", "exited")) == ""


def with_budget(file, budget: str):
    file.write_text(file.read_text().replace("  version: 1\n", f"  version: 1\n  harm: {budget}\n", 1))
    return file


@pytest.mark.parametrize("budget", ["{bystanders: -1}", "{lost_s: 0}", "{lost: 1}", "[]"])
def test_a_budget_that_means_nothing_is_a_mistake_in_the_file(tmp_path, budget):
    """SR-9: never an unlimited one."""
    with pytest.raises(UsageProblem):
        load_experiment(with_budget(kit.experiment(tmp_path, "pause"), budget))


def test_the_plan_says_the_budget_or_that_there_is_none(tmp_path, capsys):
    """SR-9: before anything runs."""
    file = kit.experiment(tmp_path, "pause")
    assert main(["plan", str(file), "--offline"]) == 0
    assert "stopped:  by no harm" in capsys.readouterr().out
    assert main(["plan", str(with_budget(file, "{bystanders: 0, lost_s: 2}")), "--offline"]) == 0
    said = capsys.readouterr().out
    assert "more than 0 untouched services go down or an episode loses more than 2 s" in said


def stopped(folder) -> list[object]:
    """The events of a campaign whose run was stopped by its budget; the run is VOID and proven clean."""
    (run,) = read_campaign(folder).runs
    events = [entry.event for entry in run.entries]
    assert compose(folder).verdict.word == "VOID"
    assert [event.where for event in events if isinstance(event, ControlRaised)] == ["harm"]
    assert [type(event) for event in events if isinstance(event, Clean)] == [Clean]
    return events


@pytest.mark.slow
def test_a_run_on_a_virtual_clock_that_loses_too_much_is_stopped(tmp_path, small_template):
    """SR-9: within two windows of what is allowed."""
    file, store = with_budget(written(tmp_path, lengths=SHORT), "{lost_s: 0.4}"), tmp_path / "store"
    experiment = load_experiment(file)
    (store / ".templates").mkdir(parents=True)
    (store / ".templates" / template_key(experiment)).symlink_to(small_template)
    words = ["run", str(file), "--target", "simulation", "--seed", "1", "--store", str(store)]
    assert main(words) == 4
    (folder,) = store.glob("*-s1")
    events = stopped(folder)
    (injected,) = [event for event in events if isinstance(event, Injected)]
    (clean,) = [event for event in events if isinstance(event, Clean)]
    assert clean.at_s - injected.effective_at_s <= 0.4 + 2 * experiment.profile.window_length_s


@pytest.mark.slow
@pytest.mark.live
def test_a_run_that_takes_a_bystander_down_is_stopped_undone_and_void(tmp_path):
    """SR-9: the real thing; no other run of the command follows, and nothing is left."""
    file = kit.experiment(tmp_path, "pause")
    text = kit.unhurried(with_budget(file, "{bystanders: 0}").read_text())
    with kit.running(tmp_path, "pause", text=text.replace("/hormesis.yaml", "/pair.yaml")) as runner:
        code, said = runner.wait(180)
        assert code == 4, said
        assert "two went down, and nothing had touched it" in said
        assert runner.left(kit.time.monotonic()).nothing
    (folder,) = tmp_path.glob("[a-z]*-s7")
    stopped(folder)
