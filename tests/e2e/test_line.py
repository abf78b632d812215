"""The whole line on real processes: one fault of each family, with the healer and without, fault and sham."""

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
        timeout=400,
        check=False,
    )


@pytest.fixture(scope="module")
def told(live_store, trusted):
    """One command, four runs: what it printed, and the document that it left."""
    command = ("run", "tests/e2e/line.yaml", "--seed", 11, "--json")

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


HELD = ("network.latency", "network.partition", "data.rename_field")


def is_held(one):
    """Served while the fault was there: never felt, or back at least a window before it went."""
    return one["served"]["impact_s"] is None or one["mitigated"] is True


@pytest.mark.live
def test_every_claim_of_the_file_is_met_and_it_ends_0(told):
    done, answer, document = told
    assert document["verdict"]["word"] == "PASS", document["verdict"]["why"]
    assert (done.returncode, answer["exit_code"]) == (0, 0)


@pytest.mark.live
@pytest.mark.parametrize("kind", HELD)
def test_with_the_healer_service_is_back_while_the_harm_is_there(told, kind):
    assert is_held(episode(told[2], arm="reference", kind=kind))


@pytest.mark.live
@pytest.mark.parametrize("kind", HELD)
def test_without_it_service_is_not_back_before_the_harm_ends(told, kind):
    found = episode(told[2], arm="none", kind=kind)
    assert not is_held(found)
    assert (found["ended_by"], found["cleared_by"]) == ("itself", "itself")


@pytest.mark.live
def test_a_renamed_field_is_mapped_so_that_answers_are_full_again(told):
    found = episode(told[2], arm="reference", kind="data.rename_field")
    assert found["full_mitigated"] is True
    assert found["act"] == "mapping_set"


@pytest.mark.live
def test_a_kill_is_the_platforms_matter_in_both_arms(told):
    for arm in ("reference", "none"):
        found = episode(told[2], arm=arm, kind="process.kill")
        assert found["cleared_by"] == "platform"
        assert found["served"]["recovered_s"] is not None or found["ended_by"] == "absorbed"


@pytest.mark.live
def test_a_hang_is_healed_by_the_healer_and_by_nobody_who_only_watches_the_process(told):
    assert is_held(episode(told[2], arm="reference", kind="process.hang"))
    alone = episode(told[2], arm="none", kind="process.hang")
    assert (alone["ended_by"], alone["act"], alone["served"]["recovered_s"]) == ("undo", "", None)


@pytest.mark.live
def test_the_sham_runs_see_no_fault(told):
    for run in told[2]["runs"]:
        if run["sham"]:
            assert (run["acts"], run["degraded_units"]) == (0, 0)
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
