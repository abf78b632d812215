"""All that the healer reaches, in one value: the shell makes it, the loop uses it."""

from __future__ import annotations

from dataclasses import dataclass

from reference_pipeline.healing.journal import Journal
from reference_pipeline.healing.model_ports import Experience, Models
from reference_pipeline.healing.policy import PolicySource
from reference_pipeline.healing.ports import GatewaySwitches, Platform, Signals
from reference_pipeline.ports import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """All that the healer reaches; ``life`` makes its ids unique."""

    platform: Platform
    switches: GatewaySwitches
    signals: Signals
    experience: Experience
    models: Models
    journal: Journal
    policy: PolicySource
    clock: Clock
    life: str
