"""The whole line on real processes: kill and hang, with and without the platform, fault and sham."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def hormesis(*arguments, store):
    return subprocess.run(
        [sys.executable, "-m", "harness.frontends.cli", *map(str, arguments)],
        env={"PATH": "/usr/bin:/bin", "HORMESIS_STORE": str(store)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )


@pytest.fixture(scope="module")
def told(live_store, trusted):
    """One command, four runs: what it printed, and the document that it left."""
    command = ("run", "experiments/smoke/demo.yaml", "--profile", "test", "--seed", 11, "--json")

    def once():
        done = hormesis(*command, store=live_store)
        assert done.stdout, done.stderr
        answer = json.loads(done.stdout)
        return done, answer, json.loads((Path(answer["folder"]) / "report.json").read_bytes())

    return trusted(once, lambda seen: seen[2]["verdict"]["why"] if seen[0].returncode == 4 else "")


def episode(document, *, arm, kind, sham=False):
    (run,) = [r for r in document["runs"] if r["arm"] == arm and r["sham"] is sham]
    (found,) = [e for e in run["episodes"] if e["kind"] == kind]
    return found


@pytest.mark.live
def test_an_experiment_that_claims_nothing_ends_0_done(told):
    done, answer, document = told
    assert (done.returncode, answer["exit_code"]) == (0, 0), document["verdict"]["why"]
    assert document["verdict"]["word"] == "DONE"


@pytest.mark.live
def test_a_killed_scorer_is_back_where_the_platform_restarts_and_not_where_nobody_does(told):
    document = told[2]
    restarted = episode(document, arm="none", kind="process.kill")
    assert restarted["cleared_by"] == "platform"
    assert restarted["ended_by"] in {"platform", "absorbed"}
    alone = episode(document, arm="bare", kind="process.kill")
    assert (alone["ended_by"], alone["served"]["recovered_s"]) == ("undo", None)
    assert alone["served"]["lost_s"] == pytest.approx(6.0, abs=0.1)


@pytest.mark.live
@pytest.mark.parametrize("arm", ["none", "bare"])
def test_a_hang_is_healed_by_nobody_who_only_watches_the_process(told, arm):
    hung = episode(told[2], arm=arm, kind="process.hang")
    assert (hung["ended_by"], hung["act"], hung["served"]["recovered_s"]) == ("undo", "", None)


@pytest.mark.live
def test_the_sham_runs_see_no_fault(told):
    for run in told[2]["runs"]:
        if run["sham"]:
            assert run["acts"] == 0
            assert all(e["served"]["impact_s"] is None for e in run["episodes"])


@pytest.mark.live
def test_every_record_of_every_run_ends_exactly_once(told):
    assert [run["exactly_once"] for run in told[2]["runs"]] == [True] * 4


@pytest.mark.live
def test_analyse_on_a_copied_folder_gives_the_same_bytes(told, tmp_path):
    _, answer, _ = told
    copy = tmp_path / "elsewhere"
    shutil.copytree(answer["folder"], copy)
    (copy / "report.json").unlink()
    again = hormesis("analyse", copy, "--json", store=tmp_path / "none")
    assert again.stdout.encode() == (Path(answer["folder"]) / "report.json").read_bytes()


@pytest.mark.live
def test_one_more_byte_in_an_observation_makes_the_campaign_void(told, tmp_path):
    copy = tmp_path / "edited"
    shutil.copytree(told[1]["folder"], copy)
    rows = next(copy.glob("runs/*/observations.bin"))
    rows.write_bytes(rows.read_bytes()[:-1])
    again = hormesis("analyse", copy, store=tmp_path / "none")
    assert again.returncode == 4, again.stdout
