"""`hormesis gate`: a baseline kept, versions judged against it, a ledger that goes on."""

from __future__ import annotations

import json
from pathlib import Path

import msgspec
import pytest
from junitparser import JUnitXml

from harness.campaign.engine import DECIDED, run_chunks
from harness.campaign.gating import Decided, read_baseline
from harness.campaign.judging import judge_campaign
from harness.campaign.outcomes import kind_of
from harness.campaign.parts import Parts, held
from harness.campaign.tally import Tally
from harness.experiment.model import Gate
from harness.frontends.cli import main
from tests.harness.campaign.campaign_kit import Toy
from tests.harness.campaign.gating_kit import Timed, stored
from tests.harness.campaign.rows_kit import question


@pytest.fixture
def baseline(tmp_path: Path) -> Path:
    """A baseline of a stored campaign."""
    file = tmp_path / "baseline.json"
    assert main(["gate", str(stored(tmp_path, 1)), "--keep", str(file)]) == 0
    return file


def judged(folder: Path, baseline: Path, *more: str) -> int:
    """The exit code."""
    return main(["gate", str(folder), "--baseline", str(baseline), *more])


def test_the_same_version_passes_and_a_slower_one_fails(tmp_path, baseline, capsys) -> None:
    assert judged(stored(tmp_path, 2), baseline) == 0
    out, err = capsys.readouterr()
    assert "\nPASS: " in f"\n{out}"
    assert "not slower than x2 and 500 ms (evidence" in out
    assert "made 20" in err
    assert judged(stored(tmp_path, 3, slower=2.5), baseline) == 1
    assert capsys.readouterr().out.startswith("FAIL: ")


def test_too_little_is_inconclusive(tmp_path, baseline) -> None:
    assert judged(stored(tmp_path, 2, pairs=4), baseline) == 3


def test_the_json_document_says_what_was_weighed(tmp_path, baseline, capsys) -> None:
    folder = stored(tmp_path, 2)
    capsys.readouterr()
    assert judged(folder, baseline, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["verdict"]["word"] == "PASS"
    assert (told["campaign"], told["runs"]) == (folder.name, 40)
    assert 0 < told["decided_after"][0] <= 40


def test_the_same_dice_are_refused(tmp_path, baseline, capsys) -> None:
    assert judged(stored(tmp_path, 1, pairs=20), baseline) == 5
    assert "another --seed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "named"),
    [
        ({"pack_sha256": "another"}, "world, measuring profile or faults"),
        ({"pace": "sparse"}, "pace"),
        ({"harness_version": "9"}, "version of Hormesis"),
        ({"system": "other"}, "system"),
        ({"gate": Gate(arm="none")}, "arm"),
    ],
)
def test_a_baseline_of_another_question_is_refused_and_the_difference_named(
    tmp_path, baseline, capsys, changed, named
) -> None:
    assert judged(stored(tmp_path, 2, **changed), baseline) == 5
    assert f"another {named}" in capsys.readouterr().err


def test_an_edited_baseline_is_void(tmp_path, baseline, capsys) -> None:
    text = baseline.read_text()
    number = next(
        word for word in text.split() if word.rstrip(",").replace(".", "").isdigit() and "." in word
    )
    baseline.write_text(text.replace(number, "99.5,", 1))
    assert judged(stored(tmp_path, 2), baseline) == 4
    assert "changed after it was written" in capsys.readouterr().err


@pytest.mark.parametrize("data", [b"", b"{}", b"[1, 2]", b"\xff\xfe", b'{"times_s": {}}'])
def test_a_file_that_is_no_baseline_is_void_and_no_traceback(tmp_path, baseline, capsys, data) -> None:
    baseline.write_bytes(data)
    assert judged(stored(tmp_path, 2), baseline) == 4
    assert "is no baseline" in capsys.readouterr().err


def test_a_missing_baseline_is_a_mistake_of_the_command_and_says_how_to_make_one(tmp_path, capsys) -> None:
    assert judged(stored(tmp_path, 2), tmp_path / "none.json") == 2
    assert "--keep" in capsys.readouterr().err


