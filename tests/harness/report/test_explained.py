"""A stored campaign explained: why, the worst run and how to see it, the slowest phase, what would settle."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from harness.frontends.cli import main
from harness.report.compose import compose_campaign
from harness.report.explained import explained
from tests.traps.histories import Story, campaign_of, killed, never_back, objective, written

FOLDER = Path("runs/a campaign")
WITHIN = objective(fault="process.kill", served_within_s=2, share_ratio=0.9)


def told(*stories: Story, claims: tuple = (WITHIN,), planned: int | None = None) -> list[str]:
    campaign = campaign_of(*stories, objectives=claims, planned=planned)
    return explained(compose_campaign(campaign), FOLDER).splitlines()


def line(lines: list[str], start: str) -> str:
    return next(one for one in lines if one.startswith(start))


def kills(n: int) -> list[Story]:
    """Outages of other lengths, in no order: a trend over runs would be found and widen what they tell."""
    return [killed(0.3 + 0.01 * (i * 11 % 26), pair=i, seed=i) for i in range(n)]


def test_an_undecided_claim_says_how_many_more_would_settle_it_and_they_do() -> None:
    lines = told(*kills(26))
    assert lines[0].startswith("INCONCLUSIVE")
    assert "  ? process.kill scorer-a" in line(lines, "  ?")
    more = re.search(r": (\d+) more that go as those seen", line(lines, "undecided:"))
    assert int(more[1]) == 3
    assert told(*kills(26 + 3))[0].startswith("PASS")
    assert told(*kills(26 + 2))[0].startswith("INCONCLUSIVE")


def test_the_worst_run_is_one_that_was_not_back_and_its_command_is_there() -> None:
    lines = told(*kills(5), never_back(arm="none", pair=5, seed=5))
    worst = line(lines, "worst run:")
    assert "r0006" in worst
    assert "not back within 6 s" in worst
    command = shlex.split(line(lines, "  see it:").removeprefix("  see it: "))
    assert command == ["hormesis", "replay", "runs/a campaign/runs/r0006", "--trace"]


def test_the_slowest_phase_is_where_most_points_went() -> None:
    assert "settle, −" in line(told(*kills(6)), "slowest phase:")  # the platform acts after 10 ms
    slow = [never_back(arm="none", pair=i, seed=i) for i in range(6)]
    assert "detect, −100.0 points of process.kill scorer-a" in line(told(*slow), "slowest phase:")


def test_without_a_score_the_slowest_phase_is_not_told() -> None:
    assert "not told, score R6/v1 is not published (needs 3 / 5)" in line(told(*kills(3)), "slowest phase:")


def test_where_nothing_was_lost_no_phase_is_blamed() -> None:
    quiet = [Story(pair=i, seed=i) for i in range(5)]
    assert "none, no service was lost" in line(told(*quiet), "slowest phase:")
    assert "no window of service was violated" in line(told(*quiet), "worst run:")


def test_where_nothing_is_claimed_nothing_is_undecided() -> None:
    assert line(told(*kills(2), claims=()), "undecided:") == "undecided: nothing, for nothing was judged"


def test_of_a_void_campaign_the_void_run_is_named() -> None:
    lines = told(killed(send_lag_s=0.2))
    assert lines[0].startswith("VOID")
    assert line(lines, "worst run:") == "worst run: no run counted"
    assert "r0001 is void: the witness stalled" in lines[lines.index("worst run: no run counted") + 1]


def test_the_command_reads_the_stored_record(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = written(tmp_path, *kills(6))
    assert main(["explain", "run", str(folder)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("DONE")
    assert str(folder / "runs") in out


def test_a_run_that_is_not_named_or_not_there_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "run"]) == 2
    assert "name a campaign" in capsys.readouterr().err
    assert main(["explain", "run", str(tmp_path / "gone")]) == 2
