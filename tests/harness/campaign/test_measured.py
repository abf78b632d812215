"""Two versions that ran beside each other are weighed pair by pair; one that ran alone is not."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.campaign.gating import weighable
from harness.errors import Refused
from harness.experiment.model import Gate
from harness.frontends.cli import main
from tests.harness.archive.archive_kit import stored, stories
from tests.traps.histories import Outage, Story, never_back

OURS, THEIRS = "kill-20260101-000000000-s7", "kill-20260101-000000000-s7-beside"
LOOSE = Gate(arm="none", slower_s=0.05, excluded_s=0.2, never_excluded_ratio=0.5)
PAIRS = 14


def beside(store: Path, ours: list[Story], theirs: list[Story], **changed: object) -> Path:
    """Two stored campaigns, the first of which names the second; gives its folder."""
    same = {"gate": LOOSE, "pack_sha256": "p"}
    stored(store, theirs, report=False, **(same | {"id": THEIRS, "code_sha256": "old"} | changed))
    return stored(store, ours, report=False, **(same | {"id": OURS, "beside": THEIRS, "code_sha256": "new"}))


def test_each_run_carries_what_the_other_version_did_in_its_pair(tmp_path):
    found = weighable(tmp_path, beside(tmp_path, stories(2.0, pairs=3), stories(1.0, pairs=3)).name)
    assert (found.kind.target, found.kind.arm, found.revision_sha256) == ("local", "none", "new")
    assert found.beside is not None
    assert found.beside[1] == "old"
    for run in found.runs:
        ((ours,), (theirs,)) = run.recoveries, run.beside
        assert ours.label == theirs.label == "process.kill scorer-a, fast"
        assert ours.time_s == pytest.approx(2.0 * theirs.time_s, rel=0.2)


@pytest.mark.parametrize(("factor", "code"), [(1.0, 0), (3.0, 1)])
def test_as_fast_as_beside_passes_and_three_times_slower_fails(tmp_path, capsys, factor, code):
    folder = beside(tmp_path, stories(factor, pairs=PAIRS), stories(1.0, pairs=PAIRS))
    assert main(["gate", str(folder)]) == code
    told = capsys.readouterr()
    assert told.out.startswith("PASS" if code == 0 else "FAIL")
    assert f"beside: {THEIRS}" in told.err


def test_two_pairs_prove_nothing(tmp_path):
    assert main(["gate", str(beside(tmp_path, stories(3.0, pairs=2), stories(pairs=2)))]) == 3


def test_a_pair_whose_other_half_is_missing_is_void(tmp_path, capsys):
    folder = beside(tmp_path, stories(pairs=PAIRS), stories(pairs=PAIRS)[:-4])
    assert main(["gate", str(folder)]) == 4
    assert "of the faults are void" in capsys.readouterr().out


def test_an_unproven_clean_state_of_either_version_is_told(tmp_path):
    broken = [*stories(pairs=5), never_back(arm="none", pair=5, seed=12, state="unsafe")]
    assert main(["gate", str(beside(tmp_path / "a", broken, stories(pairs=6)))]) == 6
    assert main(["gate", str(beside(tmp_path / "b", stories(pairs=6), broken))]) == 6


def test_a_campaign_that_ran_alone_is_refused_and_told_how_to_run_it(tmp_path, capsys):
    assert main(["gate", str(stored(tmp_path, stories(pairs=2), report=False))]) == 5
    assert "hormesis run FILE --against OLD_FILE" in capsys.readouterr().err


def test_another_question_beside_is_refused(tmp_path):
    folder = beside(tmp_path, stories(pairs=2), stories(pairs=2), pack_sha256="another")
    with pytest.raises(Refused, match="another question"):
        weighable(tmp_path, folder.name)
    shutil.rmtree(tmp_path / THEIRS)
    with pytest.raises(Refused, match="does not lie beside it any more"):
        weighable(tmp_path, folder.name)


@pytest.mark.parametrize("words", [["--baseline", "old.json"], ["--keep", "new.json"]])
def test_it_is_compared_with_no_file_and_makes_none(tmp_path, capsys, words):
    folder = beside(tmp_path, stories(pairs=2), stories(pairs=2))
    assert main(["gate", str(folder), *words]) in (2, 5)
    assert "beside" in capsys.readouterr().err


def test_a_ledger_adds_up_what_was_measured_in_several_weeks(tmp_path):
    words = ["--ledger", str(tmp_path / "ledger.json")]
    codes = []
    for week in range(3):
        seed = {"seed": week + 1}
        name = f"week-{week}"
        stored(tmp_path, stories(pairs=5), report=False, id=f"{name}-beside", gate=LOOSE, **seed)
        now = {"id": name, "beside": f"{name}-beside", "gate": LOOSE, **seed}
        folder = stored(tmp_path, stories(3.0, pairs=5), report=False, **now)
        codes += [main(["gate", str(folder), *words]), main(["gate", str(folder), *words])]
    assert codes[0] == codes[1] == 3, "put in twice, it counts once"
    assert codes[-1] == 1


def test_a_campaign_that_was_cut_short_is_void(tmp_path, capsys):
    folder = beside(tmp_path, stories(pairs=PAIRS), stories(pairs=PAIRS), planned_runs=2 * PAIRS + 4)
    assert main(["gate", str(folder)]) == 4
    assert f"{2 * PAIRS} runs were recorded and {2 * PAIRS + 4} were planned" in capsys.readouterr().out


def test_an_unproven_clean_state_is_told_where_no_run_is_beside_it_or_the_arm_is_another(tmp_path):
    whole = stories(pairs=PAIRS)
    last = never_back(arm="none", pair=PAIRS, seed=7 + PAIRS, state="unsafe")
    other_arm = never_back(arm="bare", pair=3, seed=10, state="unsafe")
    assert main(["gate", str(beside(tmp_path / "a", whole, [*whole, last]))]) == 6
    assert main(["gate", str(beside(tmp_path / "b", [*whole, other_arm], whole))]) == 6


def test_a_version_beside_of_which_nothing_counts_is_void_and_no_traceback(tmp_path, capsys):
    shams = [story for story in stories(pairs=3) if story.sham]
    assert main(["gate", str(beside(tmp_path, stories(pairs=3), shams))]) == 4
    assert f"nothing that counts was measured of {THEIRS}" in capsys.readouterr().out


def test_what_could_not_be_trusted_in_one_week_is_no_evidence_in_the_next(tmp_path, capsys):
    words = ["--ledger", str(tmp_path / "ledger.json")]
    told = []
    for week, factor in enumerate((3.0, 3.0, 1.0)):
        same = {"gate": LOOSE, "seed": week + 1, "report": False}
        stored(tmp_path, stories(pairs=5), id=f"week-{week}-beside", **same)
        ours = stories(factor, pairs=5)
        if factor > 1:  # its machine was out of order: outages where nothing was done
            ours = [replace(one, outages=(Outage(0.0, 1.5),)) if one.sham else one for one in ours]
        folder = stored(tmp_path, ours, id=f"week-{week}", beside=f"week-{week}-beside", **same)
        told.append((main(["gate", str(folder), *words]), capsys.readouterr()))
    assert [code for code, _ in told] == [4, 4, 3]
    assert "week-0 is not put into" in told[0][1].err
    assert "5 runs weighed" in told[2][1].out