def test_parts_that_are_not_those_of_the_table_are_void(tmp_path, baseline, capsys) -> None:
    folder, other = stored(tmp_path, 2), stored(tmp_path, 5)
    part = sorted((folder / "parts").glob("*.gz"))[3]
    part.write_bytes((other / "parts" / part.name).read_bytes())
    assert judged(folder, baseline) == 4
    assert "is of another campaign" in capsys.readouterr().err
    Parts(folder).write(3, Parts(other).read(3))
    assert judged(folder, baseline) == 4
    assert "not those that its table was made of" in capsys.readouterr().err
    part.unlink()
    assert judged(folder, baseline) == 4
    assert "part 3 is missing" in capsys.readouterr().err


def test_a_campaign_that_has_not_ended_is_refused(tmp_path, baseline, capsys) -> None:
    folder = stored(tmp_path, 2)
    (folder / "table.json").unlink()
    assert judged(folder, baseline) == 5
    assert (
        "is not over: of 'A kill' 40 of at most 40 pairs are kept, in 10 of 10 parts; "
        in capsys.readouterr().err
    )


def test_a_campaign_without_faults_is_refused(tmp_path, baseline) -> None:
    assert judged(stored(tmp_path, 2, sham_only=True), baseline) == 5


def test_a_campaign_of_which_a_run_is_void_is_no_baseline(tmp_path, capsys) -> None:
    folder = stored(tmp_path, 4, void=frozenset({3}))
    assert main(["gate", str(folder), "--keep", str(tmp_path / "b.json")]) == 5
    assert "pair 3, arm reference, fast, fault cannot be counted" in capsys.readouterr().err
    assert not (tmp_path / "b.json").exists()


def test_never_back_is_an_outcome_that_a_baseline_may_have(tmp_path) -> None:
    folder, file = stored(tmp_path, 4, never_ratio=1.0), tmp_path / "b.json"
    assert main(["gate", str(folder), "--keep", str(file)]) == 0
    assert "null" in file.read_text()
    assert judged(stored(tmp_path, 5, never_ratio=1.0), file) == 1  # not slower, but more than 5 % never are


@pytest.mark.parametrize("words", [[], ["--keep", "a", "--baseline", "b"], ["--keep", "a", "--ledger", "l"]])
def test_either_a_baseline_is_made_or_one_is_compared_with(tmp_path, words) -> None:
    assert main(["gate", str(stored(tmp_path, 2)), *words]) == 2


def test_a_ledger_adds_up_weeks_and_counts_each_once(tmp_path, baseline, capsys) -> None:
    ledger = tmp_path / "ledger.json"
    words = ("--ledger", str(ledger), "--json")
    first = stored(tmp_path, 11, pairs=8)
    assert judged(first, baseline, *words) == 3
    assert judged(first, baseline, *words) == 3
    capsys.readouterr()
    codes = [judged(stored(tmp_path, seed, pairs=8), baseline, *words) for seed in range(12, 18)]
    runs = [json.loads(f"{{{part}")["runs"] for part in capsys.readouterr().out.split("\n{")[1:]]
    assert codes[-1] == 0
    assert runs[-1] == 56
    assert judged(stored(tmp_path, 12, pairs=12), baseline, *words) == 5  # the same dice, more of them


def test_another_version_begins_anew_in_the_same_ledger(tmp_path, baseline) -> None:
    words = ("--ledger", str(tmp_path / "ledger.json"))
    assert judged(stored(tmp_path, 2), baseline, *words) == 0
    assert judged(stored(tmp_path, 3, slower=3.0, code_sha256="new"), baseline, *words) == 1
    assert judged(stored(tmp_path, 4, pairs=4, code_sha256="newer"), baseline, *words) == 3


def test_margins_that_are_chosen_later_judge_nothing_that_was_seen_before(tmp_path, baseline, capsys) -> None:
    words = ("--ledger", str(tmp_path / "ledger.json"), "--json")
    assert judged(stored(tmp_path, 2, slower=1.2, pairs=12), baseline, *words) != 1
    strict = Gate(slower_ratio=1.01, excluded_ratio=1.5)
    capsys.readouterr()
    judged(stored(tmp_path, 3, pairs=4, gate=strict), baseline, *words)
    assert json.loads(capsys.readouterr().out)["runs"] == 4


