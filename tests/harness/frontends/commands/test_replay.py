"""`hormesis replay`: the same run, or exit 4; told in words; stopped; a real run from its record alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import msgspec
import pytest

from harness.experiment.load import load_experiment
from harness.frontends.cli import main
from harness.history.store import new_run, read_run
from harness.plan.schedule import make_plans, plan_sha256
from harness.run.campaign import run_campaign
from harness.run.template import template_key
from tests.conftest import SMALL

ROOT = Path(__file__).resolve().parents[4]
PROFILE = """\
  profile:
    {base: test, rate_hz: 20, baseline_units: 100, window_s: 1, window_units: 20, hold_s: 2, wash_out_s: 1}
"""


@pytest.fixture(scope="module")
def store(small_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with one campaign of one simulated run."""
    folder = tmp_path_factory.mktemp("replay")
    asked = (ROOT / "experiments" / "smoke" / "kill-one.yaml").read_text()
    asked = asked.replace("../../scenarios/steady.yaml", "small.yaml").replace("sham: true", "sham: false")
    (folder / "one.yaml").write_text(asked.replace("  profile: demo\n", PROFILE))
    (folder / "small.yaml").write_text(f"version: 1\nname: small\nknobs: {json.dumps(SMALL)}\n")
    experiment = load_experiment(folder / "one.yaml")
    store = folder / "store"
    (store / ".templates").mkdir(parents=True)
    (store / ".templates" / template_key(experiment)).symlink_to(small_template)
    plans = make_plans(experiment, 7, "simulation")
    run_campaign(plans, experiment, store=store, seed=7, progress=lambda _: None)
    return store


def run_of(store: Path) -> Path:
    (run,) = (campaign_of(store) / "runs").iterdir()
    return run


def campaign_of(store: Path) -> Path:
    (campaign,) = (one for one in store.iterdir() if (one / "campaign.json").is_file())
    return campaign


def told(capsys: pytest.CaptureFixture[str], *words: object, code: int = 0) -> str:
    ended = main(["replay", *map(str, words)])
    out, err = capsys.readouterr()
    assert ended == code, out + err
    return out + err


def test_a_run_on_a_virtual_clock_comes_again_and_can_be_told(store: Path, capsys) -> None:
    shown = told(capsys, campaign_of(store).name, "--store", store, "--trace")
    assert "the same run to the last bit (ended): " in shown
    lines = shown.splitlines()
    story = [
        "the first unit is due",
        "injected: kill scorer-a: scorer-a.1 is dead",
        "scorer-a: exited (SIGKILL)",
        "ms after the fault: scorer-a: exited (SIGKILL)",
        "scorer-a: started again",
        "fault gone, by the platform",
        "clean proven: scorer-a answers /readyz with 200",
        "none missing, twice, foreign or changed",
        "the run is over: ended",
    ]
    at = [next(n for n, line in enumerate(lines) if words in line) for words in story]
    assert at[:2] == sorted(at[:2])
    assert at[5:] == sorted(at[5:])


def test_it_can_be_stopped_and_what_stood_there_is_one_document(store: Path, capsys) -> None:
    run = run_of(store)
    fault_s = read_run(run).plan.episodes[0].inject_at_s
    shown = json.loads(told(capsys, run, "--store", store, "--until", fault_s + 0.02, "--trace", "--json"))
    assert shown["exit_code"] == 0
    assert {one["name"]: one["life"] for one in shown["snapshot"]["services"]}["scorer-a"] == 2
    assert "registry:/aliases/champion" in shown["snapshot"]["aliases"]
    assert shown["trace"][0]["what"] == "the first unit is due"
    assert max(line["at_s"] for line in shown["trace"]) <= fault_s + 0.005
    assert not any("is not lost" in line["what"] for line in shown["trace"]), "nobody knows yet"
    words = told(capsys, run, "--store", store, "--until", fault_s - 1)
    assert "in force: no fault" in words
    assert "healer: it has said nothing so far" in words
    assert "scorer-a     ready, life 1" in words


