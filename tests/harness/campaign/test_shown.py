"""A campaign of pairs in JUnit, Markdown and OpenMetrics: the same writers, and the figures of its table."""

from __future__ import annotations

from harness.campaign.judging import judge_campaign
from harness.campaign.shown import shown
from harness.campaign.table import Ending, Table, table_of
from harness.campaign.tally import Tally
from harness.experiment.model import Objective
from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.openmetrics import openmetrics
from harness.report.shown import Shown
from tests.harness.campaign.rows_kit import episode, question, row
from tests.harness.report.test_junit import ends, read
from tests.harness.report.test_markdown import parsed, tables
from tests.harness.report.test_openmetrics import samples

CLAIMED = (Objective(served_within_s=6, share_ratio=0.9), Objective(exactly_once=True))


def outcome(pairs: int, *objectives: Objective, **changed: object) -> tuple[Table, Shown]:
    """A campaign in which arm reference is back after 4 s and arm none never."""
    tally, doubts = Tally(), []
    for pair in range(pairs):
        healed = row(pair, "reference", episode(4000), **changed)
        tally.add_pair([healed, row(pair, "none", episode(None, lost_ms=10_000, ended_by="undo"))])
        doubts += [healed] if healed.doubt() else []
    table = table_of(
        question(), tally, Ending(stopped="cap", digest="d", doubtful=len(doubts), doubts=doubts)
    )
    verdict = judge_campaign(tally, objectives, doubts=doubts, unequal=())
    return table, shown(table, verdict, "a-kill-0123")


def test_every_class_is_a_case_that_ends_as_it_was_judged():
    _, told = outcome(40, *CLAIMED)
    cases = {case.name: [kind.__name__ for kind in ends(case)] for case in read(junit(told))}
    assert cases == {
        "process.kill scorer-a, arm none, fast": ["Failure"],
        "process.kill scorer-a, arm reference, fast": [],
        "arm none, fast: every accepted transaction ends exactly once": [],
        "arm reference, fast: every accepted transaction ends exactly once": [],
    }


def test_the_tables_show_what_the_table_of_the_campaign_holds():
    table, told = outcome(40, *CLAIMED)
    text = markdown(told)
    classes, arms = tables(parsed(text))
    assert len(classes) == 1 + len(table.classes)
    assert len(arms) == 1 + len(table.arms)
    assert text.startswith("## ✕ FAIL: `toy` on `simulation`")
    assert "`A kill`, 40 pairs, seed 7, campaign `a-kill-0123`" in text
    (none,) = [row for row in classes if row[1] == "none, fast"]
    assert none[4] == "0 / 40 (0–8.9 %), within 10 s"


def test_its_gauges_have_no_instant_and_no_share_of_runs_with_faults():
    table, told = outcome(40, *CLAIMED)
    found = samples(openmetrics(told))
    assert "hormesis_last_run_timestamp_seconds" not in found, "a campaign is the same whenever it is asked"
    assert "hormesis_availability_ratio" not in found, "no sham run, no availability"
    by_arm = {
        own["arm"]: value
        for own, value in found["hormesis_recovery_seconds"]
        if own["quantile"] == "0.5" and own["bound"] == "value"
    }
    assert by_arm == {"reference": next(c.median.value_s for c in table.classes if c.arm == "reference")}
    assert by_arm["reference"] is not None


def test_what_is_wrong_with_a_run_is_told_and_no_figure_of_it_counts():
    _, told = outcome(3, *CLAIMED, why="its baseline was not met")
    assert told.verdict.word == "VOID"
    assert told.trouble[0] == "pair 0, arm reference, fast, fault: its baseline was not met"
    assert "Runs with which something is wrong: 3" in markdown(told)
    assert {kind.__name__ for case in read(junit(told)) for kind in ends(case)} == {"Error"}
    assert "hormesis_recovery_seconds" not in samples(openmetrics(told))
