"""Questions and rows made by hand; little is imported, for processes that tests start and kill."""

from __future__ import annotations

import msgspec

from harness.campaign.model import EpisodeRow, Question, RunRow
from harness.experiment.model import Arm


def question(**changed: object) -> Question:
    """A question that nothing real belongs to."""
    asked = Question(
        title="A kill",
        experiment_file="kill.yaml",
        experiment_sha256="",
        code_sha256="",
        profile="",
        system="toy",
        arms=("none", "reference"),
        seed=7,
        pairs_max=20,
        pairs_a_chunk=2,
        harness_version="0",
    )
    return msgspec.structs.replace(asked, **changed)


def episode(recovered_ms: int | None = 4000, lost_ms: int = 1000, **changed: object) -> EpisodeRow:
    """A fault that hurt, unless ``impact_ms`` says otherwise."""
    one = EpisodeRow(
        index=0,
        kind="process.kill",
        subject="scorer-a",
        void="",
        ended_by="healed",
        horizon_ms=10_000,
        impact_ms=20,
        recovered_ms=recovered_ms,
        lost_ms=lost_ms,
        tau_ms=10_000,
    )
    return msgspec.structs.replace(one, **changed)


def row(pair: int, arm: Arm = "none", *episodes: EpisodeRow, sham: bool = False, **changed: object) -> RunRow:
    """A run in which all went well."""
    one = RunRow(
        pair=pair,
        arm=arm,
        restart_profile="fast",
        sham=sham,
        why="",
        digest=f"{pair} {arm} {sham}",
        virtual_ms=60_000,
        units=1000,
        good=990,
        available_ppm=990_000,
        exactly_once=True,
        sees_acts=True,
        unbroken_ms=40_000,
        episodes=episodes,
    )
    return msgspec.structs.replace(one, **changed)
