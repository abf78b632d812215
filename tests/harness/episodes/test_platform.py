"""Harm by the platform is what ended that nobody was to hit, and a loop that gave up; never what we did."""

from __future__ import annotations

import pytest

from harness.episodes.platform import platform_harms
from harness.faults.effects import Kill
from harness.history.events import Injected, Platform

HIT = Injected(
    episode=0,
    effect=Kill(service="one"),
    sham=False,
    asked_at_s=10.0,
    effective_at_s=10.01,
    pid=7,
    proof=(),
)


def line(at_s: float, service: str, act: str, pid: int = 0, *, detail: str = "") -> Platform:
    return Platform(at_s=at_s, service=service, act=act, pid=pid, detail=detail)


def harms(*ledger: Platform, injected=(HIT,)) -> list[tuple[float, str, str]]:
    return [(one.at_s, one.service, one.what) for one in platform_harms(ledger, injected)]


def test_a_loop_that_gave_up_and_a_sibling_that_ended_are_harm() -> None:
    seen = harms(
        line(10.01, "one", "ended", pid=7),
        line(10.5, "two", "ended", pid=8),
        line(11.0, "one", "gave_up"),
        line(11.5, "three", "exited", pid=9, detail="SIGKILL"),
    )
    assert seen == [(0.5, "two", "took down"), (1.0, "one", "gave up"), (1.5, "three", "took down")]


@pytest.mark.parametrize(
    "ledger",
    [
        [line(10.01, "one", "exited", pid=7)],
        [line(9.0, "two", "exited", pid=8)],
        [line(11.0, "two", "asked", detail="restart by healer"), line(11.1, "two", "exited", pid=8)],
        [line(11.0, "two", "killed", pid=8), line(11.1, "two", "exited", pid=8)],
        [line(11.0, "two", "ended", pid=8, detail="with its loop")],
        [line(12.0, "", "asked", detail="shutdown"), line(12.1, "two", "exited", pid=8)],
    ],
    ids=["the one that was hit", "before", "asked for", "by liveness", "with its loop", "at the end"],
)
def test_what_was_hit_asked_for_or_before_is_no_harm(ledger: list[Platform]) -> None:
    assert harms(*ledger) == []


def test_an_order_excuses_one_end_and_not_the_next() -> None:
    ledger = [
        line(11.0, "two", "asked", detail="restart"),
        line(11.1, "two", "exited", pid=8),
        line(11.2, "two", "started", pid=9),
        line(13.0, "two", "exited", pid=9),
    ]
    assert harms(*ledger) == [(3.0, "two", "took down")]


def test_without_a_fault_nothing_is_harm() -> None:
    assert harms(line(11.0, "two", "exited", pid=8), injected=()) == []


def test_an_orphan_is_harm_and_whoever_could_not_have_its_port_is_not_taken_down() -> None:
    ledger = [
        line(10.01, "one", "ended", pid=7),
        line(10.2, "one", "orphan", pid=8),
        line(10.3, "one", "started", pid=9),
        line(10.4, "one", "ended", pid=9),
        line(12.0, "one", "orphan_ended", pid=8),
        line(12.1, "one", "started", pid=10),
    ]
    assert harms(*ledger) == [(0.2, "one", "left an orphan")]
    later = line(13.0, "one", "ended", pid=10)
    assert harms(*ledger, later)[1:] == [(3.0, "one", "took down")]
