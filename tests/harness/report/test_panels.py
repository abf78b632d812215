"""Panels below the first screen: order of the table, bands, phases, needless healing, what to look at."""

import itertools
import re

import msgspec
import pytest

from harness.episodes.acts import sees_acts
from harness.episodes.model import FalseHeal, Learned
from harness.estimates.estimate import estimate
from harness.report import html
from harness.report.panels import classes, curves, look, needless, phases
from harness.report.scales import root


@pytest.fixture(scope="module")
def document(make):
    return make(word="FAIL", n=10, faults=4, arms=("none", "bare"))


def replaced(document, change):
    """The document with each run changed and estimated anew."""
    runs = tuple(map(change, document.runs))
    found = estimate(runs, document.inputs.profile)
    return msgspec.structs.replace(document, runs=runs, estimates=found)


def test_the_table_is_sorted_by_points_lost_and_shows_them(document):
    (score,) = (s for s in document.scores if s.arm == "none")
    lost = {(c.fault, c.service): c.lost_points for c in score.classes}
    shown = [(g[0].fault, g[0].service) for g in classes.grouped(document)]
    assert shown == sorted(lost, key=lambda place: -lost[place])
    first = classes.table(document).groups[0].rows[0]
    assert first.points.value == f"−{max(lost.values()):.1f}"


def test_a_class_with_a_claim_shows_its_word_and_its_objective_as_a_line(document):
    rows = {(g.fault, g.service, r.arm): r for g in classes.table(document).groups for r in g.rows}
    failed, free = rows["process.hang", "scorer-a", "none"], rows["process.hang", "scorer-a", "bare"]
    assert (failed.gate[0].mark, failed.gate[1], free.gate) == ("✕", "Fail", None)
    assert 'class="goal"' in failed.forest
    assert 'class="goal"' not in free.forest


def test_the_band_of_a_curve_is_the_exact_interval_at_each_step(document):
    (killed,) = (
        c
        for c in document.estimates.classes
        if (c.fault, c.service, c.arm) == ("process.kill", "scorer-a", "none")
    )
    assert [left.k for _, left in killed.impaired] == list(range(10, -1, -1))
    assert [at_s for at_s, _ in killed.impaired] == [0.0, *killed.recovered_s]
    picture = next(
        c.picture for c in curves.curves(document) if (c.title, c.service) == ("Process killed", "scorer-a")
    )
    (band,) = re.findall(r'<path d="M([^"]*)Z" class="band arm-none"/>', picture)
    corners = [tuple(map(float, pair.split())) for pair in band.split("L")]
    assert len(corners) == 4 * len(killed.impaired)
    scale = root(killed.tau_s, curves.LEFT, curves.RIGHT)
    _, last = killed.impaired[-1]
    height = curves.BOTTOM - (curves.BOTTOM - curves.TOP) * last.high_ratio
    assert corners[2 * len(killed.impaired) - 1] == pytest.approx((scale(killed.tau_s), height), abs=0.06)


def test_a_curve_of_fewer_episodes_than_a_median_needs_has_no_band(make):
    assert not any('class="band' in c.picture for c in curves.curves(make(n=5)))
    assert any('class="band' in c.picture for c in curves.curves(make(n=6)))


def healed(document):
    """A run and its first episode, with an alarm of its healer before the act."""
    run = next(r for r in document.runs if r.arm == "none" and not r.sham)
    episode = next(e for e in run.episodes if e.kind == "process.kill" and e.served.impact_s is not None)
    learned = Learned(detected_s=episode.served.impact_s + 0.02)
    return run, msgspec.structs.replace(episode, learned=learned, acted_s=episode.served.impact_s + 0.05)


def test_phases_of_an_outage_stand_end_to_end_from_impact_to_recovery(document):
    run, episode = healed(document)
    found = phases.stretches(run, episode)
    assert [one.phase for one in found] == ["detect", "act", "settle"]
    assert (found[0].from_s, found[-1].until_s) == (episode.served.impact_s, episode.served.recovered_s)
    for one, after in itertools.pairwise(found):
        assert one.until_s == after.from_s


