"""Short episodes on a virtual clock: what faults met, what the healer did, and five healers that break."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.faults.effects import Cut, Mutate
from harness.search import episode
from harness.search.episode import pinned
from harness.search.outcome import Invariant, Outcome
from harness.search.player import Played, play_out
from harness.search.schedule import Fault, schedule_of
from harness.search.workers import player_of
from harness.targets.simulation.system import SimulatedSystem
from tests.harness.search.ground import (
    SHORT,
    after,
    bad_model,
    closed_registry,
    ground,
    kill,
    pause,
    player,
    renamed,
)
from tests.tiers import few

BUGS = "benchmarks.search.bugs:open_{}"


def played(template: Path, *faults: Fault, bug: str = "") -> Outcome:
    outcome = player(template, BUGS.format(bug) if bug else "").play(schedule_of(faults))
    assert outcome.void == ""
    return outcome


def test_a_hang_is_healed_in_the_order_of_the_journal_and_breaks_nothing(small_template: Path) -> None:
    outcome = played(small_template, pause("scorer-a", 1.0, 8.0))
    kinds = ("detected", "diagnosed", "decided", "started", "finished", "verified")
    assert outcome.transitions == tuple(f"{kind} service" for kind in kinds)
    assert [one.event for one in outcome.seen][3] == "restart"
    assert outcome.broken == ()
    (met,) = outcome.met
    assert met.met
    assert met.began_s == 1.0
    assert met.ended_s is not None
    assert met.ended_s < 8.0, "the healer had ended the process, so the fault was over"


def test_the_same_schedule_is_the_same_episode_and_the_digest_sees_any_change(small_template: Path) -> None:
    one, again = (played(small_template, pause("features", 1.0, 4.0)) for _ in range(2))
    other = played(small_template, pause("features", 1.05, 4.0))
    assert one == again
    assert one.events > 3_000
    assert other.digest != one.digest


def test_faults_overlap_and_each_says_whether_anything_met_it(small_template: Path) -> None:
    cut = Fault(effect=Cut(edge="gateway-features"), at_s=1.0, lasts_s=3.0)
    outcome = played(small_template, cut, pause("registry", 2.0, 1.0), pause("registry", 2.5, 1.0))
    first, second, third = outcome.met
    assert (first.began_s, first.ended_s, first.met) == (1.0, 4.0, True)
    assert (second.began_s, second.ended_s, second.met) == (2.0, 3.0, True)
    assert (third.met, third.why) == (False, "it did not run")


def test_a_fault_waits_for_what_the_healer_does(small_template: Path) -> None:
    outcome = played(small_template, bad_model(), after(kill("features", 0.0), "rollback", 0.4))
    (rollback,) = (one.at_s for one in outcome.seen if one.event == "rollback")
    tied = outcome.met[1]
    assert tied.met
    assert tied.began_s == pytest.approx(rollback + 0.4, abs=0.26)
    schedule = schedule_of([bad_model(), after(kill("features", 0.0), "rollback", 0.4)])
    assert all(fault.after is None for fault in pinned(schedule, outcome).faults)


def test_what_never_comes_is_not_met_and_says_so(small_template: Path) -> None:
    outcome = played(small_template, after(kill("features", 0.0), "rollback", 0.0))
    (met,) = outcome.met
    assert (met.met, met.began_s, met.why) == (False, None, "what it waits for never came")


def test_two_hooks_do_not_cross(small_template: Path) -> None:
    outcome = played(small_template, bad_model(1.0, 4.0), bad_model(2.0, 4.0))
    assert [one.met for one in outcome.met] == [True, False]
    assert outcome.met[1].why == "another hook was in force"
    assert outcome.broken == ()


def test_records_are_changed_while_the_fault_lasts_and_put_right_afterwards(small_template: Path) -> None:
    outcome = played(small_template, renamed(1.0, 12.0))
    assert outcome.met[0].met
    assert outcome.transitions.count("started records") == 2  # a mapping, a replay
    assert outcome.broken == ()


def test_what_the_harness_cannot_do_makes_the_episode_void_and_hides_nothing(small_template: Path) -> None:
    nowhere = Fault(effect=Mutate(mutation="drop", field="no such field"), at_s=1.0, lasts_s=2.0)
    outcome = player(small_template).play(schedule_of([nowhere]))
    assert "no such field" in outcome.void
    assert outcome.broken == ()


def test_a_healer_that_reaches_for_the_real_world_can_be_said_nothing_of(small_template: Path) -> None:
    outcome = player(small_template, "tests.harness.search.leaky:open_leaky").play(
        schedule_of([kill("scorer-a", 1.0)])
    )
    assert "healer reached for the real world at" in outcome.void
    assert outcome.broken == ()


def test_a_fault_that_is_never_undone_is_no_end_after_which_all_was_served(
    small_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = SimulatedSystem.call_hook

    def silent(self: SimulatedSystem, name: str, words: tuple[str, ...]) -> list[bytes | Exception]:
        return [] if words[0] == "undo" else done(self, name, words)

    monkeypatch.setattr(SimulatedSystem, "call_hook", silent)
    outcome = player(small_template).play(schedule_of([bad_model(1.0, 1.0)]))
    assert "fault 1 is still in force: never undone" in outcome.void


def test_a_hook_that_is_late_is_asked_once_to_undo(small_template: Path) -> None:
    short = msgspec.structs.replace(SHORT, harm_max_s=4.0)
    mine = player_of(ground(small_template, limits=short))
    left = play_out(mine.material, schedule_of([bad_model(3.0, 10.0)]), short, seed=7, arm="reference")
    held = left.hand.held[0]
    assert held.met
    assert held.tries == 1
    assert held.ended_s == left.end_s


def test_what_broke_stays_broken_where_arm_none_cannot_be_played(
    small_template: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def of_one_arm(*arguments: object, seed: int, arm: str) -> Played:
        if arm == "none":
            raise RuntimeError("no such world")
        return play_out(*arguments, seed=seed, arm=arm)

    monkeypatch.setattr(episode, "play_out", of_one_arm)
    faults, invariant = CASES["overlap"]
    left = player_of(ground(small_template, BUGS.format("overlap"))).play(schedule_of(faults))
    assert left.void == ""
    assert invariant in {one.signature.invariant for one in left.broken}
    gateway = schedule_of([pause("gateway", 1.0, 6.0)])
    assert "no such world" in player_of(ground(small_template)).play(gateway).void


CASES: dict[str, tuple[tuple[Fault, ...], Invariant]] = {
    "overlap": ((bad_model(), after(closed_registry(), "rollback", 0.4)), "alias"),
    "half_done": ((bad_model(), after(kill("healer", 0.0), "rollback", 0.4)), "alias"),
    "quarantined": ((renamed(), bad_model(7.5, 10.0)), "alias"),
    "lost_alarm": ((pause("scorer-a", 1.0, 20.0), pause("scorer-a", 5.0, 20.0)), "alarm"),
    "double": ((pause("healer", 1.0, 3.0), pause("features", 2.5, 10.0)), "bounded"),
}


@pytest.mark.parametrize("bug", few(CASES, 2))
def test_a_broken_healer_breaks_its_invariant_and_the_sound_one_none(small_template: Path, bug: str) -> None:
    faults, invariant = CASES[bug]
    outcome = played(small_template, *faults, bug=bug)
    assert invariant in {one.signature.invariant for one in outcome.broken}, outcome
    assert all(one.met for one in outcome.met)
    assert played(small_template, *faults).broken == ()


@pytest.mark.slow
@pytest.mark.parametrize("bug", CASES)
def test_one_of_the_two_faults_alone_breaks_nothing(small_template: Path, bug: str) -> None:
    faults, _ = CASES[bug]
    assert played(small_template, faults[0], bug=bug).broken == ()


@pytest.mark.slow
def test_what_arm_none_cannot_meet_is_no_comparison(small_template: Path) -> None:
    again = after(pause("gateway", 0.0, 10.0), "detected", 0.8)
    outcome = played(small_template, pause("gateway", 1.0, 8.0), again)
    assert [one.met for one in outcome.met] == [True, True], "the healer had begun a new process by then"
    assert outcome.lost > 30
    assert outcome.broken == (), "where nobody begins one there is nothing to hit a second time"
