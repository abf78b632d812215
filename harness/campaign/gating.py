"""A stored campaign -> what a gate weighs; the files of baselines and ledgers.

Comes in: a store and the name of a campaign that has ended, files of baselines and of a ledger. Goes out:
what a gate weighs, whole files. Nothing is run: parts are read, and must be those that the table was made of.
"""

from __future__ import annotations

import fcntl
import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.campaign.judging import doubts_of
from harness.campaign.measured import Measured, measured
from harness.campaign.model import Question, RunRow, chained
from harness.campaign.outcomes import gated_arm, kind_of, outcomes
from harness.campaign.parts import Parts, campaign_name, outcome_of, unfinished
from harness.campaign.shown import shown
from harness.campaign.table import Table
from harness.errors import Problem, Refused, Untrustworthy, UsageProblem
from harness.experiment.model import Gate
from harness.history.model import QUESTION_FILE
from harness.report.shown import Shown
from harness.report.shown import shown as shown_runs
from harness.run.writing import write_whole
from harness.verdict.baseline import Baseline, Kind, differences, opened, seal, times_of
from harness.verdict.gate import Scale
from harness.verdict.ledger import Entry, Ledger, Week, continued
from harness.verdict.model import Verdict
from harness.verdict.outcomes import RunOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighable:
    """A stored campaign as a gate sees it.

    ``revision_sha256``: of the code that ran. ``beside``: the version that ran beside it, run by run, and the
    hash of its code; None where it is compared with a stored baseline. ``doubts``: why no word can be
    trusted. ``shown``: what other programs are told of it with a verdict.
    """

    campaign: str
    kind: Kind
    gate: Gate
    seed: int
    revision_sha256: str
    digest: str
    runs: tuple[RunOutcome, ...]
    shown: Callable[[Verdict], Shown]
    question: Question | None = None
    beside: tuple[Baseline, str] | None = None
    doubts: tuple[str, ...] = ()


def weighable(store: Path, name: str) -> Weighable:
    """Read the campaign ``name`` (an id in ``store``, or a path); Refused where it cannot be weighed."""
    folder = next((f for f in (store / name, Path(name)) if _is_campaign(f)), None)
    return _measured(measured(store, name)) if folder is None else _of_pairs(store, name, folder)


def _measured(found: Measured) -> Weighable:
    def told(verdict: Verdict) -> Shown:
        return shown_runs(msgspec.structs.replace(found.document, verdict=verdict))

    return Weighable(
        campaign=found.file.id,
        kind=found.kind,
        gate=found.gate,
        seed=found.file.seed,
        revision_sha256=found.file.code_sha256,
        digest=_digest(found.runs),
        runs=found.runs,
        shown=told,
        beside=(found.beside, found.beside_code_sha256),
        doubts=found.doubts,
    )


def _digest(runs: Sequence[RunOutcome]) -> str:
    return hashlib.sha256(msgspec.json.encode(runs)).hexdigest()


def _of_pairs(store: Path, name: str, folder: Path) -> Weighable:
    ended = outcome_of(store, name)
    if ended is None:
        raise Refused("; ".join(unfinished(folder)))
    table, verdict = ended
    question = table.question
    if question.sham_only:
        raise Refused(f"{folder} broke nothing (--sham-only): there is no recovery to compare")
    rows = _rows(Parts(folder), table)
    name = campaign_name(question)
    return Weighable(
        campaign=name,
        kind=kind_of(question),
        gate=question.gate,
        seed=question.seed,
        revision_sha256=question.code_sha256,
        digest=table.digest,
        runs=outcomes(name, gated_arm(question), rows),
        shown=lambda verdict: shown(table, verdict, name),
        question=question,
        doubts=doubts_of(table, verdict),
    )


def _is_campaign(folder: Path) -> bool:
    try:
        return (folder / QUESTION_FILE).is_file()
    except OSError:
        return False


