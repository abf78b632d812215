"""What was seen: one struct an episode, one a run. All marks are seconds after t_inj."""

from __future__ import annotations

import msgspec

from harness.episodes.loss import Loss
from harness.episodes.monitors import Confidence
from harness.episodes.partitions import Backfill
from harness.episodes.platform import PlatformHarm
from harness.episodes.timeline import ModelTimeline

NOT_EXERCISED = "not exercised"
"""How an episode ended whose fault nothing of the system has met."""


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Level(_Frozen, frozen=True, kw_only=True):
    """One level of service (*served* or *full*) in one episode.

    ``impact_s`` is the due time of the first bad unit that opens a violated window, None = absorbed.
    ``recovered_s`` is the start of the accepting window, None = not within tau.
    ``bound_low_s`` and ``bound_high_s`` bracket the length of the outage: from the end of the first
    bad unit to the sending of the last, and from the sending of the last good one before to the end
    of the first good one after (None where none follows within the episode, and in a partial outage).
    ``flaps`` counts how often service seemed back and was lost again, until the end of the episode;
    ``relapsed_s``: the first violated window after the recovery, None = it stayed so.
    """

    impact_s: float | None
    recovered_s: float | None
    bound_low_s: float | None
    bound_high_s: float | None
    flaps: int
    lost_s: float
    bad_ratio: float
    relapsed_s: float | None = None


class Debt(_Frozen, frozen=True, kw_only=True):
    """Accepted units that had not ended: at most ``band`` before the first fault, ``peak`` after this one.

    ``back_s``: seconds from injection until no more than ``band`` were owed, to the end of the episode;
    0 = more never were; None = not by then.
    """

    band: int
    peak: int
    back_s: float | None


class DecidedWindow(_Frozen, frozen=True, kw_only=True):
    """Mean regrets over one window of decisions, each with its standard error; instants are those of due.

    ``jump``: of the system as prepared, above its own had the world not moved. ``excess``: of what was
    served, above the same. ``left_ratio`` = excess / jump: 1 nothing won back, 0 healed, below 0 better than
    before; None where the jump cannot be told from none.
    """

    from_s: float
    until_s: float
    jump: float
    jump_error: float
    excess: float
    excess_error: float
    left_ratio: float | None


class Decided(_Frozen, frozen=True, kw_only=True):
    """Decision quality while a move was there, at most to the horizon (``episodes.decided``).

    ``n`` decisions of the witness, ``unanswered`` units besides. ``why``: why they cannot be judged, "" =
    they are. ``jump`` as in a window, over all of them; ``jump_sum`` and ``excess_sum`` add it up over units,
    in the world's unit of cost. ``last``: the last ``WINDOW`` decisions. ``back_s``: when no more than a
    quarter of the jump was left, and stayed so; None = it did not come to that.
    """

    n: int
    unanswered: int
    why: str = ""
    jump: float = 0.0
    jump_error: float = 0.0
    jump_sum: float = 0.0
    excess_sum: float = 0.0
    windows: tuple[DecidedWindow, ...] = ()
    last: DecidedWindow | None = None
    back_s: float | None = None


class Learned(_Frozen, frozen=True, kw_only=True):
    """What was seen of learning around one fault (``episodes.learned``); instants in seconds after t_inj.

    ``detected_s``: the healer's first alarm that was not standing before, by its own journal; ``promoted_s``:
    an alias was seen to move, and not by the harness. None = not before the undo. ``trainings`` that were
    over until the next fault cost ``cpu_s`` seconds of processor time; None = one of them does not tell.
    """

    detected_s: float | None = None
    promoted_s: float | None = None
    trainings: int = 0
    cpu_s: float | None = 0.0


class FalseHeal(_Frozen, frozen=True, kw_only=True):
    """One healing episode that began while nothing was broken (``episodes.heals``).

    ``acts`` acts on ``service`` within ``lasted_s`` seconds, the first of them ``act`` at ``at_s`` seconds
    after the first unit was due, ``by`` platform or healer.
    """

    at_s: float
    lasted_s: float
    service: str
    act: str
    by: str
    acts: int


class Episode(_Frozen, frozen=True, kw_only=True):
    """One fault in one run, from injection to its end.

    ``service`` is what was hit (``faults.effects.subject_among``). ``lasts_s`` None = sticky; ``horizon_s`` =
    tau, after the end of the fault where it ends by itself. ``ended_by`` is one of absorbed, not exercised,
    healed, platform, itself, undo (censored: not recovered within the horizon). ``mitigated``: service was
    back within tau while the fault was still there, at least a window before it went; None = no impact.
    ``exercised`` False: nothing but our own look met the fault, so it shows nothing of the system.
    ``void`` says why this episode may not be counted; empty = counted.
    ``quality`` is the share of good witness units in ``bin_s`` bins from ``from_s`` on; ``full_quality`` the
    share of those that were not degraded either, empty where it is the same. ``debt`` None: what is owed was
    not seen. ``decided`` None: the world does not know what is true of its records, or what decisions cost.
    ``models`` None: one version answered all along.
    ``confidence`` None: too few answers with a score to say anything. ``loss``: what the fault cost, by
    phase; None = no unit was due in the horizon. ``backfill``: what was missed, where partitions land; there
    ``debt`` counts rows that are overdue, and service is back only once it is.
    """

    index: int
    kind: str
    service: str
    name: str
    effective_s: float
    lasts_s: float | None = None
    horizon_s: float = 0.0
    mitigated: bool | None = None
    full_mitigated: bool | None = None
    served: Level
    full: Level
    acted_s: float | None
    act: str
    cleared_s: float | None
    cleared_by: str
    ended_by: str
    exercised: bool = True
    void: str
    quality_from_s: float
    quality_bin_s: float
    quality: tuple[float | None, ...]
    full_quality: tuple[float | None, ...] = ()
    debt: Debt | None = None
    decided: Decided | None = None
    models: ModelTimeline | None = None
    learned: Learned = Learned()
    confidence: Confidence | None = None
    loss: Loss | None = None
    backfill: Backfill | None = None


class RunFacts(_Frozen, frozen=True, kw_only=True):
    """One run: the statistical unit. ``void`` and ``unsafe`` say why, empty = none.

    ``acts``: effectful acts of platform and healer. ``blind_s``: how long some observer could not look;
    ``unlisted_blind_s``: of that, where acts are not listed, or not any more, so that no later look shows
    them. ``observed``: whether "no act seen" can mean "none done" at all (``episodes.acts.observed``).
    For ``unbroken_s`` seconds nothing was broken; ``false_heals`` are the healing episodes that began then.
    """

    run_id: str
    arm: str
    restart_profile: str
    sham: bool
    pair: int
    seed: int
    complete: bool
    void: str
    unsafe: str
    baseline_units: int
    baseline_bad: int
    units: int
    good_units: int
    availability_ratio: float | None
    windows: int
    windows_met: int
    send_lag_p99_ms: float | None
    stalls: int
    audit_observable: bool
    exactly_once: bool | None
    audit_text: str
    accepted: int
    acts: int
    blind_s: float = 0.0
    unlisted_blind_s: float = 0.0
    observed: bool = False
    degraded_units: int = 0
    unbroken_s: float = 0.0
    false_heals: tuple[FalseHeal, ...] = ()
    platform_harms: tuple[PlatformHarm, ...] = ()
    history_sha256: str
    episodes: tuple[Episode, ...]
