"""What the healer has in hand beside its books: of this life alone, and all of it can be begun anew."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from reference_pipeline.healing.canary import CanaryRun
from reference_pipeline.healing.replay import ReplayRun
from reference_pipeline.healing.verify import MappingCheck


@dataclass(slots=True)
class Work:
    """Begun acts and the questions that go with them, by the key of the act."""

    cursor: int = 0
    others: int = 0  # dead letters that no diagnosis is made for
    to_replay: set[str] = field(default_factory=set)
    checks: dict[str, MappingCheck] = field(default_factory=dict)
    replays: dict[str, ReplayRun] = field(default_factory=dict)
    left_out: dict[str, float] = field(default_factory=dict)  # the learner's count when it was first asked
    canaries: dict[str, CanaryRun] = field(default_factory=dict)
    asked: set[str] = field(default_factory=set)  # trainings that the learner was asked for
    tries: Counter[str] = field(default_factory=Counter)
    retry_s: dict[str, float] = field(default_factory=dict)
