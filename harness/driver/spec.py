"""SPEC.json of the driver (docs/protocols/driver.md), decoded once and frozen."""

from __future__ import annotations

import msgspec

from harness.experiment.model import Profile, Workload


class Spec(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything that a driver needs; ``scenario`` goes to the world's opener as it is.

    ``url`` is the full address units are posted to; ``world`` is ``module:function``, found on
    ``world_path``; ``duration_s`` counts from the first slot to the end of the last.
    """

    seed: int
    duration_s: float
    profile: Profile
    world: str
    world_path: tuple[str, ...] = ()
    scenario: dict[str, str | int | float | bool] = {}
    template: str = ""
    url: str
    workload: Workload
    observations: str
