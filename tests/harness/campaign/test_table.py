"""The table: the same sums give the same bytes, and figures are those of ``estimates`` for the same runs."""

from __future__ import annotations

import msgspec
import pytest

from harness.campaign.table import Ending, Table, encode, table_of
from harness.campaign.tally import Tally
from harness.campaign.text import outcome_text
from harness.estimates.means import mean
from harness.estimates.rates import rate
from harness.estimates.shares import share
from harness.verdict.model import Verdict
from tests.harness.campaign.rows_kit import episode, question, row

LOST = (100, 250, 900, 40, 777)


def made(found, **ending: object) -> Table:
    tally = Tally()
    for runs in found:
        tally.add_pair(runs)
    return table_of(question(), tally, Ending(stopped="all", digest="d", **ending))


def runs(pair: int) -> list:
    return [
        row(pair, "reference", episode(2000, LOST[pair]), acts=1),
        row(pair, "none", episode(4000, 1000)),
        row(pair, "none", sham=True, false_heals=pair % 2, unbroken_ms=60_000),
    ]


def test_the_same_pairs_in_another_order_give_the_same_bytes():
    found = [runs(pair) for pair in range(5)]
    assert encode(made(found)) == encode(made([one[::-1] for one in found[::-1]]))
    assert encode(made(found)) != encode(made(found[:4]))


def test_a_table_reads_back():
    table = made([runs(0)], doubtful=1, doubts=(row(0, why="baseline"),))
    assert msgspec.json.decode(encode(table), type=Table) == table


def test_figures_are_those_of_the_runs_one_by_one():
    table = made([runs(pair) for pair in range(5)])
    none, reference = table.classes
    assert (none.arm, reference.arm) == ("none", "reference")
    assert reference.lost_s == mean([lost / 1000 for lost in LOST])
    assert reference.gain_s == mean([1 - lost / 1000 for lost in LOST])
    assert none.gain_s.mean is None
    assert reference.impact == share(5, 5)
    assert reference.tau_s == 10.0
    arm = next(one for one in table.arms if one.arm == "none")
    assert arm.false_heals == rate([(0, 40 / 3600)] * 5 + [(pair % 2, 60 / 3600) for pair in range(5)])
    assert arm.availability == mean([0.99] * 5)
    assert arm.good_ratio == 0.99


def test_a_table_without_any_run_says_nothing():
    table = made([])
    assert (table.classes, table.arms, table.pairs) == ((), (), 0)


def test_the_text_names_what_is_wrong_and_shows_no_control_characters():
    bad = row(3, "none", why="its log said \x1b[2J")
    table = made([runs(0)], doubtful=12, doubts=(bad,))
    verdict = Verdict(word="VOID", exit_code=4, why="12 runs cannot be trusted", claims=(), next="")
    text = outcome_text(table, verdict)
    assert text.startswith("VOID: 12 runs cannot be trusted\n")
    assert "pair 3, arm none, fast, fault: its log said " in text
    assert "and 11 more" in text
    assert "\x1b" not in text


@pytest.mark.parametrize(("heals", "words"), [(0, "; 0 in 0.0778 h)"), (3, "in clusters; 3 in")])
def test_a_rate_is_told_with_its_bound_or_why_there_is_none(heals, words):
    found = [[row(0, sham=True, false_heals=heals), row(0, "none", episode())]]
    found += [[row(pair, sham=True)] for pair in range(1, 6)]
    verdict = Verdict(word="DONE", exit_code=0, why="", claims=(), next="")
    assert words in outcome_text(made(found), verdict)


def test_where_nothing_was_broken_there_is_no_table_of_faults():
    done = Verdict(word="DONE", exit_code=0, why="", claims=(), next="")
    text = outcome_text(made([[row(0, sham=True)]]), done)
    assert "false heals/h" in text
    assert "recovered" not in text


def test_a_mean_that_the_horizon_has_cut_is_told_as_a_bound():
    done = Verdict(word="DONE", exit_code=0, why="", claims=(), next="")

    def line(arm, *, healed, alone):
        found = [[row(pair, "reference", healed), row(pair, "none", alone)] for pair in range(6)]
        told = outcome_text(made(found), done).splitlines()
        return next(text.split() for text in told if text.startswith("process.kill") and f" {arm} " in text)

    never = episode(None, 8000, ended_by="not back")
    cut = line("none", healed=episode(2000, 1000), alone=never)
    assert ">8" in cut
    assert "+-0" not in cut
    assert ">7" in line("reference", healed=episode(2000, 1000), alone=never)
    assert "?0" in line("reference", healed=never, alone=never)
    whole = line("reference", healed=episode(2000, 1000), alone=episode(4000, 3000))
    assert not any(word.startswith((">", "?")) for word in whole)
