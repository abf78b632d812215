"""`hormesis history list` and `trend`: every campaign is there, damaged or whole; two are not one."""

from __future__ import annotations

import json
import os
import re
import shutil
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.archive.entries import entries
from harness.archive.entry import Entry, Point
from harness.archive.listing import list_text, trend_text
from harness.archive.trends import is_joined, series
from harness.estimates.quantiles import quantile
from harness.estimates.shares import share
from harness.frontends.cli import main
from tests.harness.archive.archive_kit import pair_rows, stored, stored_pairs, stories
from tests.safety.test_hostile_text import HOSTILE, obeyed
from tests.traps.histories import killed

FIRST, SECOND = "kill-20260101-000000000-s7", "kill-20260108-000000000-s7"


def dated(day: str) -> dict[str, str]:
    return {"id": f"kill-{day.replace('-', '')}-000000000-s7", "started_utc": f"{day}T04:00:00.000+00:00"}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three weeks, the second of them void; and a campaign of pairs."""
    store = tmp_path_factory.mktemp("store")
    stored(store, stories(1.1), **dated("2026-01-15"), harness_version="0.2.0")
    stored(store, stories(), **dated("2026-01-01"))
    stored(store, [killed(baseline_share=0.3), *stories(pairs=7)], **dated("2026-01-08"))
    stored_pairs(store, pair_rows())
    return store


@pytest.fixture
def store(made: Path, tmp_path: Path) -> Path:
    """A copy of those that a test may damage."""
    return Path(shutil.copytree(made, tmp_path / "store", symlinks=True))


@pytest.fixture
def asked(store: Path, capsys: pytest.CaptureFixture[str]):
    def ask(*words: str) -> tuple[int, str, str]:
        code = main(["history", *words, "--store", str(store)])
        out, err = capsys.readouterr()
        return code, out, err

    return ask


def point(times, **changed: object) -> Point:
    one = Point(
        fault="process.kill",
        subject="scorer-a",
        arm="none",
        restart_profile="fast",
        n=len(times),
        back=share(sum(t is not None for t in times), len(times)),
        median=quantile(times, 0.5),
        p90=quantile(times, 0.9),
        horizon_s=10.0,
    )
    return msgspec.structs.replace(one, **changed)


def entry(day: int, times=(1.0, 1.1, 1.2, 1.3, 1.4, 1.5), **changed: object) -> Entry:
    one = Entry(
        id=f"kill-{day:04d}",
        kind="runs",
        system="fraud",
        target="local",
        started_utc=f"2026-01-{day:02d}T04:00:00.000+00:00",
        word="DONE",
        harness_version="0.1.0",
        profile_name="demo",
        classes=(point(times),),
    )
    return msgspec.structs.replace(one, **changed)


def test_the_list_holds_every_campaign_newest_last(asked):
    code, out, _ = asked("list")
    lines = out.splitlines()
    assert code == 0
    assert [line.split()[3] for line in lines[2:]] == [FIRST, SECOND, "kill-20260115-000000000-s7"]
    assert re.search(r"^- +a-kill-\w+ +toy +simulation, dense +DONE +24 +1 +7$", lines[1])
    assert re.search(rf"{SECOND} +fraud +local +VOID +15 +1 +7", out)


def test_since_leaves_out_what_is_older_and_keeps_what_has_no_date(asked):
    _, out, _ = asked("list", "--since", "2026-01-08")
    assert FIRST not in out
    assert SECOND in out
    assert "a-kill-" in out


@pytest.mark.parametrize("day", ["yesterday", "2026-13-01", "2026-1-1", "20260101"])
def test_what_is_no_day_is_a_usage_error(asked, day):
    code, _, err = asked("list", "--since", day)
    assert code == 2
    assert "is no day" in err


def test_list_and_trend_as_json_are_one_document_each(asked):
    listed = json.loads(asked("list", "--json")[1])
    assert [one["word"] for one in listed["campaigns"]] == ["DONE", "DONE", "VOID", "DONE"]
    (one,) = json.loads(asked("trend", "--json")[1])["series"]
    assert [bool(stage["gap"]) for stage in one["stages"]] == [False, False, True, False]


def test_a_store_that_is_not_there_yet_holds_no_campaign(tmp_path, capsys):
    assert main(["history", "list", "--store", str(tmp_path / "absent")]) == 0
    assert capsys.readouterr().out == "no campaign\n"


def _cut(folder: Path) -> None:
    (folder / "campaign.json").write_bytes((folder / "campaign.json").read_bytes()[:40])


def _gone(folder: Path) -> None:
    (folder / "campaign.json").unlink()


def _pipe(folder: Path) -> None:
    (folder / "campaign.json").unlink()
    os.mkfifo(folder / "campaign.json")


def _link(folder: Path) -> None:
    folder.rename(folder.parent.parent / "elsewhere")
    folder.symlink_to(folder.parent.parent / "elsewhere")


def _deep(folder: Path) -> None:
    (folder / "campaign.json").write_text("[" * 100_000)


@pytest.mark.parametrize("damage", [_cut, _gone, _pipe, _link, _deep])
def test_a_damaged_campaign_is_listed_as_damaged_and_ends_nothing(asked, store, damage):
    damage(store / FIRST)
    code, out, err = asked("list")
    assert code == 0
    assert re.search(rf"{FIRST} +- +- +damaged", out)
    assert SECOND in out
    code, out, err = asked("trend")
    assert code == 0
    assert FIRST not in out
    assert f"damaged, in no trend: {FIRST}" in err


def test_pairs_that_are_not_over_or_damaged_are_listed_as_such(asked, store):
    (folder,) = store.glob("a-kill-*")
    (folder / "table.json").write_bytes(b"{")
    assert "damaged" in asked("list")[1]
    (folder / "table.json").unlink()
    assert re.search(r"a-kill-\w+ +- +- +not over", asked("list")[1])


def test_folders_that_are_no_campaigns_are_not_listed(asked, store):
    (store / ".templates").mkdir()
    (store / "notes").mkdir()
    (store / "file.txt").write_text("x")
    _, out, _ = asked("list")
    assert len(out.splitlines()) == 5


@pytest.mark.parametrize("report", [b"", b"{}", b"[" * 100_000, None])
def test_a_report_that_is_none_is_computed_anew_from_the_record(asked, store, report):
    before = asked("list")[1]
    path = store / FIRST / "report.json"
    path.unlink()
    if report is not None:
        path.write_bytes(report)
    assert asked("list")[1] == before


def test_the_report_of_another_campaign_is_not_taken_for_this_one(asked, store):
    before = asked("list")[1]
    shutil.copy(store / SECOND / "report.json", store / FIRST / "report.json")
    assert asked("list")[1] == before


def test_a_history_that_was_changed_after_its_report_is_void(asked, store):
    run = sorted((store / FIRST / "runs").iterdir())[0]
    history = (run / "history.jsonl").read_bytes()
    (run / "history.jsonl").write_bytes(history.replace(b"ledger", b"Ledger", 1)[:-20])
    assert re.search(rf"{FIRST} +fraud +local +VOID", asked("list")[1])


def test_a_run_that_was_taken_away_is_void(asked, store):
    shutil.rmtree(sorted((store / FIRST / "runs").iterdir())[0])
    assert re.search(rf"{FIRST} +fraud +local +VOID", asked("list")[1])


def test_the_trend_tells_figures_gaps_and_breaks(asked):
    _, out, _ = asked("trend")
    lines = out.splitlines()
    assert lines[0] == "process.kill scorer-a, arm none, fast"
    first, void, last = (next(line for line in lines if name in line) for name in (FIRST, SECOND, "0115"))
    assert re.search(r"n 8 +median 1\.1 s \[\d+ ms–1\.\d s\] +p90 needs 8 / 36 +back 8/8", first)
    assert "VOID: 1 of 15 runs cannot be trusted" in void
    assert "median" not in void
    assert "  --- harness 0.1.0 to 0.2.0" in lines[lines.index(void) : lines.index(last)]


def test_medians_of_one_kind_are_joined() -> None:
    (one,) = series([entry(1), entry(2)])
    assert is_joined(*one.stages)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"harness_version": "0.2.0"}, "harness 0.1.0 to 0.2.0"),
        ({"profile_name": "test"}, "profile demo to test"),
        ({"target": "simulation"}, "target local to simulation"),
        ({"system": "other"}, "system fraud to other"),
        ({"pace": "sparse"}, "pace - to sparse"),
        ({"classes": (point((1.0,) * 6, horizon_s=20.0),)}, "watched for 10 s to 20 s"),
    ],
)
def test_where_something_is_another_a_break_is_marked_and_nothing_joined(changed, told) -> None:
    (one,) = series([entry(1), entry(2, **changed)])
    assert one.stages[1].breaks == (told,)
    assert not is_joined(*one.stages)
    assert f"--- {told}" in trend_text([one])


@pytest.mark.parametrize("word", ["VOID", "UNSAFE"])
def test_a_campaign_of_which_no_figure_counts_is_a_gap_on_both_sides(word) -> None:
    (one,) = series([entry(1), entry(2, word=word, why="the witness stalled"), entry(3)])
    first, void, last = one.stages
    assert void.gap == f"{word}: the witness stalled"
    assert not is_joined(first, void)
    assert not is_joined(void, last)


def test_too_few_and_beyond_the_horizon_are_no_figure_and_join_nothing() -> None:
    few, beyond = entry(2, (1.0, 2.0)), entry(3, (None,) * 8)
    (one,) = series([entry(1), few, beyond, entry(4)])
    assert [is_joined(*pair) for pair in pairwise(one.stages)] == [False] * 3
    shown = trend_text([one])
    assert "median needs 2 / 6" in shown
    assert "median > 10 s" in shown


def test_two_classes_are_two_series() -> None:
    other = point((5.0,) * 6, subject="gateway")
    found = series([entry(1, classes=(point((1.0,) * 6), other)), entry(2)])
    assert [(one.subject, len(one.stages)) for one in found] == [("gateway", 1), ("scorer-a", 2)]


@given(st.lists(st.sampled_from(["DONE", "PASS", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE"]), max_size=12))
def test_no_line_ever_begins_or_ends_at_a_gap(words) -> None:
    listed = [entry(day, word=word) for day, word in enumerate(words, start=1)]
    for one in series(listed):
        for before, after in pairwise(one.stages):
            assert is_joined(before, after) == (not {before.word, after.word} & {"VOID", "UNSAFE"})


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_are_shown_and_not_obeyed(hostile) -> None:
    """SR-25: of `hormesis history list` and `trend`."""
    told = {"id": hostile, "title": hostile, "system": hostile, "target": hostile, "word": hostile}
    versions = {"harness_version": hostile, "profile_name": hostile, "started_utc": hostile, "why": hostile}
    named = point((1.0,) * 6, fault=hostile, subject=hostile, arm=hostile, restart_profile=hostile)
    listed = [entry(1, classes=(named,)), entry(2, **told, **versions, classes=(named,))]
    listed.append(entry(3, id=hostile, state="damaged", why=hostile))
    for shown in (list_text(listed), trend_text(series(listed))):
        assert obeyed(shown) == set()
    assert len(list_text(listed).splitlines()) == 5


def test_a_copy_of_the_store_is_listed_the_same(made, store) -> None:
    assert entries(made) == entries(store)


def test_a_link_in_the_place_of_a_report_is_not_followed(asked, store, tmp_path) -> None:
    before = asked("list")[1]
    report = store / FIRST / "report.json"
    shown = json.loads(report.read_text())
    shown["verdict"]["word"] = "PASS"
    (tmp_path / "mine.json").write_text(json.dumps(shown))
    report.unlink()
    report.symlink_to(tmp_path / "mine.json")
    assert asked("list")[1] == before
