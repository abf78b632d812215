"""Known answers of a program that nobody wrote for us, under three platforms; harm that a platform does."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from own_kit import DELAY_S, EVERY_S, PLATFORMS, SUPERVISOR, Measured, measure

from tests.tiers import few


def measured(folder: Path, trusted, *arguments, **settings) -> Measured:
    """Measure again, in another folder, while the machine was too busy for the witness."""
    folders = iter(folder / str(number) for number in range(9))
    seen = trusted(lambda: measure(next(folders), *arguments, **settings), lambda seen: seen.run.void)
    assert not seen.run.void, seen.run.void
    return seen


def check_kills(folder: Path, platform: str, count: int, trusted) -> None:
    seen = measured(folder, trusted, {"one": PLATFORMS[platform]}, ["process_kill"] * count)
    assert len(seen.outages) == count
    for outage in seen.outages:
        assert outage.bracketed, outage
        assert outage.episode.ended_by == "platform"
        if platform == "a supervisor with a declared delay":
            assert outage.episode.served.bound_high_s >= DELAY_S
            assert (
                outage.episode.served.recovered_s >= DELAY_S - 0.05
            )  # due, up to ten slots before its answer


@pytest.mark.live
@pytest.mark.parametrize("platform", few(PLATFORMS, 1))
def test_three_kills_are_bracketed_and_healed_by_the_platform(tmp_path, trusted, platform: str) -> None:
    check_kills(tmp_path, platform, 3, trusted)


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.parametrize("platform", PLATFORMS)
def test_twenty_kills_are_bracketed_and_healed_by_the_platform(tmp_path, trusted, platform: str) -> None:
    check_kills(tmp_path, platform, 20, trusted)


def check_succession(folder: Path, platform: str, times: int, trusted) -> None:
    again = {"times": times, "every_s": EVERY_S}
    seen = measured(folder, trusted, {"one": PLATFORMS[platform]}, ["process_kill"], again=again)
    (episode,) = seen.run.episodes
    assert (len(episode.hits_s), episode.missed_hits, len(episode.outages)) == (times, 0, times)
    assert all(outage.bracketed for outage in seen.outages), seen.outages
    assert (len(seen.outages), episode.void, episode.ended_by) == (times, "", "platform")
    assert episode.served.recovered_s > EVERY_S * (times - 1)
    assert seen.run.platform_harms == ()
    assert f"{times} kills; {times} outages: " in seen.text


@pytest.mark.live
@pytest.mark.parametrize("platform", few(reversed(list(PLATFORMS)), 1))
def test_four_kills_in_quick_succession_are_one_episode_with_four_outages(
    tmp_path, trusted, platform
) -> None:
    check_succession(tmp_path, platform, 4, trusted)


@pytest.mark.slow
@pytest.mark.live
@pytest.mark.parametrize("platform", PLATFORMS)
def test_twenty_kills_in_quick_succession_are_each_bracketed(tmp_path, trusted, platform: str) -> None:
    check_succession(tmp_path, platform, 20, trusted)


@pytest.mark.live
def test_a_hang_that_nobody_heals_is_not_recovered_within_tau(tmp_path, trusted) -> None:
    service = PLATFORMS["a supervisor with a declared delay"]
    seen = measured(tmp_path, trusted, {"one": service}, ["process_hang"])
    (outage,) = seen.outages
    served = outage.episode.served
    assert (served.recovered_s, served.bound_high_s, outage.episode.ended_by) == (None, None, "undo")
    assert served.lost_s <= 1.0
    assert [line.act for line in seen.ledger] == ["loop_started", "started", "ready"]


@pytest.mark.live
def test_a_loop_that_gives_up_is_harm_by_the_platform_and_no_recovery(tmp_path, trusted) -> None:
    service = {"command": [*SUPERVISOR, str(DELAY_S), "2"], "worker": "port"}
    seen = measured(tmp_path, trusted, {"one": service}, ["process_kill"] * 2)
    assert [outage.episode.ended_by for outage in seen.outages] == ["platform", "undo"]
    assert seen.outages[1].episode.served.recovered_s is None
    assert [(harm.service, harm.what) for harm in seen.run.platform_harms] == [("one", "gave up")]
    assert "harm by the platform: none, fast gave up on one once in 1 run" in seen.text


@pytest.mark.live
def test_a_healthy_sibling_that_is_taken_down_is_harm_by_the_platform(tmp_path, trusted) -> None:
    one = {"command": [*SUPERVISOR, str(DELAY_S), "9", "{folder}/two"], "worker": "port", "after": ["two"]}
    two = {"command": [*SUPERVISOR, str(DELAY_S)], "worker": "port"}
    seen = measured(tmp_path, trusted, {"one": one, "two": two}, ["process_kill"] * 2)
    assert [(harm.service, harm.what) for harm in seen.run.platform_harms] == [("two", "took down")] * 2
    assert "took down two 2 times in 1 run" in seen.text
