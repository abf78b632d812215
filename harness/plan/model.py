"""What was decided: a plan is one run's timetable, complete and hashed."""

from __future__ import annotations

import msgspec

from harness.experiment.model import Background, Profile
from harness.faults.effects import Effect


class PlannedEpisode(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One fault in a run. Instants are seconds after the first due slot.

    ``inject_at_s`` < ``undo_at_s`` = inject_at_s + what the fault lasts by itself (0 where it stays until
    undone) + tau + W + H <= ``end_at_s`` (wash-out included): a timed fault is watched after its own end.
    In a sham plan the same timetable runs with an effect of size zero.
    """

    index: int
    name: str
    kind: str
    effect: Effect
    inject_at_s: float
    undo_at_s: float
    end_at_s: float


class Plan(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One run: one arm, one seed, fault or sham, on one restart profile.

    ``pair`` numbers the repetition; runs of one pair share ``seed`` and so ids, rows and offsets.
    """

    version: int = 1
    experiment: str
    experiment_sha256: str
    system: str
    scenario_sha256: str
    target: str
    seed: int
    pair: int
    arm: str
    sham: bool
    restart_profile: str
    profile: Profile
    world_s_per_run_s: float
    episodes: tuple[PlannedEpisode, ...]
    duration_s: float
    background: Background | msgspec.UnsetType = msgspec.UNSET
    sha256: str
