"""The end of a run: wait until nothing of it is open, and record where every id ended.

Comes in: the listings of the system, the witness's rows, the ledgers of taint and resends. Goes out:
``Audited``, of a stream ``Streamed`` besides, then one ``Touched`` for each episode that changed records.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from harness.driver.resends import read_resends
from harness.driver.stream_ledger import read_stream
from harness.driver.taint import read_taint
from harness.experiment.model import System
from harness.history.events import Audited
from harness.history.observations import Rows, read_rows
from harness.ports import Clock
from harness.run.audit import Answers, Balance, Listings, answers_of, corrupted_spans, judge_ids, judge_taint
from harness.run.evidence import OBSERVATIONS, RESENDS, STREAM, TAINT, Evidence
from harness.run.listing import LedgerReader, ListingsReader
from harness.run.stage import Stage
from harness.run.streams import counted

LOOK_AGAIN_S = 0.2
QUIET_S = 0.5
"""Where nothing is missing, looks must agree for so long: what is doubled comes after what is whole."""
READ_S = 60.0
"""One reading of all listings may take so long."""


class Reader(Protocol):
    """Whoever reads where ids are."""

    def look(self) -> Listings:
        """Read each listing once; gives the very value of the look before where nothing has changed."""
        ...


class Auditor:
    """Looks where every id is, again and again; what has not changed is not judged anew."""

    def __init__(self, answers: Answers, reader: Reader) -> None:
        self._answers, self._reader = answers, reader
        self._balance: Balance | None = None
        self.listings = Listings((), (), ())

    def look(self) -> Balance:
        """Read and judge; raises Untrustworthy where a listing cannot be read."""
        listings = self._reader.look()
        if self._balance is None or listings is not self.listings:
            self._balance, self.listings = judge_ids(self._answers, listings), listings
        return self._balance


def audit_run(system: System, stage: Stage) -> None:
    """Wait until nothing is open, at most ``settle_s``, and record where every id ended."""
    audit, profile = system.audit, stage.plan.profile
    answers = _answers(system, stage)
    stream = system.workload.archetype == "stream"
    observable = stream or bool(audit.accepted and audit.sink)
    ledger = LedgerReader(lambda: stage.evidence.written(STREAM))
    auditor = Auditor(answers, ledger if stream else ListingsReader(audit, stage.system.ask))

    def look() -> Balance:
        if stream:
            stage.hear()  # the witness counts on: one that has failed meanwhile must not read as silence
        else:
            stage.alarms.look()
        stage.alarms.guardian.allow(READ_S)
        return auditor.look()

    balance, settled_s = settled(look, profile.settle_s, stage.clock) if observable else (look(), -1.0)
    stage.hear_ledger()
    stage.evidence.append(
        Audited(
            observable=observable and balance.provable,
            accepted=balance.accepted,
            delivered_once=balance.delivered_once,
            doubled=balance.doubled,
            dead_letters=balance.dead_letters,
            missing=balance.missing,
            foreign=balance.foreign,
            changed=balance.changed,
            settled_s=settled_s,
            examples=balance.examples,
        )
    )
    if stream:
        stage.evidence.append(counted(read_stream(stage.evidence.written(STREAM))))
    lines = read_taint(stage.evidence.written(TAINT)).lines
    for touched in judge_taint(lines, answers, auditor.listings):
        stage.evidence.append(touched)


def _answers(system: System, stage: Stage) -> Answers:
    """All that the witness knows, less what the harness may have corrupted on its own edge."""
    answered, asked = (
        corrupted_spans(stage.plan, system.witness_edge, stage.first_due_s, way=way)
        for way in ("answer", "request")
    )
    return answers_of(
        rows_of(stage.evidence),
        stage.plan.seed,
        corrupted=(*answered, *asked),
        asked=asked,
        resends=read_resends(stage.evidence.written(RESENDS)),
    )


def settled(look: Callable[[], Balance], settle_s: float, clock: Clock) -> tuple[Balance, float]:
    """Look until nothing is missing or held and looks agree for ``QUIET_S``, at most ``settle_s`` and that.

    Gives the last balance, and the seconds until the first of the looks that agree; -1.0 if it never settled.
    """
    began_s = same_since_s = clock.now_s()
    balance = look()
    while True:
        now_s = clock.now_s()
        is_open = balance.missing or balance.held
        if not is_open and now_s >= same_since_s + QUIET_S:
            return balance, same_since_s - began_s
        if now_s >= began_s + settle_s + (0.0 if is_open else 2 * QUIET_S):
            return balance, -1.0
        clock.sleep_until(now_s + LOOK_AGAIN_S)
        seen_s, before = clock.now_s(), balance
        balance = look()
        same_since_s = same_since_s if balance == before else seen_s


def rows_of(evidence: Evidence) -> Rows:
    """Read what the witness has recorded so far."""
    return read_rows(evidence.written(OBSERVATIONS))
