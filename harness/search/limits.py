"""How long an episode is, and what is asked of a healer in it: every number that decides a failure."""

from __future__ import annotations

from typing import Annotated

import msgspec

from harness.experiment.model import Profile

Positive = Annotated[float, msgspec.Meta(gt=0)]

LIGHT = Profile(
    name="search",
    rate_hz=5.0,
    golden_every=2,
    load_batch=0,
    baseline_units=100,
    window_s=4.0,
    window_units=20,
    hold_s=3.0,
    tau_s=10.0,
    settle_s=20.0,
)
"""Few units, so that an episode is cheap; every other one golden, so that a wrong model shows at once."""


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Seconds of virtual time, units and acts.

    ``warm_s``: before the first fault. ``harm_max_s``: then every fault is ended, begun or not. ``span_s``,
    ``lasts_max_s``, ``faults_max``: what is drawn. ``trigger_s``: so long a fault waits for its event when
    nothing else is going on. ``calm_s``: watched at least after the last fault, longer where not served yet.

    ``tau_s``: served again so soon after the last fault is gone, and for ``hold_s`` on end. ``eps_units``: so
    many more units may be lost than in arm none. ``cause_s``: so long after a fault an act may be its doing.
    ``acts_max``: of the healer in one episode; ``apart_s``: between two restarts of one service. ``alarm_s``:
    so long a healer with nothing in hand may leave a diagnosis without a decision while the fault is there.
    """

    profile: Profile = LIGHT
    warm_s: Positive = 2.5
    harm_max_s: Positive = 50.0
    span_s: Positive = 15.0
    lasts_max_s: Positive = 20.0
    faults_max: Annotated[int, msgspec.Meta(ge=1)] = 4
    trigger_s: Positive = 8.0
    calm_s: Positive = 5.0
    tau_s: Positive = 10.0
    hold_s: Positive = 3.0
    eps_units: Annotated[int, msgspec.Meta(ge=0)] = 15
    cause_s: Positive = 15.0
    acts_max: Annotated[int, msgspec.Meta(ge=1)] = 30
    apart_s: Positive = 5.0
    alarm_s: Positive = 12.0

    @property
    def length_s(self) -> float:
        """The longest that an episode can be, from its first slot: units are drawn for so long."""
        return self.warm_s + self.harm_max_s + _UNDO_S + self.tau_s + self.hold_s


_UNDO_S = 20.0  # a hook that cannot undo at once is asked again
