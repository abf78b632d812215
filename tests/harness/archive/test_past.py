"""What a report shows of the campaigns before it: kept beside the runs, from the store as it was then."""

import json
import re
import shutil

import msgspec
import pytest

from harness.archive.past import past_of, remember
from harness.report.compose import compose, decode, encode
from harness.report.html import render
from harness.report.panels import summary, weeks
from tests.harness.archive.archive_kit import stored, stories
from tests.harness.report.test_html import unknown


def begun(store, day, factor=1.0, *, told=None, **changed):
    """A campaign of the one question, begun on a day of January."""
    inputs = {"id": f"kill-2026-{day:02d}", "started_utc": f"2026-01-{day:02d}T04:00:00Z", **changed}
    return stored(store, stories(factor) if told is None else told, **inputs)


def cut(store, day):
    """A campaign of which a run is missing: VOID."""
    return begun(store, day, told=stories()[:-1], planned_runs=16, harness_version="0.2.0")


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Six campaigns: another harness from the third on, the fifth VOID, the sixth 1.7 times as slow."""
    store = tmp_path_factory.mktemp("past")
    begun(store, 1, harness_version="0.1.0")
    begun(store, 2, 1.1, harness_version="0.1.0")
    begun(store, 3, harness_version="0.2.0")
    begun(store, 4, 1.05, harness_version="0.2.0")
    cut(store, 5)
    begun(store, 6, 1.7, harness_version="0.2.0")
    return store


@pytest.fixture(scope="module")
def last(store):
    assert remember(store / "kill-2026-06")
    return store / "kill-2026-06"


@pytest.fixture(scope="module")
def document(last):
    return decode((last / "report.json").read_bytes())


def test_the_first_campaign_of_a_question_has_no_past(store):
    before = (store / "kill-2026-01" / "report.json").read_bytes()
    assert not remember(store / "kill-2026-01")
    assert not (store / "kill-2026-01" / "past.json").exists()
    assert (store / "kill-2026-01" / "report.json").read_bytes() == before
    assert compose(store / "kill-2026-01").past is None


def test_earlier_ones_are_there_in_order_with_gaps_and_breaks(document):
    past = document.past
    assert [one.id[-2:] for one in past.campaigns] == ["01", "02", "03", "04", "05"]
    assert [bool(one.gap) for one in past.campaigns] == [False, False, False, False, True]
    assert [list(one.breaks) for one in past.campaigns[:3]] == [[], [], ["harness 0.1.0 to 0.2.0"]]
    assert past.campaigns[4].scores == past.campaigns[4].classes == ()


def test_a_later_campaign_and_another_question_are_not_the_past(store, tmp_path):
    shutil.copytree(store, tmp_path / "store")
    begun(tmp_path / "store", 2, id="other-2026", title="another question")
    begun(tmp_path / "store", 9)
    (tmp_path / "store" / "linked").symlink_to(store / "kill-2026-01")
    past = past_of(tmp_path / "store" / "kill-2026-03")
    assert [one.id[-2:] for one in past.campaigns] == ["01", "02"]


def test_the_last_one_of_which_figures_count_is_compared_with(document):
    since = document.past.since
    assert since.id == "kill-2026-04"
    (found,) = since.classes
    assert found.ratio.low > 1
    assert found.before.value_s == pytest.approx(1.1, abs=0.1)


def test_the_band_says_what_changed_and_what_became_slower(document):
    band = summary.band(document)
    assert band.since.changed == "Same inputs as in kill-2026-04 (DONE, 2026-01-04 04:00 UTC)."
    assert re.fullmatch(
        r"Process killed, scorer-a, arm none, fast, takes longer than then: "
        r"x1\.\d\d \[1\.\d\d to .*\], 8 pairs\.",
        band.since.compared,
    )
    assert band.commands[-1] == "hormesis compare kill-2026-04 kill-2026-06"
    page = render(document)
    assert page.index("Same inputs as in") < page.index('class="tiles"')


def test_an_input_that_changed_is_named(store, tmp_path):
    shutil.copytree(store, tmp_path / "store")
    assert remember(tmp_path / "store" / "kill-2026-03")
    report = (tmp_path / "store" / "kill-2026-03" / "report.json").read_bytes()
    changed = summary.band(decode(report)).since.changed
    assert "harness 0.1.0 → 0.2.0" in changed


def test_what_measures_otherwise_is_not_compared_and_says_why(store, tmp_path):
    shutil.copytree(store, tmp_path / "store")
    profile = compose(store / "kill-2026-01").inputs.profile
    other = msgspec.structs.replace(profile, hold_s=profile.hold_s + 1)
    assert remember(begun(tmp_path / "store", 8, profile=other))
    document = decode((tmp_path / "store" / "kill-2026-08" / "report.json").read_bytes())
    assert document.past.since.classes == ()
    assert "H (s)" in document.past.since.refused
    told = summary.band(document).since
    assert told.compared.startswith("Not compared")


def test_the_same_folder_gives_the_same_bytes_where_there_is_no_store(last, tmp_path):
    shutil.copytree(last, tmp_path / "alone" / last.name)
    assert encode(compose(tmp_path / "alone" / last.name)) == (last / "report.json").read_bytes()
    assert render(compose(tmp_path / "alone" / last.name)) == (last / "report.html").read_text("utf-8")


def test_every_number_about_the_past_is_in_the_json(document):
    assert "Time by time" in render(document)
    assert unknown(document, render(document)) == set()


def test_no_line_crosses_a_void_campaign_or_another_harness(document):
    panel = weeks.weeks(document)
    assert panel.notes == ("harness 0.1.0 to 0.2.0",)
    lines = re.findall(r'<path d="([^"]*)" class="curve arm-none"/>', panel.picture)
    assert [line.count("L") + 1 for line in lines] == [2, 2]  # 1 and 2; 3 and 4; 6 stands alone
    assert len(re.findall(r'class="gap"', panel.picture)) == 1
    assert len(re.findall(r'class="point median"', panel.picture)) == 5
    (small,) = panel.classes
    assert len(re.findall(r'class="curve arm-none"', small.picture)) == 2


def test_the_median_of_the_last_time_is_a_tick_in_the_table(document):
    assert 'class="before"' in render(document)


def test_a_damaged_campaign_is_a_gap_that_names_no_path(store, tmp_path):
    shutil.copytree(store, tmp_path / "store")
    damaged = tmp_path / "store" / "kill-2026-02"
    shutil.rmtree(damaged / "runs")
    (damaged / "report.json").unlink()
    assert remember(tmp_path / "store" / "kill-2026-03")
    past = decode((tmp_path / "store" / "kill-2026-03" / "report.json").read_bytes()).past
    assert past.campaigns[1].gap
    assert str(tmp_path) not in json.dumps(msgspec.to_builtins(past))


def test_what_was_kept_and_is_damaged_is_told_as_a_check_that_is_not_ok(last, tmp_path):
    shutil.copytree(last, tmp_path / last.name)
    (tmp_path / last.name / "past.json").write_text("{")
    document = compose(tmp_path / last.name)
    assert document.past is None
    assert [check.value for check in document.trust if not check.ok] == ["past.json is damaged"]


def test_only_the_newest_are_kept(last):
    assert [one.id[-2:] for one in past_of(last, most=2).campaigns] == ["04", "05"]
