"""Stories of runs in a world that moves: rows with a known truth, and a share of the harm won back."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from harness.faults.effects import Shift
from harness.history import events as ev
from harness.history.events import Event
from harness.history.model import Campaign, Said
from harness.history.observations import DECLINED_FLAG, REFERENCE_KNOWN, Rows
from tests.traps.histories import CLOCK_ZERO_S, PROFILE, Story, campaign_of, plan_of

MOVE = Shift(knob="pattern_risk", value=0.7, moves="truth")
TOUCHED = ev.Touched(episode=0, touched=160, quarantined=0, delivered=160, lost=0, refused=0, collateral=0)
HIT_EVERY = 10  # so many units: one of them becomes a fraud


def concept_change(
    healed_after_s: float = 1e9,
    *,
    hurts: bool = True,
    hit_every: int = HIT_EVERY,
    declined_before: bool = False,
    **changes: object,
) -> Story:
    """Some units become frauds that the system as prepared lets through, until it is healed.

    ``declined_before``: the system that runs decides otherwise than the reference before anything happens.
    """
    plain = Story(kind="world.concept_change", effect=MOVE, profile=PROFILE)
    story = replace(plain, **changes)  # type: ignore[arg-type]
    onset_s = CLOCK_ZERO_S + plan_of(story).episodes[0].inject_at_s
    end_s = CLOCK_ZERO_S + plan_of(story).episodes[0].undo_at_s

    def rows(made: Rows) -> Rows:
        moved = (made["due"] >= onset_s) & (made["due"] < end_s) & (not story.sham)
        hit = moved & (np.arange(len(made)) % hit_every == 0) & hurts
        made["posterior_before"] = 0.001
        made["posterior"] = np.where(hit, 0.7, 0.001)
        made["reference"] = REFERENCE_KNOWN
        declines = hit & (made["due"] >= onset_s + healed_after_s)
        declines |= (made["due"] < onset_s) & declined_before
        made["flags"] = np.where(declines, DECLINED_FLAG, 0)
        return made

    def priced(told: list[Event]) -> list[Event]:
        touched = [] if story.sham else [TOUCHED]
        return [told[0], ev.Priced(missed=20.0, declined_good=1.0), *told[1:], *touched]

    return replace(story, rows=rows, events=priced)


def noticed() -> Campaign:
    """A concept change in the arms reference and none, and its sham run in none.

    Reference lets nothing through; its healer says so after 1 s, an alias moves after 2 s, and two trainings
    end meanwhile. All acts of it would have been seen.
    """
    plain = concept_change(healed_after_s=-0.1, arm="reference")
    onset_s = CLOCK_ZERO_S + plan_of(plain).episodes[0].inject_at_s
    told = (
        _seen("training_ended", onset_s + 1.5, "cpu 3.20 s"),
        _seen("training_ended", onset_s + 1.8, "cpu 1.30 s"),
        _seen("alias_changed", onset_s + 2.0, "champion 1.0.0+a -> 1.1.0+b", effect=True),
        ev.Looked(observer="learner:/acts", looks=40, failures=0, listed=True),
    )
    learning = replace(plain, events=lambda events: [*plain.events(events), *told])
    campaign = campaign_of(learning, concept_change(), concept_change(sham=True))
    said = Said(onset_s + 1.0, "detected", "model", "labelled decisions lose more than is borne")
    first, *others = campaign.runs
    return replace(campaign, runs=(replace(first, journal=(said,)), *others))


def _seen(act: str, at_s: float, detail: str, *, effect: bool = False) -> ev.Acted:
    return ev.Acted(
        at_s=at_s,
        received_s=at_s,
        observer="learner:/acts",
        service="learner",
        act=act,
        detail=detail,
        effect=effect,
    )
