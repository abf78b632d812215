"""``report.json`` as a type: all that is shown anywhere, and nothing that is not computed here."""

from __future__ import annotations

import msgspec

from harness.episodes.model import RunFacts
from harness.estimates.model import Estimates
from harness.estimates.points import Score
from harness.experiment.model import Profile
from harness.report.past import Past
from harness.verdict.model import Verdict


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Check(_Frozen, frozen=True, kw_only=True):
    """One line of "Can these numbers be trusted?"; ``weak``: a limit that is told, neither ok nor broken."""

    text: str
    value: str
    ok: bool
    weak: bool = False


class Inputs(_Frozen, frozen=True, kw_only=True):
    """What was run on what: identities and hashes, nothing of the user's data.

    ``code_sha256``: of harness, system and libraries, "" = not recorded.
    ``history_sha256``: of each run's history as it was read, run by run like ``plan_sha256``.
    """

    title: str
    system: str
    target: str
    seed: int
    profile: Profile
    experiment_file: str
    experiment_sha256: str
    scenario_sha256: str
    harness_version: str
    machine: str
    started_utc: str
    plan_sha256: tuple[str, ...]
    scenario: str = ""
    code_sha256: str = ""
    history_sha256: tuple[str, ...] = ()


class Document(_Frozen, frozen=True, kw_only=True):
    """``version`` rises when a field changes meaning; fields are only ever added.

    ``repeated``: runs that were done again because their baseline was not met and nothing was
    injected; nothing is computed of them. ``past``: what the store held before; None = nothing of this kind.
    """

    version: int = 1
    campaign: str
    inputs: Inputs
    verdict: Verdict
    estimates: Estimates
    trust: tuple[Check, ...]
    runs: tuple[RunFacts, ...]
    repeated: tuple[RunFacts, ...] = ()
    scores: tuple[Score, ...] = ()
    past: Past | None = None