def test_a_record_that_does_not_come_again_ends_in_4_with_both_sides(
    store: Path, capsys, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(campaign_of(store), other)
    run = run_of_copy(other)
    shown = told(capsys, run, "--store", store, code=4)
    assert "VOID  " in shown
    assert "the first thing that differs, at " in shown
    assert "in history.jsonl" in shown
    assert "  recorded: at " in shown
    assert "  again:    at " in shown
    as_json = json.loads(told(capsys, run, "--store", store, "--json", code=4))
    assert as_json["exit_code"] == 4
    assert as_json["replayed"]["differences"][0]["what"] == "history.jsonl"


def run_of_copy(campaign: Path, **changed: object) -> Path:
    """Let the run of a campaign be one whose world was another, its plan ``changed``; gives its folder."""
    (run,) = (campaign / "runs").iterdir()
    history, beside = read_run(run), {}
    for name in ("observations.bin", "taint.jsonl", "resends.jsonl", "journal.jsonl"):
        if (run / name).exists():
            beside[name] = (run / name).read_bytes()
    shutil.rmtree(run)
    plan = msgspec.structs.replace(history.plan, **changed)
    plan = msgspec.structs.replace(plan, sha256=plan_sha256(plan))
    stamps = iter([(entry.mono_s, entry.wall) for entry in history.entries])
    kept = new_run(campaign, plan, clock=lambda: next(stamps), versions={}, machine="", abilities=())
    for name, data in beside.items():
        (kept.path / name).write_bytes(data)
    for entry in history.entries[1:-1]:
        kept.writer.append(entry.event)
    kept.finish("ended", world_digest="another")
    return kept.path


def test_a_real_run_is_told_from_its_record_alone_and_not_gone_back_to(
    store: Path, capsys, tmp_path: Path
) -> None:
    other = tmp_path / "local"
    shutil.copytree(campaign_of(store), other)
    run = run_of_copy(other, target="local")
    shown = told(capsys, run, "--store", tmp_path, "--trace")
    assert "injected: kill scorer-a" in shown
    assert "to the last bit" not in shown
    early = told(capsys, run, "--store", tmp_path, "--trace", "--until", 1)
    assert "injected" not in early
    assert "the first unit is due" in early
    assert "--until is for runs on a virtual clock" in told(capsys, run, "--until", 1, code=2)
    with (run / "history.jsonl").open("ab") as file:
        file.write(b"torn")
    assert "cut: " in told(capsys, run, "--store", tmp_path, "--trace", code=4)


def test_what_cannot_be_meant_is_a_usage_error_with_the_way_out(store: Path, capsys) -> None:
    run = run_of(store)
    trace = json.loads(told(capsys, run, "--store", store, "--trace", "--json"))["trace"]
    over_s = max(line["at_s"] for line in trace)
    late = told(capsys, run, "--store", store, "--until", over_s - 0.01)
    assert f"stopped {over_s - 0.01:g} s after the first unit was due" in late, "its audit can be looked at"
    assert "--until 1000000000: this run is over after" in told(capsys, run, "--until", "1e9", code=2)
    assert "no campaign 'nothing'" in told(capsys, "nothing", "--store", store, code=2)
    for name in (run / "history.jsonl", store, store.parent / "one.yaml", "x" * 300):
        assert "help: name a run's folder, like " in told(capsys, name, code=2)
    assert "'/proc/nope/.templates' cannot be written" in told(capsys, run, "--store", "/proc/nope", code=5)


def test_what_a_run_needs_and_is_gone_is_told_in_one_sentence(store: Path, capsys, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(campaign_of(store), other)
    run = run_of(tmp_path)
    (run / "manifest.json").unlink()
    shown = told(capsys, run, "--store", store, code=4)
    assert shown.endswith(
        "/manifest.json cannot be read: no such file or directory; it says how the run was observed\n"
    )
    assert shown.count("manifest.json") == 1
    told_of = json.loads((other / "campaign.json").read_text())
    for file, mend in (
        ("/nowhere/one.yaml", "files that it names"),
        ("no/one.yaml", "counts from where the"),
    ):
        (other / "campaign.json").write_text(json.dumps(told_of | {"experiment_file": file}))
        shown = told(capsys, run, "--store", store, code=2)
        assert f"{run.name} was planned from {file}, which is not there any more" in shown
        assert mend in shown


@pytest.mark.parametrize("changed", [{"arm": "nonesuch"}, {"restart_profile": "nope"}])
def test_a_plan_that_somebody_edited_is_not_played(store: Path, capsys, tmp_path: Path, changed) -> None:
    other = tmp_path / "other"
    shutil.copytree(campaign_of(store), other)
    run = run_of(tmp_path)
    plan = json.loads((run / "plan.json").read_text())
    (run / "plan.json").write_text(json.dumps(plan | changed))
    shown = told(capsys, run, "--store", store, code=4)
    assert "internal error" not in shown


def test_an_experiment_that_came_with_a_campaign_is_not_started(store: Path, capsys, tmp_path: Path) -> None:
    """A campaign may be a copy of somebody else's: it is data."""
    other = tmp_path / "other"
    shutil.copytree(campaign_of(store), other)
    for file in store.parent.glob("*.yaml"):
        shutil.copy(file, other)
    told_of = json.loads((other / "campaign.json").read_text())
    (other / "campaign.json").write_text(json.dumps(told_of | {"experiment_file": str(other / "one.yaml")}))
    assert "never started" in told(capsys, run_of(tmp_path), "--store", store, code=5)
