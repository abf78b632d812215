"""The store: a campaign reads back the same from a copy, and no damage to it goes unseen."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from harness.errors import Refused, UsageProblem
from harness.experiment.model import PROFILES
from harness.history.events import BaselineMeasured, RunStarted
from harness.history.model import CampaignFile
from harness.history.observations import DTYPE
from harness.history.store import (
    campaign_id,
    find_campaign,
    new_campaign,
    new_run,
    read_campaign,
    read_run,
)
from harness.plan.model import Plan

RUN_FILES = ("manifest.json", "plan.json", "history.jsonl", "observations.bin")

FILE = CampaignFile(
    id="kill-20260101-s7",
    title="kill",
    system="fraud",
    target="local",
    seed=7,
    profile=PROFILES["test"],
    experiment_file="kill.yaml",
    experiment_sha256="e",
    scenario_sha256="s",
    harness_version="0.1.0",
    machine="m",
    started_utc="2026-01-01T00:00:00.000+00:00",
    planned_runs=2,
    objectives=(),
)


def plan(*, sham: bool = False) -> Plan:
    return Plan(
        experiment="kill",
        experiment_sha256="e",
        system="fraud",
        scenario_sha256="s",
        target="local",
        seed=7,
        pair=0,
        arm="none",
        sham=sham,
        restart_profile="fast",
        profile=PROFILES["test"],
        world_s_per_run_s=720.0,
        episodes=(),
        duration_s=10.0,
        sha256="p",
    )


def record_run(campaign: Path, *, sham: bool = False, rows: int = 5) -> Path:
    run = new_run(
        campaign,
        plan(sham=sham),
        clock=lambda: (1.0, "2026-01-01T00:00:00Z"),
        versions={"harness": "0.1.0"},
        machine="m",
    )
    table = np.zeros(rows, dtype=DTYPE)
    table["unit"] = np.arange(rows)
    run.observations.write_bytes(table.tobytes())
    run.writer.append(BaselineMeasured(units=5, bad=0, why=""))
    run.finish("complete")
    return run.path


@pytest.fixture
def campaign(tmp_path: Path) -> Path:
    folder = new_campaign(tmp_path / "store", FILE)
    record_run(folder)
    record_run(folder, sham=True)
    return folder


def test_a_campaign_reads_back_in_the_order_in_which_it_ran(campaign: Path) -> None:
    read = read_campaign(campaign)
    assert read.file == FILE
    assert [run.plan for run in read.runs] == [plan(), plan(sham=True)]
    assert [run.cut for run in read.runs] == ["", ""]
    assert read.runs[0].rows["unit"].tolist() == [0, 1, 2, 3, 4]
    assert isinstance(read.runs[0].entries[0].event, RunStarted)


def test_a_copied_folder_reads_the_same_wherever_it_is(campaign: Path, tmp_path: Path) -> None:
    shutil.copytree(campaign, tmp_path / "Some Other Place")
    shutil.copytree(campaign, tmp_path / "b")
    here, there = read_campaign(campaign), read_campaign(tmp_path / "Some Other Place")
    assert [(r.cut, r.sha256, r.rows.tobytes()) for r in here.runs] == [
        (r.cut, r.sha256, r.rows.tobytes()) for r in there.runs
    ]
    text = b"".join(path.read_bytes() for path in campaign.rglob("*") if path.is_file())
    assert str(tmp_path).encode() not in text


def test_a_run_that_was_never_started_is_visible_in_the_count(tmp_path: Path) -> None:
    folder = new_campaign(tmp_path, FILE)
    record_run(folder)
    read = read_campaign(folder)
    assert len(read.runs) < read.file.planned_runs


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(name=st.sampled_from(RUN_FILES), place=st.floats(0, 1, exclude_max=True))
def test_a_run_cut_at_any_byte_of_any_file_is_readable_and_cut(
    campaign: Path, name: str, place: float
) -> None:
    path = next((campaign / "runs").iterdir()) / name
    whole = path.read_bytes()
    try:
        path.write_bytes(whole[: int(len(whole) * place)])
        assert read_run(path.parent).cut
    finally:
        path.write_bytes(whole)
    assert read_run(path.parent).cut == ""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150, deadline=None)
@given(name=st.sampled_from(RUN_FILES), place=st.floats(0, 1, exclude_max=True), flip=st.integers(1, 255))
def test_a_run_with_any_byte_changed_is_readable_and_cut(
    campaign: Path, name: str, place: float, flip: int
) -> None:
    path = next((campaign / "runs").iterdir()) / name
    whole = path.read_bytes()
    at = int(len(whole) * place)
    try:
        path.write_bytes(whole[:at] + bytes([whole[at] ^ flip]) + whole[at + 1 :])
        assert read_run(path.parent).cut
    finally:
        path.write_bytes(whole)


@pytest.mark.parametrize("name", RUN_FILES)
def test_a_run_without_one_of_its_files_is_cut_and_the_other_run_is_whole(campaign: Path, name: str) -> None:
    (sorted((campaign / "runs").iterdir())[0] / name).unlink()
    first, second = read_campaign(campaign).runs
    assert first.cut
    assert second.cut == ""


def test_lost_observations_are_counted(campaign: Path) -> None:
    path = sorted((campaign / "runs").iterdir())[0] / "observations.bin"
    path.write_bytes(path.read_bytes()[: DTYPE.itemsize * 3 + 10])
    run = read_campaign(campaign).runs[0]
    assert run.cut == "observations.bin holds 3 of 5 rows"
    assert len(run.rows) == 3


def test_a_run_of_another_plan_is_cut(campaign: Path) -> None:
    first, second = sorted((campaign / "runs").iterdir())
    shutil.copy(second / "plan.json", first / "plan.json")
    assert "checksum" in read_campaign(campaign).runs[0].cut


def test_columns_of_another_version_are_not_decoded_as_ours(campaign: Path) -> None:
    path = sorted((campaign / "runs").iterdir())[0] / "manifest.json"
    path.write_bytes(path.read_bytes().replace(b'["due","<f8"]', b'["due","<f4"]'))
    run = read_campaign(campaign).runs[0]
    assert "columns of another version" in run.cut
    assert len(run.rows) == 0


def test_a_campaign_file_edited_after_the_runs_makes_every_run_cut(campaign: Path) -> None:
    path = campaign / "campaign.json"
    path.write_bytes(path.read_bytes().replace(b'"planned_runs": 2', b'"planned_runs": 1'))
    assert all("campaign.json was changed" in run.cut for run in read_campaign(campaign).runs)


@pytest.mark.parametrize("damage", ["missing", "torn", "binary", "empty", "link", "pipe", "folder"])
def test_a_missing_or_damaged_campaign_file_is_a_usage_problem(campaign: Path, damage: str) -> None:
    path = campaign / "campaign.json"
    whole = path.read_bytes()
    path.unlink()
    if damage == "torn":
        path.write_bytes(whole[:-40])
    elif damage == "binary":
        path.write_bytes(bytes(range(256)))
    elif damage == "empty":
        path.touch()
    elif damage == "link":
        (campaign / "elsewhere.json").write_bytes(whole)
        path.symlink_to("elsewhere.json")
    elif damage == "pipe":
        os.mkfifo(path)
    elif damage == "folder":
        path.mkdir()
    with pytest.raises(UsageProblem, match=r"campaign"):
        read_campaign(campaign)


def test_a_folder_that_is_no_campaign_is_a_usage_problem(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        with pytest.raises(UsageProblem, match="no campaign folder"):
            read_campaign(folder)


def test_links_inside_a_campaign_are_not_followed(campaign: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("not yours")
    first, second = sorted((campaign / "runs").iterdir())
    (first / "observations.bin").unlink()
    (first / "observations.bin").symlink_to(secret)
    shutil.move(second, tmp_path / second.name)
    second.symlink_to(tmp_path / second.name)
    runs = read_campaign(campaign).runs
    assert len(runs) == 2
    assert all(run.cut and len(run.rows) == 0 for run in runs)


def test_a_campaign_is_found_by_id_by_path_and_by_the_path_of_a_run(campaign: Path) -> None:
    store = campaign.parent
    run = next((campaign / "runs").iterdir())
    for name in (FILE.id, str(campaign), str(run), str(campaign / "runs")):
        assert find_campaign(store, name).resolve() == campaign.resolve()
    with pytest.raises(UsageProblem, match="no campaign"):
        find_campaign(store, "nothing-here")


@pytest.mark.parametrize("by_id", [True, False])
def test_a_table_of_pairs_is_told_with_the_command_that_reads_it(tmp_path: Path, by_id: bool) -> None:
    pairs = tmp_path / "pairs-20260101-000000000-s7"
    (pairs / "kept").mkdir(parents=True)
    (pairs / "kept" / "campaign.json").write_text("{}")
    with pytest.raises(UsageProblem, match=r"a table of pairs, for `hormesis report`; its whole runs"):
        find_campaign(tmp_path, pairs.name if by_id else str(pairs))


@pytest.mark.parametrize("by_id", [True, False])
def test_pairs_that_are_not_over_are_told_with_the_command_that_says_how_far_they_are(
    tmp_path: Path, by_id: bool
) -> None:
    pairs = tmp_path / "a-kill-0123456789ab"
    (pairs / "parts").mkdir(parents=True)
    (pairs / "question.json").write_text("{}")
    with pytest.raises(UsageProblem, match="of pairs that is not over, for `hormesis report`, and keeps no"):
        find_campaign(tmp_path, pairs.name if by_id else str(pairs))


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("campaign.json", "is a file, and a campaign is a folder, as is a run"),
        ("..", "is a folder, and no campaign and no run of one"),
        ("nothing", "and no such campaign folder"),
        ("x" * 300, "and no such campaign folder"),
    ],
)
def test_what_a_name_leads_to_is_told_where_it_is_no_campaign(
    campaign: Path, tmp_path: Path, name: str, what: str
) -> None:
    with pytest.raises(UsageProblem, match=what):
        find_campaign(tmp_path, os.path.normpath(campaign / name))


def test_a_store_that_nobody_lets_us_look_into_is_refused(
    campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever runs the tests may be root, whom no mode keeps out."""

    def denied(path: Path, **_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(Path, "stat", denied)
    with pytest.raises(Refused, match=r"cannot look at .*: permission denied"):
        find_campaign(campaign.parent, FILE.id)


def test_a_wrong_name_does_not_find_the_campaign_around_it(
    campaign: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(campaign)
    with pytest.raises(UsageProblem, match="no campaign"):
        find_campaign(campaign.parent, "nothing-here")


def test_a_campaign_folder_is_never_written_twice(campaign: Path) -> None:
    with pytest.raises(Refused, match="exists already"):
        new_campaign(campaign.parent, FILE)


@pytest.mark.parametrize("bad", ["../evil", "a", "UPPER", "-first", "x" * 65, "a/b", "a b c", ""])
def test_an_id_that_could_leave_the_store_is_refused(tmp_path: Path, bad: str) -> None:
    with pytest.raises(ValueError, match="no id"):
        new_campaign(tmp_path, msgspec.structs.replace(FILE, id=bad))


def test_a_campaign_id_is_always_an_id() -> None:
    assert campaign_id("Ünïcode / ..", "2026-03-01T10:20:30.456+00:00", 1) == "n-code-20260301-102030456-s1"
    assert campaign_id("!!!", "2026-03-01T10:20:30.456+00:00", 2**31).startswith("campaign-")