def test_an_edited_ledger_is_void(tmp_path, baseline) -> None:
    ledger = tmp_path / "ledger.json"
    judged(stored(tmp_path, 2), baseline, "--ledger", str(ledger))
    ledger.write_text(ledger.read_text().replace("scorer-a", "scorer-b", 1))
    assert judged(stored(tmp_path, 3), baseline, "--ledger", str(ledger)) == 4


def test_two_baselines_must_both_hold(tmp_path, baseline) -> None:
    pinned = tmp_path / "pinned.json"
    assert main(["gate", str(stored(tmp_path, 9, slower=0.3)), "--keep", str(pinned)]) == 0
    folder = stored(tmp_path, 2)
    assert judged(folder, baseline) == 0
    assert judged(folder, baseline, "--baseline", str(pinned)) == 1


def test_a_campaign_with_a_baseline_ends_as_soon_as_it_is_decided(tmp_path, baseline) -> None:
    asked = question(
        seed=2, pairs_max=400, pairs_a_chunk=4, arms=("reference", "none"), pack_sha256="one pack"
    )
    work = Timed(asked)
    with held(tmp_path / "early", asked) as parts:
        merge = run_chunks(
            work,
            InTurn(),
            parts,
            tell=lambda pairs: None,
            look=lambda: None,
            decided=Decided(asked, read_baseline(baseline, kind_of(asked), asked.seed)),
        )
    assert merge.stopped == DECIDED
    assert 12 <= merge.tally.pairs <= 60


class InTurn:
    """Does chunks in this process, one after the other."""

    def submit_all(self, work: Toy, chunks: list[int]) -> None:
        self.left = [(work, chunk) for chunk in chunks]

    def results(self):
        from harness.campaign.executor import Done

        for work, chunk in self.left:
            yield Done(chunk, work(chunk))

    def cancel(self) -> None:
        self.left = []


def test_a_word_may_be_let_through_and_stays_what_it_is(tmp_path, baseline, capsys) -> None:
    few, slow = stored(tmp_path, 2, pairs=4), stored(tmp_path, 3, slower=3.0)
    assert judged(few, baseline, "--exit-zero-on", "inconclusive,void") == 0
    assert capsys.readouterr().out.splitlines()[-4].startswith("  INCONCLUSIVE: ")
    assert judged(few, baseline, "--exit-zero-on", "void") == 3
    assert judged(slow, baseline, "--exit-zero-on", "inconclusive,void") == 1
    assert judged(slow, baseline, "--exit-zero-on", "fail") == 2


def test_its_verdict_is_written_for_other_programs(tmp_path, baseline, capsys) -> None:
    slow, junit = stored(tmp_path, 3, slower=3.0), tmp_path / "junit.xml"
    capsys.readouterr()
    assert judged(slow, baseline, "--junit", str(junit), "--markdown", "-") == 1
    suites = JUnitXml.fromfile(str(junit))
    assert suites.failures >= 1
    assert capsys.readouterr().out.startswith("## ✕ FAIL: ")
    assert judged(slow, baseline, "--json", "--markdown", "-") == 2


def test_what_another_world_came_of_when_done_again_is_void_and_no_baseline(tmp_path, baseline, capsys):
    folder = stored(tmp_path, 2)
    verdict = judge_campaign(Tally(), (), doubts=(), unequal=["pair 3"])
    (folder / "verdict.json").write_bytes(msgspec.json.encode(verdict))
    assert judged(folder, baseline) == 4
    assert "another world came of pair 3" in capsys.readouterr().out
    assert main(["gate", str(folder), "--keep", str(tmp_path / "b.json")]) == 5
    assert not (tmp_path / "b.json").exists()


def test_outages_in_sham_runs_and_an_unclean_state_in_another_arm_leave_no_pass(tmp_path, baseline):
    assert judged(stored(tmp_path, 2, sham_outages=True), baseline) == 4
    assert judged(stored(tmp_path, 3, unsafe=frozenset({3})), baseline) == 6
