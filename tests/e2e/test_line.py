"""The whole line on real processes: one fault of each family, with the healer and without, fault and sham."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILE = Path(__file__).parent / "line.yaml"


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


def measured(file, store, trusted):
    """One command: what it printed, what it says of itself, and the document that it left."""

    def once():
        done = hormesis("run", file, "--seed", 11, "--json", store=store)
        assert done.stdout, done.stderr
        answer = json.loads(done.stdout)
        return done, answer, json.loads((Path(answer["folder"]) / "report.json").read_bytes())

    return trusted(once, lambda seen: seen[2]["verdict"]["why"] if seen[0].returncode == 4 else "")


@pytest.fixture(scope="module")
def told(live_store, trusted):
    """Arm reference, a fault run and its sham run."""
    return measured(FILE, live_store, trusted)


@pytest.fixture(scope="module")
def alone(live_store, trusted, tmp_path_factory):
    """The same faults in arm none; its sham run would show nothing that the other one does not."""
    text = FILE.read_text(encoding="utf-8")
    for old, new in (
        ("arms: [reference]", "arms: [none]"),
        ("sham: true", "sham: false"),
        ("    - {no_acts: true}\n", ""),
        ("../../scenarios", str(ROOT / "scenarios")),
    ):
        assert old in text
        text = text.replace(old, new)
    file = tmp_path_factory.mktemp("alone") / "line.yaml"
    file.write_text(text, encoding="utf-8")
    return measured(file, live_store, trusted)


def episode(seen, kind):
    (run,) = [r for r in seen[2]["runs"] if not r["sham"]]
    (found,) = [e for e in run["episodes"] if e["kind"] == kind]
    return found


HELD = ("network.latency", "network.partition", "data.rename_field")


def is_held(one):
    """Served while the fault was there: never felt, or back at least a window before it went."""
    return one["served"]["impact_s"] is None or one["mitigated"] is True


def is_passed(seen):
    done, answer, document = seen
    assert document["verdict"]["word"] == "PASS", document["verdict"]["why"]
    assert (done.returncode, answer["exit_code"]) == (0, 0)


@pytest.mark.live
def test_every_claim_of_the_file_is_met_and_it_ends_0(told):
    is_passed(told)


@pytest.mark.live
@pytest.mark.slow
def test_without_the_healer_every_claim_is_met_too(alone):
    is_passed(alone)


@pytest.mark.live
def test_what_the_system_owes_is_seen_around_every_fault(told):
    debts = [episode["debt"] for run in told[2]["runs"] for episode in run["episodes"]]
    assert debts
    assert all(debt and debt["band"] > 0 and debt["back_s"] is not None for debt in debts)


@pytest.mark.live
@pytest.mark.parametrize("kind", HELD)
def test_with_the_healer_service_is_back_while_the_harm_is_there(told, kind):
    assert is_held(episode(told, kind))


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.parametrize("kind", HELD)
def test_without_it_service_is_not_back_before_the_harm_ends(alone, kind):
    found = episode(alone, kind)
    assert not is_held(found)
    assert (found["ended_by"], found["cleared_by"]) == ("itself", "itself")


@pytest.mark.live
def test_a_renamed_field_is_mapped_so_that_answers_are_full_again(told):
    found = episode(told, "data.rename_field")
    assert found["full_mitigated"] is True
    assert found["act"] == "mapping_set"


@pytest.mark.live
def test_a_hang_is_healed_by_the_healer(told):
    assert is_held(episode(told, "process.hang"))


@pytest.mark.live
@pytest.mark.slow
def test_a_hang_is_healed_by_nobody_who_only_watches_the_process(alone):
    found = episode(alone, "process.hang")
    assert (found["ended_by"], found["act"], found["served"]["recovered_s"]) == ("undo", "", None)


@pytest.mark.live
def test_the_sham_runs_see_no_fault(told):
    for run in told[2]["runs"]:
        if run["sham"]:
            assert (run["acts"], run["degraded_units"]) == (0, 0)
            assert all(e["served"]["impact_s"] is None for e in run["episodes"])


@pytest.mark.live
def test_every_record_of_every_run_ends_exactly_once(told):
    assert [run["exactly_once"] for run in told[2]["runs"]] == [True] * 2


@pytest.mark.live
@pytest.mark.slow
def test_without_the_healer_every_record_ends_exactly_once_too(alone):
    assert [run["exactly_once"] for run in alone[2]["runs"]] == [True]


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
