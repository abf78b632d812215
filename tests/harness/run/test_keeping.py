"""A run that was in memory reads back from its folder as that run: entries, rows, journal, nothing cut."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.faults.effects import Pause
from harness.history.events import RunEnded
from harness.history.store import new_campaign, read_campaign
from harness.plan.schedule import make_plans
from harness.report.compose import compose
from harness.run.campaign import campaign_file
from harness.run.keeping import keep_run
from tests.harness.run.test_simulated import asked, ran


def test_a_kept_run_reads_back_as_it_was(small_template: Path, tmp_path: Path) -> None:
    experiment = asked("process.hang", Pause(service="scorer-a"), "reference")
    run = ran(small_template, experiment)
    plans = make_plans(experiment, 7)
    folder = new_campaign(tmp_path, campaign_file(plans, experiment, 7))
    assert keep_run(folder, run, versions={}, machine="virtual", abilities=()) == "ended"
    (read,) = read_campaign(folder).runs
    assert read.cut == ""
    assert [entry.event for entry in read.entries][1:] == [entry.event for entry in run.history.entries][1:]
    assert [entry.mono_s for entry in read.entries] == [entry.mono_s for entry in run.history.entries]
    assert read.rows.tobytes() == run.history.rows.tobytes()
    assert read.journal == run.history.journal
    (ended,) = (entry.event for entry in read.entries if isinstance(entry.event, RunEnded))
    assert ended.world_digest == run.digest


@pytest.mark.slow
def test_the_report_of_a_kept_run_has_its_figures(small_template: Path, tmp_path: Path) -> None:
    experiment = asked("process.hang", Pause(service="scorer-a"), "reference")
    run = ran(small_template, experiment)
    folder = new_campaign(tmp_path, campaign_file(make_plans(experiment, 7), experiment, 7))
    keep_run(folder, run, versions={}, machine="virtual", abilities=())
    document = compose(folder)
    (only,) = document.runs
    assert only.void == ""
    assert only.exactly_once is True
    assert [episode.kind for episode in only.episodes] == ["process.hang"]
    assert only.episodes[0].cleared_by in ("healer", "platform")
