"""A run and a campaign as read back from their folders."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from harness.experiment.model import Gate, Objective, Pace, Profile
from harness.experiment.rules import ScoreRules
from harness.history.events import Entry
from harness.history.observations import Rows
from harness.plan.model import Plan


class CampaignFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``campaign.json``: what all runs of one command share.

    ``gate``: what a version may be worse by, with the arm that is judged. ``pack_sha256``: the question
    without the system; ``code_sha256``: of harness and system. ``beside``: the campaign of the version that
    ran beside, "" = none did.
    """

    version: int = 1
    id: str
    title: str
    system: str
    target: str
    seed: int
    profile: Profile
    experiment_file: str
    experiment_sha256: str
    scenario_sha256: str
    scenario: str = ""
    harness_version: str
    machine: str
    started_utc: str
    planned_runs: int
    objectives: tuple[Objective, ...]
    score: ScoreRules = ScoreRules()
    gate: Gate = Gate()
    pack_sha256: str = ""
    code_sha256: str = ""
    beside: str = ""


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``manifest.json`` of a run: what is needed to read its other files and to doubt them.

    ``columns`` is the dtype of ``observations.bin``; ``campaign_sha256`` is of ``campaign.json``.
    ``observe_every_s``: how often observed routes were looked at, where the run could choose; 0 = as usual.
    ``pace``: of a virtual clock; of any other it says nothing.
    """

    version: int = 1
    run_id: str
    seed: int
    plan_sha256: str
    campaign_sha256: str
    versions: dict[str, str]
    machine: str
    abilities: tuple[str, ...]
    columns: tuple[tuple[str, str], ...]
    observe_every_s: float = 0.0
    pace: Pace = "dense"


@dataclass(frozen=True, slots=True)
class Said:
    """One line of the healer's journal: when we had it (monotonic seconds), and its words."""

    received_s: float
    kind: str
    target: str
    reason: str


@dataclass(frozen=True, slots=True)
class History:
    """One run as recorded. ``cut`` says why it is not complete; empty = complete and chained.

    ``rows`` are sorted by nothing: they stand in order of completion. ``journal``: the healer's own words,
    which no digest seals; they give reasons and no figures.
    """

    run_id: str
    plan: Plan
    entries: tuple[Entry, ...]
    rows: Rows
    cut: str
    sha256: str
    journal: tuple[Said, ...] = ()


PAST_FILE = "past.json"
QUESTION_FILE = "question.json"
"""Only a campaign of pairs holds it."""


@dataclass(frozen=True, slots=True)
class Campaign:
    """One command's runs, in the order in which they were run.

    ``past``: what its store held before, as it was kept beside them (``report.past``); None = nothing.
    """

    file: CampaignFile
    runs: tuple[History, ...]
    past: bytes | None = None
