"""The end of a run: wait until nothing of it is open, and record where every id ended.

Comes in: the listings of the system, the witness's rows, the taint ledger. Goes out: ``Audited``, then one
``Touched`` for each episode that changed records.
"""

from __future__ import annotations

from harness import shell
from harness.driver.taint import read_taint
from harness.experiment.model import System
from harness.history.events import Audited
from harness.history.observations import Rows, read_rows
from harness.history.store import RunFolder
from harness.run.audit import answers_of, judge_ids, judge_taint
from harness.run.listing import read_listings
from harness.run.stage import Stage

LOOK_AGAIN_S = 0.2
READ_S = 60.0
"""One reading of all listings may take so long."""
TAINT = "taint.jsonl"


def audit_run(system: System, stage: Stage) -> None:
    """Wait until nothing is open, at most ``settle_s``, and record where every id ended."""
    audit, urls, profile = system.audit, stage.system.urls, stage.plan.profile
    began_s = shell.monotonic_s()
    stage.alarms.guardian.allow(READ_S)
    answers = answers_of(rows_of(stage.folder), stage.plan.seed)
    observable = bool(audit.accepted and audit.sink)
    listings = read_listings(audit, urls)
    balance = judge_ids(answers, listings)
    while observable and balance.missing and shell.monotonic_s() - began_s < profile.settle_s:
        stage.alarms.look()
        shell.sleep_until(shell.monotonic_s() + LOOK_AGAIN_S)
        listings = read_listings(audit, urls)
        balance = judge_ids(answers, listings)
    stage.hear_ledger()
    stage.folder.writer.append(
        Audited(
            observable=observable,
            accepted=balance.accepted,
            delivered_once=balance.delivered_once,
            doubled=balance.doubled,
            dead_letters=balance.dead_letters,
            missing=balance.missing,
            foreign=balance.foreign,
            changed=balance.changed,
            settled_s=-1.0 if balance.missing else shell.monotonic_s() - began_s,
            examples=balance.examples,
        )
    )
    taint = stage.folder.path / TAINT
    lines = read_taint(taint.read_bytes()).lines if taint.exists() else ()
    for touched in judge_taint(lines, answers, listings):
        stage.folder.writer.append(touched)


def rows_of(folder: RunFolder) -> Rows:
    """Read what the witness has recorded so far."""
    return read_rows(folder.observations.read_bytes() if folder.observations.exists() else b"")
