"""When a fault was noticed and another version served, and what the trainings after it cost."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.episodes.learned import learned_of
from harness.episodes.log import RunLog
from harness.episodes.model import Learned
from harness.faults.effects import Hook
from harness.history.events import Acted, Injected
from harness.history.model import Said

INJECT_S, END_S = 100.0, 190.0
HARMED = "labelled decisions lose more than is borne"


def act(name: str, at_s: float, detail: str, *, effect: bool = False) -> Acted:
    return Acted(
        at_s=at_s,
        received_s=at_s,
        observer="registry:/aliases/champion" if effect else "learner:/acts",
        service="registry" if effect else "learner",
        act=name,
        detail=detail,
        effect=effect,
    )


def ended(at_s: float, detail: str) -> Acted:
    return act("training_ended", at_s, detail)


def moved(at_s: float, before: str = "a", after: str = "b") -> Acted:
    return act("alias_changed", at_s, f"champion {before} -> {after}", effect=True)


def injected(episode: int, at_s: float, shows: str = "") -> Injected:
    return Injected(
        episode=episode,
        effect=Hook(hook="model", action="stale"),
        sham=False,
        asked_at_s=at_s - 0.5,
        effective_at_s=at_s,
        pid=0,
        proof=(),
        shows=shows,
    )


def learned(*acted: Acted, journal: tuple[Said, ...] = (), log: RunLog | None = None) -> Learned:
    log = log or RunLog(injected={0: injected(0, INJECT_S)})
    log.acted = list(acted)
    return learned_of(log, journal, asked_s=INJECT_S - 0.5, inject_s=INJECT_S, end_s=END_S)


def detected(at_s: float, reason: str = HARMED, target: str = "model") -> Said:
    return Said(at_s, "detected", target, reason)


def noticed(*journal: Said) -> float | None:
    return learned(journal=journal).detected_s


def test_detection_is_the_first_alarm_since_the_fault() -> None:
    later = Said(105.0, "decided", "model", "it loses more"), detected(107.5), detected(120.0, "golden rows")
    assert noticed(*later) == 7.5
    assert noticed() is None
    assert noticed(detected(END_S + 1.0)) is None


def test_an_alarm_that_stood_before_the_fault_is_none() -> None:
    assert noticed(detected(50.0), detected(104.0)) is None
    assert noticed(detected(50.0), detected(104.0), detected(110.0, "golden rows")) == 10.0
    assert noticed(detected(50.0, target="scorer-a"), detected(104.0)) == 4.0


def test_an_alarm_that_was_settled_before_the_fault_may_come_again() -> None:
    settled = Said(80.0, "verified", "model", "better than a on 900 labelled rows")
    assert noticed(detected(50.0), settled, detected(104.0)) == 4.0
    assert noticed(detected(50.0), settled, detected(90.0), detected(104.0)) is None
    other = replace(settled, target="scorer-a")
    assert noticed(detected(50.0), other, detected(104.0)) is None


def test_promotion_is_the_first_alias_that_moves_after_the_fault() -> None:
    assert learned(moved(90.0), moved(112.0), moved(150.0)).promoted_s == 12.0
    assert learned(moved(90.0)).promoted_s is None
    assert learned(moved(END_S + 5.0)).promoted_s is None
    assert learned(act("canary_set", 110.0, "0.1", effect=True)).promoted_s is None


def test_an_alias_that_the_harness_set_is_no_promotion_and_a_rollback_is_one() -> None:
    log = RunLog(injected={0: injected(0, INJECT_S, "registry:/aliases/champion b")})
    assert learned(moved(100.2), log=log).promoted_s is None
    assert learned(moved(100.2), moved(109.0, "b", "a"), log=log).promoted_s == 9.0


def test_the_cpu_of_two_trainings_adds_up() -> None:
    found = learned(
        ended(120.0, "cpu 3.20 s"), act("training_begun", 130.0, "adapt"), ended(150.0, "cpu 4 s")
    )
    assert (found.trainings, found.cpu_s) == (2, 7.2)


def test_without_a_training_nothing_was_spent() -> None:
    assert (learned().trainings, learned().cpu_s) == (0, 0.0)


@pytest.mark.parametrize("detail", ["", "cpu ? s", "cpu -1 s", "3.2 s", "cpu 3.2 s of many"])
def test_a_training_that_does_not_tell_its_cost_makes_the_sum_unknown(detail: str) -> None:
    found = learned(ended(120.0, "cpu 3.20 s"), ended(150.0, detail))
    assert (found.trainings, found.cpu_s) == (2, None)


def test_trainings_count_from_the_fault_to_the_next_one_and_beyond_the_undo() -> None:
    told = [ended(at_s, "cpu 1.0 s") for at_s in (99.0, 101.0, END_S + 5.0, 299.0, 300.0)]
    log = RunLog(injected={0: injected(0, INJECT_S), 1: injected(1, 299.5)})
    assert learned(*told, log=log).trainings == 2
    assert learned(*told).trainings == 4


def test_a_training_that_ends_while_a_hook_is_at_work_is_the_next_faults() -> None:
    log = RunLog(injected={0: injected(0, INJECT_S), 1: injected(1, 150.0)})
    assert learned(ended(149.7, "cpu 1.00 s"), log=log).trainings == 0
    log.acted = [ended(149.7, "cpu 1.00 s")]
    assert learned_of(log, (), asked_s=149.5, inject_s=150.0, end_s=END_S).cpu_s == 1.0
