"""The panel of decisions, and the same on a terminal: what was left of the harm, or that none was told."""

from __future__ import annotations

import re

import msgspec

from harness.report.compose import compose_campaign
from harness.report.figures import Figure
from harness.report.html import render
from harness.report.panels.appendix import not_measured
from harness.report.panels.decisions import panels
from harness.report.text import render as terminal
from tests.traps.histories import Outage, Story, campaign_of, killed
from tests.traps.moved import MOVE, TOUCHED, concept_change, noticed


def document_of(*stories: Story):
    return compose_campaign(campaign_of(*stories))


BOTH = (
    concept_change(healed_after_s=-0.1, arm="reference"),
    concept_change(),
    concept_change(sham=True),
)


def test_each_arm_stands_with_what_it_left_of_the_harm() -> None:
    (panel,) = panels(document_of(*BOTH))
    assert (panel.title, panel.subject) == ("Concept change", "pattern_risk 0.7")
    assert panel.jump == "costs 1.4 a decision if nobody learns"
    assert [(row.arm, row.left.value, row.back) for row in panel.rows] == [
        ("reference", "0 %", "1 of 1 (2 ms)"),
        ("none", "100 %", "0 of 1"),
    ]
    assert panel.picture.count('class="curve') == 2
    assert "jump" in panel.picture
    assert "of the harm" in panel.picture


def test_onset_detection_and_promotion_are_named_in_the_picture() -> None:
    (panel,) = panels(compose_campaign(noticed()))
    for words in ("onset", "detected +1.0 s", "promoted +2.0 s"):
        assert f">{words}</text>" in panel.picture
    assert "over time since the onset" in panel.picture
    assert "arm reference: promoted +2.0 s" in panel.picture
    (unnoticed,) = panels(document_of(*BOTH))
    assert ">onset</text>" in unnoticed.picture
    assert "detected" not in unnoticed.picture
    assert "promoted" not in unnoticed.picture


def test_each_arm_stands_with_what_its_learning_cost() -> None:
    (panel,) = panels(compose_campaign(noticed()))
    reference, none = panel.rows
    assert (reference.training.value, reference.training.more) == ("4.5 s", "2 trainings")
    assert none.training == Figure("no training", quiet=True)
    assert reference.regret.value == "0"
    assert 1600 < float(none.regret.value) < 1700
    assert reference.heals.value == "0 in 0.00064 h"
    assert none.heals.value == "0 in 0.0039 h"
    assert none.heals.small.startswith("at most ")


def test_what_nobody_could_see_of_trainings_and_heals_is_no_zero() -> None:
    (panel,) = panels(document_of(*BOTH))
    assert panel.rows[0].training == Figure("not observable", quiet=True)
    assert panel.rows[0].heals == Figure("not observable", "in 1 run", quiet=True)


def test_a_move_without_harm_is_told_and_not_drawn() -> None:
    (panel,) = panels(document_of(concept_change(hurts=False)))
    assert panel.jump == "no harm that could be told from none"
    assert [(row.left.value, row.back) for row in panel.rows] == [("not resolvable", "–")]
    assert not panel.picture


def test_harm_that_no_run_tells_alone_is_told_by_all_together() -> None:
    document = document_of(*(concept_change(hit_every=120, pair=i, seed=i) for i in range(4)))
    (panel,) = panels(document)
    assert panel.jump.startswith("costs 0.1")
    assert "told by 4 runs together and by none alone" in panel.jump
    assert not panel.picture


def test_harm_that_no_window_tells_is_told_over_the_whole() -> None:
    document = document_of(concept_change(hit_every=40))
    (panel,) = panels(document)
    assert "a decision if nobody learns; 100 % of that was left over the whole" in panel.jump
    assert [row.left.value for row in panel.rows] == ["not resolvable"]
    assert panel.picture
    assert "at the end it cannot be told" in " ".join(terminal(document).split())


def test_a_reference_that_is_another_system_is_told_and_nothing_is_drawn() -> None:
    document = document_of(concept_change(declined_before=True))
    (panel,) = panels(document)
    assert panel.jump.startswith("not judged: before the first fault the system decided 0% of units")
    assert not panel.picture
    assert "decisions not judged: before the first fault" in " ".join(terminal(document).split())


def test_how_many_could_be_told_and_how_many_units_got_no_decision_stand_beside_the_figure() -> None:
    document = document_of(
        concept_change(outages=(Outage(1.0, 2.0),)), concept_change(hurts=False, pair=1, seed=8)
    )
    (panel,) = panels(document)
    (row,) = panel.rows
    assert row.note.startswith("told in 1 of 2; 8.")
    assert row.note.endswith("got no decision")
    assert "told in 1 of 2; back in 0 of 1; 8." in " ".join(terminal(document).split())


def test_restart_profiles_have_panels_of_their_own() -> None:
    document = document_of(concept_change())
    (one,) = document.estimates.classes
    other = msgspec.structs.replace(one, restart_profile="kubernetes")
    both = msgspec.structs.replace(
        document, estimates=msgspec.structs.replace(document.estimates, classes=(one, other))
    )
    assert [panel.restart_profile for panel in panels(both)] == ["fast", "kubernetes"]


def test_other_faults_have_no_such_panel() -> None:
    assert panels(document_of(killed())) == ()
    assert "What it did to decisions" not in render(document_of(killed()))


def test_the_terminal_tells_what_learning_cost_and_of_each_arm_its_false_heals() -> None:
    told = " ".join(terminal(compose_campaign(noticed()), width=100).split())
    assert "back in 1 of 1 (2 ms); regret 0 in all; 4.5 s of CPU for training" in told
    assert re.search(r"back in 0 of 1; regret 16\d\d in all; no training", told)
    assert re.search(
        r"false heals: reference, fast 0 in 0\.00064 h \(at most \d+ an hour\); none, fast 0 in", told
    )
    unseen = " ".join(terminal(document_of(*BOTH), width=100).split())
    assert "regret 0 in all; training not observable" in unseen
    assert "false heals: reference, fast not observable (in 1 run); none, fast 0 in" in unseen


def test_the_page_and_the_terminal_tell_the_same() -> None:
    document = document_of(*BOTH)
    page = render(document)
    assert "What it did to decisions" in page
    assert "costs 1.4 a decision if nobody learns" in page
    told = " ".join(terminal(document, width=100).split())
    assert "decisions: 0 % of the harm left at the end; back in 1 of 1" in told
    assert "decisions: 100 % of the harm left at the end; back in 0 of 1" in told
    still = " ".join(terminal(document_of(concept_change(hurts=False)), width=100).split())
    assert "decisions: no harm that could be told from none" in still
    assert "told from none; regret 0 in all; no training" in still
    assert "decisions:" not in terminal(document_of(killed()))


def test_a_world_that_tells_no_truth_is_said_not_to_be_measured() -> None:
    blind = Story(kind="world.concept_change", effect=MOVE, events=lambda told: [*told, TOUCHED])
    told = [words for words in not_measured(document_of(blind)) if words.startswith("What a move")]
    assert len(told) == 1
    assert not [words for words in not_measured(document_of(*BOTH)) if words.startswith("What a move")]


def test_who_says_that_a_fault_was_noticed_is_told() -> None:
    assert not_measured(compose_campaign(noticed()))[0].startswith(
        "When a fault was noticed: only the healer's own words say it."
    )
    assert not_measured(document_of(*BOTH))[0].startswith("When a fault was noticed: no alarm was read.")
