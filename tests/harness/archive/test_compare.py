"""`hormesis compare`: known differences are found, what is not comparable is told, nothing is mixed."""

from __future__ import annotations

import gzip
import json
import re
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from harness.archive.compare_text import comparison_text
from harness.archive.comparing import compare
from harness.archive.comparison import Comparison
from harness.archive.reading import read_side
from harness.campaign.parts import Parts
from harness.experiment.model import PROFILES
from harness.frontends.cli import main
from tests.harness.archive.archive_kit import pair_rows, stored, stored_pairs, stories
from tests.harness.campaign.rows_kit import episode
from tests.safety.test_hostile_text import HOSTILE, obeyed, poisoned
from tests.safety.test_names_stay_names import NASTY
from tests.traps.histories import Story, killed

OLD, NEW = "old-20260101-000000000-s7", "new-20260108-000000000-s7"


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two campaigns of eight pairs: the second is half as slow again, and once not back."""
    folder = tmp_path_factory.mktemp("store")
    stored(folder, stories(), id=OLD)
    stored(folder, stories(1.5, lost=(3,)), id=NEW, harness_version="0.2.0", machine="n")
    return folder


@pytest.fixture
def asked(store: Path, capsys: pytest.CaptureFixture[str]):
    """Run the command; gives its exit code, what it printed and what it told."""

    def ask(*words: str, where: Path = store) -> tuple[int, str, str]:
        code = main(["compare", *words, "--store", str(where)])
        out, err = capsys.readouterr()
        return code, out, err

    return ask


def line(out: str, name: str) -> str:
    return next(one for one in out.splitlines() if one.strip().startswith(name))


def test_what_changed_comes_before_any_figure(asked):
    code, out, _ = asked(OLD, NEW)
    assert code == 0
    assert out.index("what changed in the inputs") < out.index("process.kill")
    assert re.search(r"harness +0\.1\.0 -> 0\.2\.0", out)
    assert re.search(r"machine +m -> n", out)
    assert "scenario" not in out, "what is the same is not listed"


def test_a_class_that_is_slower_in_pairs_is_told_with_its_interval(asked):
    _, out, _ = asked(OLD, NEW)
    assert "paired: one seed, one plan (16 runs; A has 16, B 16)" in out
    assert re.search(r"x1\.[45]\d \[at least 1\.[45]\d\], 8 pairs", line(out, "median"))
    assert "0 / 8" in line(out, "not back")
    assert "1 / 8" in line(out, "not back")
    assert "(A alone 0, B alone 1)" in line(out, "not back")
    assert "> " in line(out, "lost"), "one outlived the horizon, so the mean is the least that was lost"


def test_the_other_way_round_it_is_faster(asked):
    _, out, _ = asked(NEW, OLD)
    assert re.search(r"x0\.6\d \[at most 0\.6\d\]", line(out, "median"))


def test_the_same_campaign_twice_differs_in_nothing(asked):
    code, out, _ = asked(OLD, OLD)
    assert code == 0
    assert "no input differs" in out
    assert "x1.00 [1.00 to 1.00]" in line(out, "median")


def test_a_path_is_as_good_as_an_id(asked, store):
    assert asked(str(store / OLD), str(store / NEW))[1] == asked(OLD, NEW)[1]


def test_json_is_one_document_with_the_same_figures(asked):
    code, out, _ = asked(OLD, NEW, "--json")
    document = json.loads(out)
    assert code == 0
    assert document["paired"] is True
    (one,) = document["classes"]
    assert (one["n_a"], one["n_b"], one["ratio"]["paired"]) == (8, 8, True)
    assert {change["what"] for change in document["changes"]} == {"harness", "machine"}
    assert asked(OLD, NEW, "--json")[1] == out


def test_phases_are_told_where_the_record_has_them(asked):
    _, out, _ = asked(OLD, NEW, "--by", "phase")
    assert "told in 0 of 8" in line(out, "detect"), "no healer told of an alarm: that is no zero"
    assert "needs 0/6 pairs" in line(out, "detect")
    assert "told in 8 of 8" in line(out, "settle")
    assert re.search(r"x1\.5\d \[1\.\d\d to 1\.\d\d\], 7 pairs", line(out, "settle"))
    assert "median" not in out


def test_another_seed_is_not_paired_and_says_so(asked, store, tmp_path):
    other = [replace(one, seed=one.seed + 100) for one in stories(1.5)]
    stored(tmp_path, other, id=NEW, seed=107)
    code, out, _ = asked(str(store / OLD), NEW, where=tmp_path)
    assert code == 0
    assert "not paired: seed 7 and seed 107" in out
    assert re.search(r"x1\.\d\d \[1\.\d\d to 1\.\d\d\], 8 and 8", line(out, "median"))
    assert "alone" not in out


def test_runs_of_which_some_have_no_counterpart_are_not_paired(asked, store, tmp_path):
    late = [replace(one, pair=one.pair + 3) for one in stories(1.5)]
    stored(tmp_path, late, id=NEW)
    _, out, _ = asked(str(store / OLD), NEW, where=tmp_path)
    assert "not paired; 6 of 16 runs have no counterpart" in out


def test_few_pairs_say_how_many_are_needed(asked, tmp_path):
    stored(tmp_path, stories(pairs=3), id=OLD)
    stored(tmp_path, stories(2.0, pairs=3), id=NEW)
    code, out, _ = asked(OLD, NEW, where=tmp_path)
    assert code == 0
    assert "cannot tell: needs 3/6 pairs" in line(out, "median")


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"tau_s": 9.0}, "tau (s): 6 in A, 9 in B"),
        ({"window_s": 0.75}, "W (s): 0.5 in A, 0.75 in B"),
        ({"hold_s": 2.0}, "H (s): 1.5 in A, 2 in B"),
        ({"rate_hz": 201.0}, "units a second: 200 in A, 201 in B"),
        ({"margin_ratio": 0.02}, "margin: 0.01 in A, 0.02 in B"),
    ],
)
def test_another_measure_is_refused_and_holds_no_figure(asked, store, tmp_path, changed, told):
    profile = msgspec.structs.replace(PROFILES["test"], **changed)
    stored(tmp_path, [killed(profile=profile)], id=NEW, profile=profile)
    code, out, err = asked(str(store / OLD), NEW, where=tmp_path)
    assert code == 5
    assert told in out
    assert told in err
    assert "median" not in out
    code, out, _ = asked(str(store / OLD), NEW, "--json", where=tmp_path)
    assert code == 5
    assert (json.loads(out)["refused"], json.loads(out)["classes"]) == ([told], [])


def test_another_target_is_refused(asked, store, tmp_path):
    stored(tmp_path, [killed()], id=NEW, target="simulation")
    code, _, err = asked(str(store / OLD), NEW, where=tmp_path)
    assert code == 5
    assert "target: local in A, simulation in B" in err


def test_a_knob_that_changes_no_meaning_is_told_and_does_not_refuse(asked, store, tmp_path):
    profile = msgspec.structs.replace(PROFILES["test"], load_batch=7)
    stored(tmp_path, [killed(profile=profile)], id=NEW, profile=profile)
    code, out, _ = asked(str(store / OLD), NEW, where=tmp_path)
    assert code == 0
    assert re.search(r"profile, load_batch +\d+ -> 7", out)


def test_of_a_void_campaign_no_figure_is_compared(asked, store, tmp_path):
    stored(tmp_path, [killed(), Story(audit=None, baseline_share=0.3)], id=NEW)
    code, out, err = asked(str(store / OLD), NEW, where=tmp_path)
    assert code == 4
    assert "B is VOID, no figure of it counts" in err
    assert "B is VOID, no figure of it counts" in out
    assert "what changed in the inputs" in out
    assert "median" not in out


def test_classes_of_one_side_alone_are_listed(asked, store, tmp_path):
    stored(tmp_path, [killed(kind="process.hang", seed=7)], id=NEW)
    code, out, _ = asked(str(store / OLD), NEW, where=tmp_path)
    assert code == 0, "arm none is in both: its false heals are compared"
    assert "only in A: process.kill scorer-a none fast" in out
    assert "only in B: process.hang scorer-a none fast" in out


def test_what_is_no_campaign_is_a_usage_error(asked):
    assert asked(OLD, "nothing-like-it")[0] == 2


def test_an_edited_history_is_void_and_not_compared(asked, store, tmp_path):
    folder = stored(tmp_path, stories(), id=NEW)
    run = next((folder / "runs").iterdir())
    rows = bytearray((run / "observations.bin").read_bytes())
    rows[100] ^= 1
    (run / "observations.bin").write_bytes(rows)
    assert asked(str(store / OLD), NEW, where=tmp_path)[0] == 4


def test_an_edited_report_changes_nothing_because_figures_come_from_the_record(asked, store, tmp_path):
    folder = stored(tmp_path, stories(1.5, lost=(3,)), id=NEW, harness_version="0.2.0", machine="n")
    report = (folder / "report.json").read_text()
    (folder / "report.json").write_text(report.replace('"process.kill"', '"process.hang"'))
    assert asked(str(store / OLD), NEW, where=tmp_path)[1] == asked(OLD, NEW)[1]


def test_pairs_are_compared_by_their_rows(asked, tmp_path):
    a = stored_pairs(tmp_path, pair_rows())
    b = stored_pairs(tmp_path, pair_rows(2.0), code_sha256="c")
    code, out, _ = asked(a.name, b.name, where=tmp_path)
    assert code == 0
    assert "paired: one seed and experiment; no plan was kept by both (24 runs; A has 24, B 24)" in out
    assert "x2.00 [2.00 to 2.00], 12 pairs" in line(out, "median")
    assert "code, sha256" in out
    assert "cannot tell: they come in clusters" in out or "x1" in out.split("false heals")[1]


def test_pairs_of_another_experiment_have_no_measure_that_is_known_to_be_the_same(asked, tmp_path):
    a = stored_pairs(tmp_path, pair_rows())
    b = stored_pairs(tmp_path, pair_rows(), experiment_sha256="f")
    code, _, err = asked(a.name, b.name, where=tmp_path)
    assert code == 5
    assert "profile: not in the record in A, not in the record in B" in err


def test_another_pace_is_refused(asked, tmp_path):
    a, b = stored_pairs(tmp_path, pair_rows()), stored_pairs(tmp_path, pair_rows(), pace="sparse")
    code, _, err = asked(a.name, b.name, where=tmp_path)
    assert code == 5
    assert "pace: dense in A, sparse in B" in err


def test_a_class_watched_for_another_time_is_told_and_not_compared(tmp_path):
    longer = [list(runs) for runs in pair_rows()]
    for runs in longer:
        runs[0] = msgspec.structs.replace(runs[0], episodes=(episode(900, 900, horizon_ms=12_000),))
    a = read_side(tmp_path, str(stored_pairs(tmp_path / "a", pair_rows())))
    b = read_side(tmp_path, str(stored_pairs(tmp_path / "b", longer)))
    (one,) = compare(a, b).classes
    assert "watched for 10 s in A and 12 s in B" in one.why
    assert not one.ratio.tells()


def test_phases_of_pairs_are_refused_because_rows_hold_none(asked, tmp_path):
    a = stored_pairs(tmp_path, pair_rows())
    code, _, err = asked(a.name, a.name, "--by", "phase", where=tmp_path)
    assert code == 5
    assert "hold no phases" in err


def test_pairs_that_are_not_over_are_refused(asked, tmp_path):
    a = stored_pairs(tmp_path, pair_rows())
    (a / "verdict.json").unlink()
    code, _, err = asked(a.name, a.name, where=tmp_path)
    assert code == 5
    assert "is not over" in err


def test_parts_that_are_not_those_of_the_table_are_void(asked, tmp_path):
    a, other = stored_pairs(tmp_path, pair_rows()), stored_pairs(tmp_path / "x", pair_rows(pairs=11))
    part = a / "parts" / "0000001.jsonl.gz"
    part.write_bytes((other / "parts" / "0000000.jsonl.gz").read_bytes())
    code, _, err = asked(a.name, a.name, where=tmp_path)
    assert code == 4
    assert "is of another campaign" in err
    Parts(a).write(1, Parts(other).read(0))
    code, _, err = asked(a.name, a.name, where=tmp_path)
    assert code == 4
    assert "are not those that its table was made of" in err
    part.write_bytes(gzip.compress(b"{}"))
    assert asked(a.name, a.name, where=tmp_path)[0] == 4


def test_runs_and_pairs_on_one_target_need_one_pace_and_one_measure(asked, store, tmp_path):
    pairs = stored_pairs(tmp_path, pair_rows())
    code, _, err = asked(str(store / OLD), pairs.name, where=tmp_path)
    assert code == 5
    assert "target: local in A, simulation in B" in err
    assert "profile: test in A, not in the record in B" in err


@pytest.mark.parametrize("hostile", HOSTILE)
def test_hostile_names_are_shown_and_not_obeyed(store, hostile):
    """SR-25: of `hormesis compare`."""
    found = compare(read_side(store, OLD), read_side(store, NEW))
    plain = msgspec.to_builtins(found)
    plain["only_a"] = plain["only_b"] = [hostile]
    dirty = msgspec.convert(poisoned(plain, hostile), Comparison)
    refused = msgspec.structs.replace(dirty, refused=(hostile,))
    for by in ("class", "phase"):
        for one in (dirty, refused):
            shown = comparison_text(one, by)
            assert obeyed(shown) == set()
        clean = comparison_text(msgspec.structs.replace(found, only_a=("x",), only_b=("x",)), by)
        assert len(comparison_text(dirty, by).splitlines()) <= len(clean.splitlines()) + 2


@pytest.mark.parametrize("name", NASTY)
def test_a_name_is_a_name_and_leads_nowhere_else(store, capsys, monkeypatch, name):
    """SR-23."""
    monkeypatch.chdir(store)
    code = main(["compare", name, OLD, "--store", str(store)])
    assert code == (0 if name == "--help" else 2)
    assert "Traceback" not in capsys.readouterr().err


def test_links_in_a_campaign_of_pairs_are_not_followed(asked, tmp_path):
    """SR-23."""
    a = stored_pairs(tmp_path, pair_rows())
    (a / "parts").rename(tmp_path / "elsewhere")
    (a / "parts").symlink_to(tmp_path / "elsewhere")
    code, _, err = asked(a.name, a.name, where=tmp_path)
    assert code == 4
    assert "is a link" in err


def test_a_part_that_unpacks_to_more_than_any_part_holds_is_void(asked, tmp_path):
    """SR-24: 65 MiB of zeros are 64 kB as they lie there."""
    a = stored_pairs(tmp_path, pair_rows())
    (a / "parts" / "0000000.jsonl.gz").write_bytes(gzip.compress(bytes(65 * 1024**2)))
    code, _, err = asked(a.name, a.name, where=tmp_path)
    assert code == 4
    assert "it is no part" in err
