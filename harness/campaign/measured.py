"""Two versions that ran beside each other -> what a gate weighs.

Comes in: a store and the campaign of ``hormesis run --against``. Goes out: its runs, each with its
counterpart, and the times of the version beside for a baseline. All is computed anew from the histories;
nothing is run.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec

from harness.campaign.outcomes import outcomes
from harness.campaign.rows import row_of_facts, worth_of
from harness.errors import Refused
from harness.experiment.model import Arm, Gate
from harness.history.model import Campaign, CampaignFile
from harness.history.store import find_campaign, read_campaign
from harness.plan.safety import SIMULATION
from harness.report.compose import compose_campaign, doubts_of
from harness.report.document import Document
from harness.verdict.baseline import Baseline, Kind, seal, times_of
from harness.verdict.outcomes import RunOutcome


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """A version, and the one beside it. ``doubts``: what the instrument found against itself in either."""

    file: CampaignFile
    document: Document
    kind: Kind
    runs: tuple[RunOutcome, ...]
    beside: Baseline
    beside_code_sha256: str
    doubts: tuple[str, ...]

    @property
    def gate(self) -> Gate:
        """What its experiment says a version may be worse by."""
        return self.file.gate


def measured(store: Path, name: str) -> Measured:
    """Read the campaign ``name`` (an id in ``store``, or a path) and the one beside it.

    Raises Refused where none ran beside, or another than the campaign says.
    """
    folder = find_campaign(store, name)
    ours = read_campaign(folder)
    if not ours.file.beside:
        raise Refused(
            f"{folder.name} ran alone: what a machine measured another day is no baseline; run both versions"
            " beside each other, `hormesis run FILE --against OLD_FILE`, or on a virtual clock, `hormesis"
            " campaign`"
        )
    theirs = _beside(folder, ours.file)
    document, other = compose_campaign(ours), compose_campaign(theirs)
    beside = _outcomes(theirs.file, other)
    others = {_key(run, theirs.file): run for run in beside}
    runs = [_paired(run, others.pop(_key(run, ours.file), None)) for run in _outcomes(ours.file, document)]
    runs += [RunOutcome(name=run.name, unsafe=True) for run in others.values() if run.unsafe]
    kind = _kind(ours.file)
    baseline = Baseline(
        kind=kind,
        campaign=theirs.file.id,
        seed=theirs.file.seed,
        made_utc=theirs.file.started_utc,
        times_s=times_of(beside),
    )
    return Measured(
        file=ours.file,
        document=document,
        kind=kind,
        runs=tuple(runs),
        beside=seal(baseline)[0],
        beside_code_sha256=theirs.file.code_sha256,
        doubts=(*_doubts(ours.file, document), *_doubts(theirs.file, other)),
    )


def _doubts(file: CampaignFile, document: Document) -> Iterator[str]:
    """What speaks against all of a campaign; who was interrupted may have been so by the worst run."""
    recorded = len(document.runs)
    if recorded != file.planned_runs:
        yield f"{file.id}: {recorded} runs were recorded and {file.planned_runs} were planned"
    yield from (f"{file.id}: {doubt}" for doubt in doubts_of(document.trust))


def _beside(folder: Path, file: CampaignFile) -> Campaign:
    place = folder.parent / file.beside
    if not (place / "campaign.json").is_file():
        raise Refused(f"{file.beside}, which ran beside {file.id}, does not lie beside it any more")
    theirs = read_campaign(place)
    asked = [(one.pack_sha256, one.target, one.seed) for one in (theirs.file, file)]
    if asked[0] != asked[1]:
        raise Refused(f"{file.beside} is another question than {file.id}: they did not run beside each other")
    return theirs


def _outcomes(file: CampaignFile, document: Document) -> tuple[RunOutcome, ...]:
    worth, tau_s = worth_of(file.score), file.profile.tau_s
    rows = [
        row_of_facts(
            run, run.unsafe or run.void or ("" if run.complete else "not complete"), worth, tau_s=tau_s
        )
        for run in document.runs
    ]
    return outcomes(file.id, msgspec.convert(file.gate.arm, Arm), rows)


def _paired(run: RunOutcome, other: RunOutcome | None) -> RunOutcome:
    if other is None:
        return run
    return msgspec.structs.replace(run, beside=other.recoveries, unsafe=run.unsafe or other.unsafe)


def _key(run: RunOutcome, file: CampaignFile) -> str:
    """Name a run without its campaign."""
    return run.name.removeprefix(file.id)


def _kind(file: CampaignFile) -> Kind:
    return Kind(
        pack_sha256=file.pack_sha256,
        system=file.system,
        arm=msgspec.convert(file.gate.arm, Arm),
        target=file.target,
        fidelity="exact" if file.target == SIMULATION else "",
        pace="dense",
        harness_version=file.harness_version,
    )