def test_an_outage_that_never_ended_is_in_its_last_phase_to_the_horizon(document):
    run, episode = healed(document)
    never = msgspec.structs.replace(episode.served, recovered_s=None)
    episode = msgspec.structs.replace(episode, served=never, acted_s=None, learned=Learned())
    (one,) = phases.stretches(run, episode)
    assert (one.phase, one.until_s) == ("detect", episode.horizon_s)


def test_where_acts_could_have_stayed_unseen_there_is_one_phase_unseen(document):
    run, episode = healed(document)
    blind = msgspec.structs.replace(run, observed=False)
    assert not sees_acts(blind)
    assert [one.phase for one in phases.stretches(blind, episode)] == ["unseen"]
    absorbed = msgspec.structs.replace(episode.served, impact_s=None, recovered_s=None)
    assert phases.stretches(run, msgspec.structs.replace(episode, served=absorbed)) == ()


def test_events_of_a_run_are_in_order_and_name_who_says_so(document):
    _, episode = healed(document)
    lines = phases.lines(episode)
    sources = {line.what: line.source for line in lines}
    assert lines[0].at == "+0 ms"
    assert sources["first new alarm"] == "healer's words"
    assert sources["started again"] == "seen from outside"
    assert [line.what for line in lines].index("first new alarm") < [line.what for line in lines].index(
        "started again"
    )


def test_time_in_which_nothing_was_broken_has_a_row_and_single_false_heals_are_told(document):
    panel = needless.needless(document)
    assert [(row.name, row.figure.value, row.sign) for row in panel.rows] == [
        ("Nothing broken", "0 in 1 h", None)
    ]
    heal = FalseHeal(at_s=3.0, lasted_s=0.0, service="features", act="started", by="healer", acts=1)
    acted = replaced(
        document, lambda run: msgspec.structs.replace(run, false_heals=(heal,) if run.sham else ())
    )
    panel = needless.needless(acted)
    assert panel.rows[0].figure.value == "10 in 1 h"
    assert panel.told[0].endswith("+3.0 s after its first unit: started again, features, by healer")
    assert (len(panel.told), panel.more) == (3, 7)
    assert "More of them in report.json" in html.render(acted)


def test_a_placebo_has_its_share_of_episodes_with_an_act(document):
    def placebo(run):
        episodes = tuple(
            msgspec.structs.replace(e, kind="placebo.surge", acted_s=0.5 if run.pair < 3 else None)
            for e in run.episodes[:1]
        )
        return msgspec.structs.replace(run, episodes=episodes)

    rows = needless.needless(replaced(document, placebo)).rows
    (row,) = (row for row in rows if row.name.startswith("Surge"))
    assert row.figure.value == "3 / 10"
    blind = needless.needless(
        replaced(document, lambda run: msgspec.structs.replace(placebo(run), observed=False))
    )
    (row,) = (row for row in blind.rows if row.name.startswith("Surge"))
    assert (row.figure.value, row.figure.quiet) == ("not observable", True)


def test_runs_to_look_at_first_are_those_that_never_came_back_with_the_command_to_see_them(document):
    lines = look.first_runs(document)
    assert len(lines) == look.LOOK_MAX
    assert {line.recovery for line in lines} == {"never"}
    assert lines[0].what == "Process hangs, scorer-a: no act was seen; not back within 10 s"
    assert lines[0].command == f"hormesis replay {document.campaign}/runs/{lines[0].run_id} --trace"
    assert len({line.run_id for line in lines}) == len(lines)


def test_what_is_unsafe_is_looked_at_before_all_else_and_the_slowest_where_nothing_is_wrong(make):
    assert look.first_runs(make(word="UNSAFE", n=3))[0].recovery == "unsafe"
    (only,) = look.first_runs(make(n=3, faults=1, arms=("none",)))
    assert "the slowest that came back" in only.what
    simulated = make(n=3, faults=1, arms=("none",))
    inputs = msgspec.structs.replace(simulated.inputs, target="simulation")
    again = look.first_runs(msgspec.structs.replace(simulated, inputs=inputs))
    assert again[0].command.endswith(only.run_id)
