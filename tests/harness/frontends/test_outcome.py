"""What `run` prints at its end: the word first, or one JSON document."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.frontends.outcome import outcome_json, stored, table
from tests.harness.frontends.test_story import demo
from tests.traps.histories import Story, killed, written


def test_the_table_begins_with_the_word():
    assert table(demo()).split()[0] == "DONE"


def test_the_json_holds_identities_digests_and_the_verdict():
    outcome = json.loads(outcome_json(demo(), Path("store") / "demo"))
    assert set(outcome) == {
        "campaign",
        "folder",
        "runs",
        "verdict",
        "why",
        "exit_code",
        "report",
        "classes",
    }
    assert outcome["runs"][0] == {"run_id": demo().runs[0].run_id, "history_sha256": "0" * 64}
    assert (outcome["verdict"], outcome["exit_code"]) == ("DONE", 0)
    assert outcome["report"] == "store/demo/report.html"


def test_the_folder_of_one_run_shows_its_campaign_and_says_so(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    campaign = written(tmp_path, killed(), Story(sham=True))
    whole = stored(tmp_path, campaign.name)
    assert stored(None, str(campaign)) == whole
    assert capsys.readouterr().err == ""
    run = next((campaign / "runs").iterdir())
    assert stored(None, str(run)) == whole
    assert f"is inside campaign {campaign.name}: all of its runs are shown" in capsys.readouterr().err
