"""A claim about decisions: only episodes whose move cost something count, and none at all is never a pass."""

from __future__ import annotations

from functools import cache

import pytest
from msgspec.structs import replace as changed

from harness.episodes.facts import facts
from harness.episodes.model import RunFacts
from harness.estimates.estimate import estimate
from harness.verdict.judge import judge
from harness.verdict.model import Claim
from tests.traps.histories import PROFILE, Outage, history_of, killed, objective
from tests.traps.moved import concept_change


@cache
def _facts(story: str) -> RunFacts:
    told = {
        "healed": concept_change(healed_after_s=-0.1),
        "hurt": concept_change(),
        "harmless": concept_change(hurts=False),
        "another": concept_change(declined_before=True),
        "lost": concept_change(healed_after_s=-0.1, outages=(Outage(1.0, 2.0),)),
        "silent": concept_change(healed_after_s=-0.1, outages=(Outage(3.0, 1e9),)),
        "untold": killed(0.3),
    }
    return facts(history_of(told[story]))


def claim_of(limit: float = 0.25, **counts: int) -> Claim:
    told = [story for story, count in counts.items() for _ in range(count)]
    runs = [changed(_facts(story), run_id=f"r{i:04d}", pair=i) for i, story in enumerate(told)]
    kind = runs[0].episodes[0].kind
    asked = objective(fault=kind, harm_left_ratio=limit)
    found = judge(estimate(runs, PROFILE), runs, [asked], campaign_id="c", planned_runs=len(runs))
    (claim,) = found.claims
    assert claim.about == (kind, runs[0].episodes[0].service, runs[0].arm, runs[0].restart_profile)
    return claim


@pytest.mark.parametrize(
    ("counts", "word"),
    [
        ({"healed": 29}, "PASS"),
        ({"healed": 28}, "INCONCLUSIVE"),
        ({"hurt": 2}, "FAIL"),
        ({"healed": 28, "hurt": 1}, "INCONCLUSIVE"),
        ({"healed": 28, "harmless": 20}, "INCONCLUSIVE"),
        ({"healed": 29, "harmless": 1}, "PASS"),
        ({"healed": 29, "another": 1}, "INCONCLUSIVE"),
        ({"healed": 29, "silent": 1}, "INCONCLUSIVE"),
        ({"harmless": 29}, "VOID"),
        ({"another": 29}, "VOID"),
        ({"untold": 29}, "VOID"),
    ],
)
def test_what_is_left_needs_evidence_from_episodes_that_cost_something(
    counts: dict[str, int], word: str
) -> None:
    assert claim_of(**counts).word == word


def test_all_of_it_left_meets_a_claim_of_all() -> None:
    assert claim_of(1.0, hurt=29).word == "PASS"


def test_what_does_not_count_and_what_never_came_is_told() -> None:
    told = claim_of(healed=1, harmless=2, lost=1).evidence
    assert "2 in which no harm could be told at the end" in told
    assert "decisions never came" in told


def test_a_claim_about_nothing_says_why() -> None:
    assert "in none of 3 episodes did the move cost anything" in claim_of(harmless=3).evidence
    assert "as the reference did" in claim_of(another=1).evidence
    assert "does not tell what is true" in claim_of(untold=1).evidence
