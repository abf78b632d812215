"""What `run` prints at its end: the word first, or one JSON document."""

from __future__ import annotations

import json
from pathlib import Path

from harness.frontends.outcome import outcome_json, table
from tests.harness.frontends.test_story import demo


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
