"""A chunk of real simulated runs: the same rows whoever does it, and a worker of another code refuses it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.campaign.kept import keep, runs_again, sampled_pairs
from harness.campaign.model import Question, RunRow
from harness.campaign.table import Ending, table_of
from harness.campaign.tally import Tally
from harness.campaign.worker import Chunk, material_of
from harness.errors import Refused
from harness.history.store import read_campaign
from harness.report.compose import compose
from harness.run.code import code_sha256
from tests.harness.campaign.campaign_kit import chunk_of, written
from tests.harness.campaign.rows_kit import question


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, small_template: Path) -> Chunk:
    return chunk_of(written(tmp_path_factory.mktemp("asked"), "none", sham=True), small_template)


@pytest.fixture(scope="module")
def rows(work: Chunk) -> tuple[RunRow, ...]:
    return work(1)


def test_a_chunk_holds_the_runs_of_its_pairs_in_order_and_each_counts(work: Chunk, rows: tuple[RunRow, ...]):
    assert [one.pair for one in rows] == [1, 1]
    assert sorted(one.sham for one in rows) == [False, True]
    assert [one.doubt() for one in rows] == ["", ""]
    assert all(one.units > 300 and one.exactly_once and one.available_ppm for one in rows)
    hurt = next(one for one in rows if not one.sham)
    (hang,) = hurt.episodes
    assert (hang.index, hang.kind, hang.subject, hang.horizon_ms) == (0, "process.hang", "gateway", 13_000)
    assert hang.tau_ms == 10_000
    assert hang.impact_ms is not None
    assert hang.recovered_ms is not None
    assert 2000 < hang.recovered_ms < 5000


def test_of_sham_runs_alone_a_chunk_holds_those_of_both_and_nothing_was_done_in_them(
    work: Chunk, rows: tuple[RunRow, ...]
):
    alone = replace(work, question=msgspec.structs.replace(work.question, sham_only=True))
    assert alone(1) == tuple(one for one in rows if one.sham)


def test_at_sparse_pace_the_same_plan_is_another_world_and_its_record_says_so(
    work: Chunk, rows: tuple[RunRow, ...], tmp_path: Path
):
    sparse = replace(work, question=msgspec.structs.replace(work.question, pace="sparse", sham_only=True))
    (told,) = sparse(1)
    assert told.digest != next(one for one in rows if one.sham).digest
    assert (
        keep(sparse, runs_again(sparse, (told,), 0, {1: (told,)}.__getitem__), tmp_path, lambda _: None) == []
    )
    (manifest,) = tmp_path.glob("kept/runs/*/manifest.json")
    assert msgspec.json.decode(manifest.read_bytes())["pace"] == "sparse"


def test_the_rows_are_the_same_once_more(work: Chunk, rows: tuple[RunRow, ...]):
    assert work(1) == rows


def test_runs_done_again_are_the_same_and_kept_as_a_campaign(
    work: Chunk, rows: tuple[RunRow, ...], tmp_path: Path
):
    told: list[str] = []
    again = runs_again(work, rows[:1], 0, {1: rows}.__getitem__)
    assert [one.row for one in again] == [rows[0]]
    again = runs_again(work, rows, 0, {1: rows}.__getitem__)
    assert keep(work, again, tmp_path, told.append) == []
    assert told == ["audit: run 1 of 2 done again", "audit: run 2 of 2 done again"]
    kept = read_campaign(tmp_path / "kept").runs
    assert [(one.cut, one.plan.pair, one.plan.sham) for one in kept] == [("", 1, row.sham) for row in rows]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["kept"]


def test_figures_of_a_campaign_are_those_that_analyse_gives_of_its_kept_runs(
    work: Chunk, rows: tuple[RunRow, ...], tmp_path: Path
):
    """To the millisecond: rows hold no finer times."""
    assert keep(work, runs_again(work, rows, 0, {1: rows}.__getitem__), tmp_path, lambda _: None) == []
    document = compose(tmp_path / "kept")
    assert document.verdict.word == "DONE"
    tally = Tally()
    tally.add_pair(rows)
    table = table_of(work.question, tally, Ending(stopped="", digest=""))
    (one,), (line,) = document.estimates.classes, table.classes
    assert (line.fault, line.subject, line.arm) == (one.fault, one.service, one.arm)
    assert (line.n, line.void, line.tau_s) == (one.n, one.void, one.tau_s)
    assert (line.impact, line.recovered, line.ended_by) == (one.impact, one.recovered, one.ended_by)
    assert line.lost_s.mean == pytest.approx(one.lost_s.mean, abs=0.0006)
    (arm,), (other,) = document.estimates.arms, table.arms
    assert arm.false_heals is not None
    assert (other.false_heals.k, other.false_heals.blind) == (arm.false_heals.k, arm.false_heals.blind)
    assert other.false_heals.hours == pytest.approx(arm.false_heals.hours, abs=2e-6)
    assert (other.exactly_once, other.availability) == (arm.exactly_once, arm.sham_availability)


def test_a_run_that_is_another_when_done_again_is_named(
    work: Chunk, rows: tuple[RunRow, ...], tmp_path: Path
):
    (tmp_path / ".kept").mkdir()
    forged = (msgspec.structs.replace(rows[0], digest="0" * 32), msgspec.structs.replace(rows[1], units=1))
    again = runs_again(work, forged, 0, {1: forged}.__getitem__)
    first, second = keep(work, again, tmp_path, lambda _: None)
    assert first == f"{rows[0].name()} (digest {rows[0].digest}, not {'0' * 32})"
    assert second == f"{rows[1].name()} (its world is the same, and its figures are not)"


def test_what_has_no_world_is_not_done_again(work: Chunk, rows: tuple[RunRow, ...], tmp_path: Path):
    """What killed its worker would kill us."""
    dead = tuple(msgspec.structs.replace(one, digest="", why="workers died over it") for one in rows)
    assert runs_again(work, dead, 2, {0: dead, 1: dead}.__getitem__) == []
    (tmp_path / "kept").mkdir()
    assert keep(work, [], tmp_path, lambda _: None) == []
    assert list(tmp_path.iterdir()) == [], "what an earlier attempt kept is of other runs"


def test_the_sample_is_drawn_by_the_seed_and_lies_among_the_pairs():
    asked = [question(seed=seed) for seed in range(20)]
    drawn = [sampled_pairs(one, 5000) for one in asked]
    assert drawn == [sampled_pairs(one, 5000) for one in asked]
    assert all(len(set(one)) == 5 and 0 <= min(one) <= max(one) < 5000 for one in drawn)
    assert len({tuple(one) for one in drawn}) == 20


@pytest.mark.parametrize("changed", ["code_sha256", "experiment_sha256"])
def test_a_worker_with_another_code_or_another_file_refuses(work: Chunk, changed: str):
    other: Question = msgspec.structs.replace(work.question, **{changed: "0" * 64})
    with pytest.raises(Refused, match="a worker cannot do this campaign"):
        material_of(other, work.place)


def test_the_code_is_known_by_its_content_alone(tmp_path: Path):
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    empty = code_sha256(tmp_path / "a")
    for name in "ab":
        (tmp_path / name / "service.py").write_text("x = 1\n")
        (tmp_path / name / "notes.txt").write_text(name)
    one = code_sha256(tmp_path / "a")
    assert one == code_sha256(tmp_path / "b") != empty
    (tmp_path / "a" / "service.py").write_text("x = 2\n")
    assert code_sha256(tmp_path / "a") != one


def test_a_run_that_raises_is_a_row_that_says_so(work: Chunk, tmp_path: Path, small_template: Path):
    """The world cannot be opened: its folder has gone after the material was read."""
    template = tmp_path / "template"
    template.symlink_to(small_template)
    lost = Chunk(work.question, replace(work.place, template=str(template)))
    material_of(lost.question, lost.place)
    template.unlink()
    (one, other) = lost(0)
    assert one.why
    assert other.why
    assert one.digest == other.digest == ""


def test_costs_beside_the_code_decide_runs_as_code_does(tmp_path: Path) -> None:
    (tmp_path / "costs.json").write_text('{"boot_s": 0.1}')
    one = code_sha256(tmp_path)
    (tmp_path / "costs.json").write_text('{"boot_s": 0.2}')
    assert code_sha256(tmp_path) != one
