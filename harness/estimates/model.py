"""How sure: per-class figures with intervals. ``None`` at an upper end means "beyond the horizon"."""

from __future__ import annotations

import msgspec

from harness.estimates.counts import HarmCount, Rate


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Share(_Frozen, frozen=True, kw_only=True):
    """``k`` of ``n`` with its exact (Clopper-Pearson) two-sided 95 % interval; n = 0: low 0, high 1."""

    k: int
    n: int
    low_ratio: float
    high_ratio: float


NO_SHARE = Share(k=0, n=0, low_ratio=0.0, high_ratio=1.0)


class Quantile(_Frozen, frozen=True, kw_only=True):
    """A quantile with its exact order-statistic interval; ``needs_n`` > n: no figure is printed.

    ``value_s`` None with enough runs means that the quantile lies beyond the horizon.
    """

    q: float
    n: int
    needs_n: int
    value_s: float | None
    low_s: float | None
    high_s: float | None
    coverage_ratio: float | None


class Mean(_Frozen, frozen=True, kw_only=True):
    """A mean over runs with its interval (Student's t unless told otherwise); none for n < 2."""

    n: int
    mean: float | None
    low: float | None
    high: float | None


class DecisionEstimate(_Frozen, frozen=True, kw_only=True):
    """Decision quality of a class over ``n`` episodes, ``judged`` of them (else ``not_judged`` says why not).

    In ``hurt`` episodes the jump could be told from none over all decisions, in ``told`` over the last
    window, too. ``jump``: mean regret a decision that the move costs if nobody learns. ``left``: what was
    left of it over the last window, 1 = all, 0 = none, below 0 = better than before; ``left_in_all``: the
    same over all decisions from the injection on. ``back``: of those told, a quarter at most was left, and
    held. ``unanswered``: share of units that got no decision. ``excess_sum``: what was not won back, over an
    episode's decisions of the witness, in the world's unit of cost.
    """

    n: int
    not_judged: str
    judged: int
    hurt: int
    told: int
    unanswered: Mean
    jump: Mean
    left: Mean
    left_in_all: Mean
    back: Share
    back_s: tuple[float | None, ...]
    excess_sum: Mean


class TrainingEstimate(_Frozen, frozen=True, kw_only=True):
    """What training cost in ``n`` episodes of a class in which its end would have been seen.

    In ``blind`` others it could have stayed unseen. ``trainings`` were over in the ``n``; in ``untold`` of
    them one does not tell what it cost. ``cpu_s``: seconds of processor time an episode, of those that do.
    """

    n: int
    blind: int
    trainings: int
    untold: int
    cpu_s: Mean


class ClassEstimate(_Frozen, frozen=True, kw_only=True):
    """One fault class in one arm on one restart profile.

    Recovery quantiles are over episodes *with impact*; unrecovered ones count as beyond the horizon.
    ``mitigated``: of episodes with impact, back within tau while the fault was still there; the same for
    the *full* level. ``never``: of episodes with impact, not back within tau. ``impaired``: from which second
    on how many of them were not back yet, with pointwise intervals. ``acted``: of the episodes of which each
    act would have been seen, those with an act that answers the fault. ``gain_s`` is the loss prevented
    against arm ``bare`` of the same pair, where that ran too, else against ``none``. ``tau_s`` is the
    horizon, the fault's own length ``lasts_s`` included, None where it ends only when somebody ends it.
    """

    fault: str
    service: str
    arm: str
    restart_profile: str
    n: int
    void: int
    impact: Share
    recovered: Share
    mitigated: Share = NO_SHARE
    never: Share
    impaired: tuple[tuple[float, Share], ...]
    acted: Share
    full_impact: Share = NO_SHARE
    full_recovered: Share = NO_SHARE
    full_mitigated: Share = NO_SHARE
    served_median: Quantile
    served_p90: Quantile
    full_median: Quantile
    lost_s: Mean
    sham_lost_s: Mean
    gain_s: Mean
    ended_by: dict[str, int]
    flaps: int
    recovered_s: tuple[float | None, ...]
    full_recovered_s: tuple[float | None, ...] = ()
    tau_s: float
    lasts_s: float | None = None
    decisions: DecisionEstimate | None = None
    training: TrainingEstimate | None = None


class ArmEstimate(_Frozen, frozen=True, kw_only=True):
    """One arm on one restart profile: availability under sham and under fault, exactly once, acts.

    ``sham_acts`` counts what was seen; in which runs all would have been, their facts say (``observed``).
    ``false_heals``: healing episodes that began while nothing was broken, over that time, in all of its runs.
    ``platform_harms``: what the platform did to what nobody hit, or no longer did. ``never``: of all episodes
    with impact, whatever their class, not back within tau.
    """

    arm: str
    restart_profile: str
    runs: int
    sham_runs: int
    sham_availability: Mean
    fault_availability: Mean
    sham_acts: int
    sham_units: int = 0
    sham_degraded: int = 0
    blind_s: float = 0.0
    exactly_once: Share
    windows_met: Share
    false_heals: Rate | None = None
    platform_harms: tuple[HarmCount, ...] = ()
    never: Share


class Estimates(_Frozen, frozen=True, kw_only=True):
    """Everything that the verdict may look at."""

    classes: tuple[ClassEstimate, ...]
    arms: tuple[ArmEstimate, ...]
    runs: int
    void_runs: int
    unsafe_runs: int
