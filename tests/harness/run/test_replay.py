"""A stored simulated run comes again to the last bit, or the first thing that differs is named."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import msgspec
import pytest

from harness.errors import Refused, Untrustworthy, UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment
from harness.faults.effects import Delay, Pause
from harness.history.events import Acted, Injected, Platform
from harness.history.model import CampaignFile, History
from harness.history.store import new_campaign, read_run
from harness.plan.schedule import make_plans
from harness.run.code import versions
from harness.run.differences import events_differ
from harness.run.evidence import OBSERVATIONS
from harness.run.keeping import keep_run
from harness.run.machine import fingerprint
from harness.run.material import Material
from harness.run.replay import (
    Replayed,
    Stored,
    compare,
    find_run,
    over_s,
    same_experiment,
)
from harness.run.scene import stop_at
from harness.run.simulated import SimulatedRun, run_simulated
from harness.targets.simulation.opening import open_simulation
from tests.harness.run.test_simulated import EDGE, ROOT, asked

HANG = Pause(service="scorer-a")


def material(template: Path, experiment: Experiment) -> Material:
    opened = open_simulation(experiment.system, template)
    return Material(experiment=experiment, template=template, python_path=str(ROOT), opened=opened)


@pytest.fixture(scope="module")
def hang(small_template: Path) -> Material:
    return material(small_template, asked("process.hang", HANG, "reference"))


@pytest.fixture(scope="module")
def ran(hang: Material) -> SimulatedRun:
    (plan,) = make_plans(hang.experiment, 7, "simulation")
    return run_simulated(hang, plan)


def campaign(store: Path, experiment: Experiment, seed: int = 7) -> Path:
    file = CampaignFile(
        id="kept-one",
        title=experiment.title,
        system=experiment.system.name,
        target="simulation",
        seed=seed,
        profile=experiment.profile,
        experiment_file=experiment.file,
        experiment_sha256=experiment.sha256,
        scenario_sha256="",
        harness_version="0",
        machine="here",
        started_utc="2026-01-01T00:00:00+00:00",
        planned_runs=1,
        objectives=(),
    )
    return new_campaign(store, file)


def kept(store: Path, made: Material, run: SimulatedRun) -> Path:
    """Store a run; gives its folder."""
    folder = campaign(store, made.experiment)
    keep_run(folder, run, versions={"numpy": "0.1"}, machine="another", abilities=())
    (path,) = (folder / "runs").iterdir()
    return path


def again(store: Path, path: Path, made: Material) -> Replayed:
    stored = find_run(store, str(path))
    return compare(stored, run_simulated(made, stored.history.plan))


def test_a_stored_run_comes_again_to_the_last_bit(tmp_path: Path, hang: Material, ran: SimulatedRun) -> None:
    path = kept(tmp_path, hang, ran)
    told = again(tmp_path, path, hang)
    assert told.differences == told.changed == ()
    assert told.digest == told.recorded_digest == ran.digest
    assert told.events > 10_000
    assert told.entries > 30
    assert told.rows > 400
    assert told.state == "ended"


@pytest.mark.slow
def test_another_pace_of_looking_is_kept_with_the_run(tmp_path: Path, hang: Material) -> None:
    (plan,) = make_plans(hang.experiment, 7, "simulation")
    seldom = Material(
        experiment=hang.experiment,
        template=hang.template,
        python_path=hang.python_path,
        opened=hang.opened,
        observe_every_s=1.0,
    )
    path = kept(tmp_path, seldom, run_simulated(seldom, plan))
    assert b'"observe_every_s":1.0' in (path / "manifest.json").read_bytes()
    differ = again(tmp_path, path, hang)
    assert differ.differences[0].what == "history.jsonl"


def test_the_first_event_that_differs_is_named_with_both_sides_in_words(
    tmp_path: Path, hang: Material, ran: SimulatedRun
) -> None:
    acts = [n for n, entry in enumerate(ran.history.entries) if isinstance(entry.event, Acted)]
    entries = [*ran.history.entries]
    event = msgspec.structs.replace(entries[acts[0]].event, detail="another reason")
    entries[acts[0]] = msgspec.structs.replace(entries[acts[0]], event=event)
    other = _with_entries(ran, tuple(entries))
    told = again(tmp_path, kept(tmp_path, hang, other), hang)
    (one,) = told.differences
    assert one.what == "history.jsonl"
    assert "another reason" in one.recorded
    assert "calls failed" in one.again
    assert one.at_s == pytest.approx(ran.history.entries[acts[0]].mono_s - _first_due_s(ran))
    assert any(word.startswith("numpy was 0.1 and is") for word in told.changed)
    assert "the machine is another one" in told.changed


def test_a_run_that_was_stopped_is_compared_as_far_as_it_came(
    tmp_path: Path, hang: Material, ran: SimulatedRun
) -> None:
    number = next(n for n, entry in enumerate(ran.history.entries) if isinstance(entry.event, Acted))
    entries = [*ran.history.entries]
    event = msgspec.structs.replace(entries[number].event, detail="another reason")
    entries[number] = msgspec.structs.replace(entries[number], event=event)
    stored = find_run(tmp_path, str(kept(tmp_path, hang, _with_entries(ran, tuple(entries)))))

    def begun(length: int) -> History:
        return dataclasses.replace(ran.history, entries=ran.history.entries[:length])

    assert events_differ(stored.history, begun(number), begun=True) is None
    parted = events_differ(stored.history, begun(number + 1), begun=True)
    assert parted is not None
    assert "another reason" in parted.recorded
    assert over_s(stored) == pytest.approx(ran.history.entries[-1].mono_s - _first_due_s(ran))


def test_what_words_leave_out_is_told_where_nothing_else_differs(
    tmp_path: Path, hang: Material, ran: SimulatedRun
) -> None:
    number = next(n for n, entry in enumerate(ran.history.entries) if isinstance(entry.event, Platform))
    entries = [*ran.history.entries]
    was = entries[number].event
    event = msgspec.structs.replace(was, at_s=was.at_s + 0.01)
    entries[number] = msgspec.structs.replace(entries[number], event=event)
    told = again(tmp_path, kept(tmp_path, hang, _with_entries(ran, tuple(entries))), hang)
    (one,) = told.differences
    assert one.recorded.endswith(f"(at_s {event.at_s!r})")
    assert one.again.endswith(f"(at_s {was.at_s!r})")


def test_of_a_row_that_differs_the_unit_and_what_differs_are_told(
    tmp_path: Path, hang: Material, ran: SimulatedRun
) -> None:
    rows = ran.history.rows.copy()
    rows["status"][3] = 418
    other = dataclasses.replace(ran, history=dataclasses.replace(ran.history, rows=rows))
    files = {**ran.files, OBSERVATIONS: rows.tobytes()}
    path = kept(tmp_path, hang, dataclasses.replace(other, files=files))
    row = next(one for one in again(tmp_path, path, hang).differences if one.what == OBSERVATIONS)
    unit = rows["unit"][3]
    assert row.recorded.startswith(f"row 4, unit {unit} of the ")
    assert row.recorded.endswith(": status 418")
    assert row.again.endswith(": status 200")


def test_code_that_was_changed_since_is_told_and_is_not_asked_where_nothing_differs(
    tmp_path: Path, hang: Material, ran: SimulatedRun
) -> None:
    entries = ran.history.entries
    late = msgspec.structs.replace(entries[9], mono_s=entries[9].mono_s + 1e-9)
    other = _with_entries(ran, (*entries[:9], late, *entries[10:]))
    folder = campaign(tmp_path, hang.experiment)
    keep_run(folder, other, versions=versions(), machine=fingerprint(), abilities=())
    stored = find_run(tmp_path, "kept-one")
    file = msgspec.structs.replace(stored.campaign, code_sha256="before")
    stored = dataclasses.replace(stored, campaign=file)
    run = run_simulated(hang, stored.history.plan)
    told = compare(stored, run, "now")
    assert told.changed == ("the code of the harness or of the system was changed",)
    assert "instant_s" in told.differences[0].recorded
    assert compare(stored, run, "before").changed == ()
    assert compare(dataclasses.replace(stored, history=read_run(stored.folder)), other, "now").changed == ()


@pytest.mark.slow
def test_the_earliest_of_all_that_differs_comes_first(
    tmp_path: Path, small_template: Path, hang: Material
) -> None:
    slow = material(small_template, asked("network.latency", Delay(edge=EDGE, latency_ms=400.0), "reference"))
    (plan,) = make_plans(slow.experiment, 7, "simulation")
    path = kept(tmp_path, slow, run_simulated(slow, plan))
    told = again(tmp_path, path, slow)
    assert told.differences == ()
    (wrong,) = make_plans(hang.experiment, 7, "simulation")
    differ = compare(find_run(tmp_path, str(path)), run_simulated(hang, wrong))
    assert {one.what for one in differ.differences} >= {"history.jsonl", "observations.bin", "journal.jsonl"}
    assert [one.at_s for one in differ.differences] == sorted(one.at_s for one in differ.differences)
    assert "run.started" in differ.differences[0].recorded, "it has another plan"


def test_a_record_that_was_cut_is_nothing_to_compare_with(
    tmp_path: Path, hang: Material, ran: SimulatedRun
) -> None:
    path = kept(tmp_path, hang, ran)
    history = path / "history.jsonl"
    history.write_bytes(history.read_bytes()[:-200])
    with pytest.raises(Untrustworthy, match="no whole record to compare with"):
        again(tmp_path, path, hang)


def test_a_campaign_of_several_runs_lists_them_and_of_one_means_that_one(
    tmp_path: Path, hang: Material, ran: SimulatedRun
) -> None:
    path = kept(tmp_path, hang, ran)
    assert find_run(tmp_path, "kept-one").folder == path
    assert find_run(tmp_path, str(path.parent.parent)).folder == path
    keep_run(path.parent.parent, ran, versions={}, machine="", abilities=())
    with pytest.raises(UsageProblem, match="is a campaign of 2 runs; name one of them; it has: r0001"):
        find_run(tmp_path, "kept-one")
    with pytest.raises(UsageProblem, match="no campaign 'nothing'"):
        find_run(tmp_path, "nothing")
    shutil.rmtree(path.parent)
    path.parent.mkdir()
    with pytest.raises(UsageProblem, match="0 runs; name one of them; it has none"):
        find_run(tmp_path, "kept-one")


def test_a_run_whose_plan_is_lost_is_neither_compared_nor_done_again(
    tmp_path: Path, hang: Material, ran: SimulatedRun
) -> None:
    path = kept(tmp_path, hang, ran)
    assert find_run(tmp_path, f"kept-one/runs/{path.name}").folder == path
    (path / "plan.json").write_text("{}")
    with pytest.raises(Untrustworthy, match=r"has no plan that can be read: .*plan\.json is damaged"):
        find_run(tmp_path, str(path))


def test_an_experiment_that_was_changed_is_refused_and_what_changed_is_named(
    tmp_path: Path, hang: Material, ran: SimulatedRun
) -> None:
    file = ROOT / "experiments" / "smoke" / "kill-one.yaml"
    shutil.copytree(ROOT / "scenarios", tmp_path / "scenarios")
    mine = tmp_path / "experiments" / "smoke" / "mine.yaml"
    mine.parent.mkdir(parents=True)
    mine.write_text(file.read_text())
    before = load_experiment(mine, "test")
    plan = make_plans(before, 7, "simulation")[0]
    history = read_run(kept(tmp_path / "store", hang, ran))
    told = msgspec.structs.replace(
        find_run(tmp_path / "store", "kept-one").campaign, experiment_file=str(mine)
    )
    stored = Stored(tmp_path / "store" / "a" / "runs" / "one", told, _with_plan(history, plan))
    assert same_experiment(stored).sha256 == before.sha256, "measured by another built-in profile"
    mine.write_text(file.read_text() + "# a comment changes nothing\n")
    assert same_experiment(stored).sha256 == before.sha256
    mine.write_text(file.read_text().replace("service: scorer-a", "service: gateway"))
    with pytest.raises(Refused, match=r"episodes\[0\]\.effect\.service was 'scorer-a' and is 'gateway'"):
        same_experiment(stored)
    mine.write_text(file.read_text().replace("arms: [none]", "arms: [bare]"))
    with pytest.raises(Refused, match="no run of arm none"):
        same_experiment(stored)
    mine.unlink()
    with pytest.raises(UsageProblem):
        same_experiment(stored)


@pytest.mark.slow
def test_a_run_can_be_stopped_in_its_middle_and_looked_at(hang: Material, ran: SimulatedRun) -> None:
    injected = next(e.event for e in ran.history.entries if isinstance(e.event, Injected))
    fault_s = injected.effective_at_s - _first_due_s(ran)
    (plan,) = make_plans(hang.experiment, 7, "simulation")
    before, _ = stop_at(hang, plan, fault_s - 0.5)
    assert before.faults == ()
    assert {one.state for one in before.services} == {"ready"}
    during, history = stop_at(hang, plan, fault_s + 1.0)
    assert {one.name: one.state for one in during.services}["scorer-a"] == "hangs (stopped)"
    assert "pause scorer-a" in during.faults[0]
    assert during.units > before.units
    assert '"version":"1.0.0' in during.aliases["registry:/aliases/champion"]
    assert history.entries == ran.history.entries[: len(history.entries)]
    assert history.rows.tobytes() == ran.history.rows.tobytes()[: len(history.rows.tobytes())]
    after, _ = stop_at(hang, plan, fault_s + 6.0)
    assert after.faults == ()
    assert {one.name: one.life for one in after.services}["scorer-a"] == 2
    assert any("decided scorer-a" in words for words in after.healer)


def test_toxics_that_are_in_force_are_shown_on_their_edge(small_template: Path) -> None:
    delayed = asked("network.latency", Delay(edge=EDGE, latency_ms=400.0, duration_s=5.0))
    (plan,) = make_plans(delayed, 7, "simulation")
    seen, _ = stop_at(material(small_template, delayed), plan, plan.episodes[0].inject_at_s + 2.0)
    assert list(seen.toxics) == [EDGE]
    assert "latency 400" in seen.toxics[EDGE][0]


def test_a_second_that_the_run_never_comes_to_is_no_silent_end(hang: Material) -> None:
    (plan,) = make_plans(hang.experiment, 7, "simulation")
    with pytest.raises(Untrustworthy, match=r"the run was over before 1000 s: ended"):
        stop_at(hang, plan, 1000.0)


def _first_due_s(run: SimulatedRun) -> float:
    return next(e.event.at_s for e in run.history.entries if type(e.event).__name__ == "FirstDue")


def _with_entries(run: SimulatedRun, entries: tuple) -> SimulatedRun:
    return dataclasses.replace(run, history=dataclasses.replace(run.history, entries=entries))


def _with_plan(history, plan):
    return dataclasses.replace(history, plan=plan)