def _rows(parts: Parts, table: Table) -> list[RunRow]:
    """All rows that the table was made of; their digests must add up to its digest."""
    size = table.question.pairs_a_chunk
    chunks = range(-(-table.pairs // size))
    missing = sorted(set(chunks) - parts.present())
    if missing:
        raise Untrustworthy(f"{parts.folder}: part {missing[0]} is missing; ask the campaign again")
    rows, digest = [row for chunk in chunks for row in parts.read(chunk)], ""
    for row in rows:
        digest = chained(digest, row)
    if digest != table.digest:
        raise Untrustworthy(f"{parts.folder}: the parts are not those that its table was made of")
    return rows


def make_baseline(found: Weighable, made_utc: str) -> Baseline:
    """Take a campaign for a baseline; Refused where a run of it is void, or nothing was measured."""
    if found.question is None:
        raise Refused(
            f"{found.campaign} was measured on a machine, and a baseline of it would be that day's: run both"
            " versions beside each other, `hormesis run FILE --against OLD_FILE`"
        )
    if void := [run.name for run in found.runs if run.unsafe or any(one.void for one in run.recoveries)]:
        raise Refused(f"{void[0]} cannot be counted: a baseline has no void runs")
    if found.doubts:
        raise Refused(f"{found.campaign} is no baseline: {'; '.join(found.doubts)}")
    times_s = times_of(found.runs)
    if not times_s:
        raise Refused(f"{found.campaign}: no fault met anything; there is nothing to compare with")
    return Baseline(
        kind=found.kind,
        campaign=found.campaign,
        seed=found.seed,
        made_utc=made_utc,
        times_s=times_s,
    )


def read_baseline(path: Path, kind: Kind, seed: int) -> Baseline:
    """Read a baseline that a campaign of ``kind`` can be compared with; Refused where it cannot."""
    baseline = opened(_bytes(path), Baseline, str(path))
    if different := differences(baseline.kind, kind):
        raise Refused(f"{path} is of another question: {'; '.join(different)}; make a new baseline")
    if baseline.seed == seed:
        raise Refused(
            f"{path} was made with seed {baseline.seed} as well: chance would be compared with itself; run"
            " the campaign with another --seed"
        )
    return baseline


def check_signed(path: Path, baseline: Baseline, signed: str) -> None:
    """Raise Untrustworthy where the baseline is not the one that was signed off, by its hash or its head.

    Its own hash finds damage. Whoever edits it and writes a new hash into it is found by this one alone.
    """
    if not baseline.sha256.startswith(signed):
        raise Untrustworthy(
            f"{path} is the baseline {baseline.sha256[:12]}, and {signed[:12]} was signed off: it was made"
            " anew or changed since"
        )


class Decided:
    """Whether what was seen so far decides; called with the rows of each chunk in turn."""

    def __init__(self, question: Question, baseline: Baseline) -> None:
        self._question, self._baseline = question, baseline
        self._rows: list[RunRow] = []

    def __call__(self, rows: Sequence[RunRow], /) -> bool:
        """Take more rows."""
        self._rows += rows
        scale = Scale(self._question.gate, self._baseline)
        for run in outcomes(campaign_name(self._question), gated_arm(self._question), self._rows):
            scale.add(run)
        return scale.is_decided


def write_file(path: Path, data: bytes) -> None:
    """Write a whole file; Untrustworthy where that cannot be done."""
    try:
        write_whole(path, data)
    except OSError as error:
        raise Untrustworthy(f"{path} cannot be written: {error.strerror}") from error


def in_ledger(path: Path, found: Weighable, baseline_sha256: str) -> tuple[RunOutcome, ...]:
    """Put the campaign into the ledger at ``path``, made if missing; gives all outcomes of its entry."""
    start = Entry(
        kind=found.kind,
        revision_sha256=found.revision_sha256,
        baseline_sha256=baseline_sha256,
        gate_sha256=hashlib.sha256(msgspec.json.encode(found.gate, order="sorted")).hexdigest(),
    )
    week = Week(campaign=found.campaign, seed=found.seed, digest=found.digest, runs=found.runs)
    with _alone(path):
        ledger = opened(path.read_bytes(), Ledger, str(path)) if path.exists() else Ledger()
        ledger, entry = continued(ledger, start, week)
        write_file(path, seal(ledger)[1])
    return entry.runs()


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """Two processes that add to one ledger wait for each other; the lock ends with its holder."""
    try:
        with path.with_name(f".{path.name}.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
    except OSError as error:
        raise Untrustworthy(f"{path} cannot be used: {error.strerror}") from error


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        message = f"the baseline cannot be read: {error.strerror}"
        help_text = "make one: hormesis gate CAMPAIGN --keep FILE"
        raise UsageProblem(
            (Problem(code="HRM402", message=message, file=str(path), help=help_text),)
        ) from error
