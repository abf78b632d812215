"""One simulated run -> the row that is kept of it; pure."""

from __future__ import annotations

import msgspec

from harness.campaign.model import EpisodeRow, RunRow
from harness.episodes.facts import facts
from harness.episodes.model import Decided, Episode, RunFacts
from harness.experiment.model import Arm, RestartProfile
from harness.run.simulated import SimulatedRun

BASELINE_NOT_MET = "its baseline was not met"


def row_of(run: SimulatedRun, *, bad_ratio_max: float) -> RunRow:
    """Compute the facts of a run as of any other, and keep what a table needs of them."""
    found = facts(run.history, bad_ratio_max=bad_ratio_max)
    plan = run.history.plan
    return RunRow(
        pair=plan.pair,
        arm=msgspec.convert(plan.arm, Arm),
        restart_profile=msgspec.convert(plan.restart_profile, RestartProfile),
        sham=plan.sham,
        why=_why(run, found),
        digest=run.digest,
        virtual_ms=_ms(run.virtual_s),
        events=run.events,
        units=found.units,
        good=found.good_units,
        exactly_once=found.exactly_once is True,
        acts=found.acts,
        false_heals=len(found.false_heals),
        unbroken_ms=_ms(found.unbroken_s),
        errors=len(run.errors),
        episodes=tuple(_episode(one) for one in found.episodes),
    )


def _why(run: SimulatedRun, found: RunFacts) -> str:
    if run.state == "baseline":
        return BASELINE_NOT_MET
    return found.unsafe or found.void or ("" if run.state == "ended" else run.state)


def _episode(episode: Episode) -> EpisodeRow:
    return EpisodeRow(
        kind=episode.kind,
        subject=episode.service,
        void=episode.void,
        ended_by=episode.ended_by,
        impact_ms=_perhaps_ms(episode.served.impact_s),
        recovered_ms=_perhaps_ms(episode.served.recovered_s),
        acted_ms=_perhaps_ms(episode.acted_s),
        lost_ms=_ms(episode.served.lost_s),
        loss_ppm=_loss_ppm(episode.decided),
    )


def _loss_ppm(decided: Decided | None) -> int | None:
    if decided is None or decided.why or not decided.n:
        return None
    return round(1e6 * decided.excess_sum / decided.n)


def _perhaps_ms(seconds: float | None) -> int | None:
    return None if seconds is None else _ms(seconds)


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
