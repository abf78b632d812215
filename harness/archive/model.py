"""One stored campaign, whichever kind it is, as far as two can be compared."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import msgspec

from harness.estimates.counts import Rate
from harness.experiment.model import Profile

Kind = Literal["runs", "pairs"]
Key = tuple[int, str, str, bool]
"""A run among those of a campaign: pair, arm, restart profile, sham."""


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Identity(_Frozen, frozen=True, kw_only=True):
    """What was run on what, "" where the record does not tell.

    ``profile`` None: not in the record. ``code_sha256``: of harness, system and libraries.
    ``pace`` and ``fidelity``: of a virtual clock. ``plans``: digest of the plan by run, of all runs, or of
    the kept ones of a campaign of pairs.
    """

    kind: Kind
    title: str
    system: str
    target: str
    pace: str = ""
    fidelity: str = ""
    seed: int
    profile_name: str
    profile: Profile | None = None
    experiment_file: str
    experiment_sha256: str
    scenario: str = ""
    scenario_sha256: str = ""
    harness_version: str
    code_sha256: str = ""
    versions: dict[str, str] = {}
    machine: str = ""
    started_utc: str = ""
    plans: dict[Key, str] = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One fault in one run that counts. ``back_s`` None: not back within ``horizon_s``.

    ``met`` False: nothing of the system met the fault. ``detected_s`` (the healer's own word) and ``acted_s``
    (seen from outside): after the injection, None = not told.
    """

    index: int
    fault: str
    subject: str
    horizon_s: float
    met: bool
    hurt: bool
    back_s: float | None
    lost_s: float
    detected_s: float | None = None
    acted_s: float | None = None


@dataclass(frozen=True, slots=True)
class SideRun:
    """One run that counts; ``void`` holds the class of each of its episodes that does not."""

    key: Key
    cases: tuple[Case, ...]
    void: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """A stored campaign. ``word`` and ``why``: its verdict. ``heals``: false heals by arm and profile.

    ``total`` runs are in its record; ``runs`` holds none of them where no figure counts.
    """

    name: str
    identity: Identity
    word: str
    why: str
    total: int
    runs: tuple[SideRun, ...]
    heals: Mapping[tuple[str, str], Rate] = field(default_factory=dict)
