"""One run -> the row that is kept of it, or weighed.

Comes in: a simulated run in memory, the facts of a measured one, or a plan and why there is no run. Goes out:
``RunRow``. Pure.
"""

from __future__ import annotations

import re

import msgspec

from harness.campaign.model import EpisodeRow, RunRow
from harness.episodes.acts import sees_acts
from harness.episodes.facts import facts
from harness.episodes.model import Decided, Episode, RunFacts
from harness.estimates.lost import MILLION, lost_us
from harness.experiment.model import Arm, RestartProfile
from harness.experiment.rules import ScoreRules
from harness.plan.model import Plan
from harness.run.simulated import SimulatedRun

BASELINE_NOT_MET = "its baseline was not met"
_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_WHY_MAX = 500


def row_of(run: SimulatedRun, *, bad_ratio_max: float, worth_ppm: int = MILLION) -> RunRow:
    """Compute the facts of a run as of any other, and keep what a table needs of them.

    ``worth_ppm``: what a degraded answer counts, in millionths of a full one.
    """
    found = facts(run.history, bad_ratio_max=bad_ratio_max)
    row = row_of_facts(found, _why(run, found), worth_ppm, tau_s=run.history.plan.profile.tau_s)
    return msgspec.structs.replace(
        row,
        digest=run.digest,
        unsafe=bool(found.unsafe) or run.state == "unsafe",
        virtual_ms=_ms(run.virtual_s),
        errors=len(run.errors),
    )


def row_of_facts(found: RunFacts, why: str, worth_ppm: int = MILLION, *, tau_s: float) -> RunRow:
    """The row of what was computed of a run; ``why`` it does not count, "" = it does.

    ``tau_s``: of its profile; points are out of it, as in ``estimates.score``, and not out of the horizon.
    """
    available = found.availability_ratio
    return RunRow(
        pair=found.pair,
        arm=msgspec.convert(found.arm, Arm),
        restart_profile=msgspec.convert(found.restart_profile, RestartProfile),
        sham=found.sham,
        why=why,
        digest="",
        unsafe=bool(found.unsafe),
        units=found.units,
        good=found.good_units,
        available_ppm=None if available is None else round(1e6 * available),
        exactly_once=found.exactly_once,
        acts=found.acts,
        sees_acts=sees_acts(found),
        false_heals=len(found.false_heals),
        unbroken_ms=_ms(found.unbroken_s),
        episodes=tuple(_episode(one, worth_ppm, tau_s) for one in found.episodes),
    )


def worth_of(rules: ScoreRules) -> int:
    """What a degraded answer counts, in millionths; as much as a full one unless declared."""
    return MILLION if rules.degraded_worth_ratio is None else round(MILLION * rules.degraded_worth_ratio)


def failed(plan: Plan, why: str) -> RunRow:
    """The row of a run that there is nothing of but ``why``.

    Addresses of objects are taken out: they differ from process to process.
    """
    return RunRow(
        pair=plan.pair,
        arm=msgspec.convert(plan.arm, Arm),
        restart_profile=msgspec.convert(plan.restart_profile, RestartProfile),
        sham=plan.sham,
        why=_ADDRESS.sub("0x", why)[:_WHY_MAX] or "it ended without a word",
        digest="",
    )


def _why(run: SimulatedRun, found: RunFacts) -> str:
    if run.state == "baseline":
        return BASELINE_NOT_MET
    why = found.unsafe or found.void or ("" if run.state == "ended" else run.state)
    return _ADDRESS.sub("0x", why or ("" if found.complete else "not complete"))


def _episode(episode: Episode, worth_ppm: int, tau_s: float) -> EpisodeRow:
    return EpisodeRow(
        index=episode.index,
        kind=episode.kind,
        subject=episode.service,
        void=episode.void,
        ended_by=episode.ended_by,
        horizon_ms=_ms(episode.horizon_s),
        impact_ms=_perhaps_ms(episode.served.impact_s),
        recovered_ms=_perhaps_ms(episode.served.recovered_s),
        lost_ms=_ms(episode.served.lost_s),
        loss_ppm=_loss_ppm(episode.decided),
        kept_ppm=_kept_ppm(episode, worth_ppm, tau_s),
        tau_ms=_ms(tau_s),
    )


def _kept_ppm(episode: Episode, worth_ppm: int, tau_s: float) -> int | None:
    if episode.loss is None:
        return None
    tau_us = round(MILLION * tau_s)
    return MILLION - round(MILLION * lost_us(episode.loss, worth_ppm, tau_us) / tau_us)


def _loss_ppm(decided: Decided | None) -> int | None:
    if decided is None or decided.why or not decided.n:
        return None
    return round(1e6 * decided.excess_sum / decided.n)


def _perhaps_ms(seconds: float | None) -> int | None:
    return None if seconds is None else _ms(seconds)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
