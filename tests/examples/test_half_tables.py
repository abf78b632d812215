"""Known answers: a job that leaves half a partition when it is killed is found, named and timed.

The job's own stamps are the truth of when it made good what it had left.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness.episodes.facts import facts
from harness.history.events import Injected
from harness.history.store import read_campaign
from tests.style.source import ROOT

JOB = Path(__file__).with_name("half_job.py")
ROWS = 20
SYSTEM = f"""\
version: 1
name: halves
services:
  job:
    command: ["{{python}}", "{{system}}/half_job.py", "{{state}}", "%s"]
    readiness: running
    env: {{STAMPS: "%s"}}
workload:
  archetype: table
  service: job
  units: rows.csv
  table:
    rows: {ROWS}
    every_s: 0.2
    deadline_s: 2
    lands: {{folder: in, name: "part-{{number}}.csv"}}
    results: {{database: scores.db, table: scores, partition: part, name: "part-{{number}}.csv"}}
    columns: [score]
"""
KILL = """\
title: Kill it between two halves
description: Is every partition whole in the end?
method:
  - type: action
    name: kill-job
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_kill
      arguments: {service: job}
x-hormesis:
  version: 1
  system: hormesis.yaml
  profile: {base: table, tau_s: 7, settle_s: 1}
  sham: false
"""


def measured(folder: Path, repairs: str, trusted):
    """Run it once; gives what was seen of the one fault, and of the run, and when it was in force."""
    (folder / "hormesis.yaml").write_text(SYSTEM % (repairs, folder / "stamps.txt"))
    (folder / "rows.csv").write_text("amount\n" + "".join(f"{n}.5\n" for n in range(37)))
    (folder / "kill.yaml").write_text(KILL)
    shutil.copy(JOB, folder)

    def once():
        (folder / "stamps.txt").unlink(missing_ok=True)
        done = subprocess.run(
            [sys.executable, "-m", "harness.frontends.cli", "run", "kill.yaml", "--seed", "5", "--json"],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HORMESIS_STORE": str(folder / "store")},
            cwd=folder,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.stdout, done.stderr
        kept = Path(json.loads(done.stdout)["folder"])
        return kept, json.loads((kept / "report.json").read_bytes())["verdict"]["why"]

    kept, why = trusted(once, lambda seen: seen[1])
    assert "cannot be trusted" not in why, why
    history = read_campaign(kept).runs[-1]
    (injected,) = [entry.event for entry in history.entries if isinstance(entry.event, Injected)]
    run = facts(history)
    (episode,) = run.episodes
    return episode, run, injected.effective_at_s


@pytest.mark.slow
@pytest.mark.live
def test_halves_that_a_kill_left_are_named_and_their_backfill_is_timed(tmp_path: Path, trusted) -> None:
    episode, run, inject_s = measured(tmp_path, "3.5", trusted)
    truth = [line.split() for line in (tmp_path / "stamps.txt").read_text().splitlines()]
    late = {one.name: one for one in episode.backfill.late if one.state == "half"}
    assert truth
    assert set(late) == {name for *_, name in truth}
    for before_s, _, name in truth:
        assert (late[name].rows, late[name].right) == (ROWS, ROWS // 2)
        assert late[name].right_s > float(before_s) - inject_s
    last_s = max(float(after_s) for _, after_s, _ in truth) - inject_s
    assert episode.backfill.open == 0
    assert episode.served.recovered_s == episode.backfill.last_s == pytest.approx(last_s, abs=0.3)
    assert run.exactly_once is True


@pytest.mark.slow
@pytest.mark.live
def test_halves_that_nobody_makes_whole_read_not_recovered_and_are_named(tmp_path: Path, trusted) -> None:
    episode, run, _ = measured(tmp_path, "never", trusted)
    assert (episode.ended_by, episode.served.recovered_s) == ("undo", None)
    left = [one for one in episode.backfill.late if one.right_s is None]
    assert len(left) == episode.backfill.open > 0
    assert {(one.state, one.right, one.rows) for one in left} == {("half", ROWS // 2, ROWS)}
    assert run.exactly_once is False
    assert all(one.name in run.audit_text for one in left)
