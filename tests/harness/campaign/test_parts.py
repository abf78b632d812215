"""Parts of a campaign are whole or not there, one process holds them, and another question is refused."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from harness.campaign.parts import Parts, campaign_name, held
from harness.errors import Refused, Untrustworthy
from tests.harness.campaign.rows_kit import episode, question, row

ROOT = Path(__file__).resolve().parents[3]
ROWS = (row(0, "none", episode()), row(0, "reference", sham=True))


def test_what_was_kept_reads_back_and_the_same_rows_are_the_same_bytes(tmp_path: Path):
    files = []
    for place in (tmp_path / "a", tmp_path / "b"):
        with held(place, question()) as parts:
            assert parts.present() == set()
            parts.write(12, ROWS)
            assert parts.present() == {12}
            assert parts.read(12) == ROWS
        files += sorted((place / "parts").iterdir())
    assert files[0].read_bytes() == files[1].read_bytes()
    assert files[0].read_bytes()[4:8] == bytes(4), "the time of writing is in no byte"


def test_a_part_that_cannot_be_written_is_not_there_at_all(tmp_path: Path):
    with held(tmp_path, question()) as parts:
        (tmp_path / "parts" / "0000001.jsonl.gz").mkdir()
        with pytest.raises(Untrustworthy, match=r"0000001\.jsonl\.gz cannot be written"):
            parts.write(1, ROWS)
    assert [path.name for path in (tmp_path / "parts").iterdir()] == ["0000001.jsonl.gz"]


@pytest.mark.parametrize("size", [0, 5, 40, -1])
def test_a_part_that_was_cut_by_somebody_is_told_by_name(tmp_path: Path, size: int):
    with held(tmp_path, question()) as parts:
        parts.write(3, ROWS)
        (file,) = (tmp_path / "parts").iterdir()
        file.write_bytes(file.read_bytes()[:size])
        with pytest.raises(Untrustworthy, match=r"0000003\.jsonl\.gz cannot be read .* remove it"):
            parts.read(3)


def test_a_part_of_another_campaign_or_of_another_number_is_told(tmp_path: Path):
    with held(tmp_path / "other", question(seed=8)) as parts:
        parts.write(0, ROWS)
    theirs = (tmp_path / "other" / "parts" / "0000000.jsonl.gz").read_bytes()
    with held(tmp_path / "mine", question()) as parts:
        parts.write(0, ROWS)
        mine = (tmp_path / "mine" / "parts" / "0000000.jsonl.gz").read_bytes()
        for chunk, put in ((0, theirs), (1, mine)):
            (tmp_path / "mine" / "parts" / f"{chunk:07d}.jsonl.gz").write_bytes(put)
            with pytest.raises(Untrustworthy, match="is of another campaign"):
                parts.read(chunk)


def test_what_a_killed_process_left_half_written_is_no_part_and_is_removed(tmp_path: Path):
    with held(tmp_path, question()):
        pass
    left = [tmp_path / "parts" / ".0000004.jsonl.gz.99", tmp_path / ".table.json.99"]
    for path in left:
        path.write_bytes(b"half")
    with held(tmp_path, question()) as parts:
        assert parts.present() == set()
    assert not any(path.exists() for path in left)


def test_another_question_is_another_folder_and_is_refused_in_this_one(tmp_path: Path):
    other = question(pairs_max=30)
    assert campaign_name(other) != campaign_name(question())
    assert campaign_name(question()) == campaign_name(question())
    with held(tmp_path, question()):
        pass
    with pytest.raises(Refused, match="another question"), held(tmp_path, other):
        pass


@pytest.mark.parametrize(("title", "slug"), [("Kill: the Scorer!", "kill-the-scorer-"), ("ÄÖ", "campaign-")])
def test_a_folder_is_named_by_its_title_in_plain_letters(title: str, slug: str):
    assert campaign_name(question(title=title)).startswith(slug)


HOLDING = """
import sys
from harness.campaign.parts import held
from pathlib import Path
from tests.harness.campaign.rows_kit import question
with held(Path(sys.argv[1]), question()):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_one_process_holds_a_campaign_and_a_killed_one_holds_it_no_longer(tmp_path: Path):
    place = tmp_path / "campaign"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDING, str(place)], stdin=-1, stdout=-1, cwd=ROOT
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(Refused, match="being run by another process"), held(place, question()):
            pass
        other.kill()
    with held(place, question()) as parts:
        assert isinstance(parts, Parts)
