"""The score on the page and on a terminal: tiles, a waterfall that adds up, and what is not published."""

import itertools
import re

import msgspec
import pytest

from harness.estimates.points import Gain
from harness.estimates.score import scores
from harness.experiment.rules import FaultRate, ImpliedRules, ScoreRules
from harness.report import html, text
from harness.report.panels import points
from harness.report.scores import implied_text
from harness.report.svg import number
from tests.harness.report.test_html import unknown


@pytest.fixture(scope="module")
def document(make):
    return make(word="FAIL", n=10, faults=4)


def test_the_first_tiles_are_the_score_and_the_floor_with_their_intervals(document):
    (score,) = (s for s in document.scores if s.arm == "none")
    first, floor = points.score_tiles(document)
    assert (first.label, first.value) == ("Score R10/v1, arm none", f"{score.points.mean:.1f}")
    assert f"95 %: {score.points.low:.1f}–{score.points.high:.1f}" in first.notes[0]
    worst = score.classes[score.worst]
    assert floor.value == f"{worst.points.mean:.1f}" == f"{min(c.points.mean for c in score.classes):.1f}"
    page = html.render(document)
    assert page.index(first.label) < page.index("Most service lost to a fault")


def test_bars_of_the_waterfall_stand_end_to_end_and_reach_the_whole_loss(document):
    (panel,) = points.waterfalls(document)
    bars = re.findall(
        r'<rect x="([\d.]+)" y="[\d.]+" width="([\d.]+)" height="[\d.]+" class="(phase-\w+)"', panel.picture
    )
    *parts, whole = [(float(x), float(width), cls) for x, width, cls in bars]
    assert whole[2] == "phase-all"
    assert parts[0][0] == whole[0] == points.LEFT
    for (x, width, _), (after, _, _) in itertools.pairwise(parts):
        assert x + width == pytest.approx(after, abs=0.11)  # coordinates have one decimal
    assert sum(width for _, width, _ in parts) == pytest.approx(whole[1], abs=0.1 * len(parts))
    assert number(whole[1]) != "0"


def test_a_score_that_is_not_published_says_what_it_lacks_and_draws_nothing(make):
    document = make(n=1)
    first, floor = points.score_tiles(document)
    assert (first.value, first.quiet, floor.value) == ("needs 1 / 5", True, "needs 1 / 5")
    (panel,) = points.waterfalls(document)
    assert (panel.picture, panel.lines) == ("", ())
    assert "needs 1 / 5" in panel.why
    assert "Not published: " in html.render(document)


def test_a_void_campaign_has_no_score(make):
    document = make(word="VOID", n=6)
    first, _ = points.score_tiles(document)
    assert first.value == "void"
    assert first.notes[-1] == "1 of 12 runs are void, more than 5 %"
    assert "score R10/v1 void, 1 of 12 runs are void" in text.render(document)


def test_without_a_score_the_tiles_say_so(document):
    first, floor = points.score_tiles(msgspec.structs.replace(document, scores=()))
    assert (first.value, floor.value) == ("not measured", "not measured")


def test_the_terminal_has_one_line_with_the_floor(document):
    (score,) = (s for s in document.scores if s.arm == "none")
    worst = score.classes[score.worst]
    line = next(line for line in text.render(document, width=140).splitlines() if "score R10" in line)
    assert line.strip() == (
        f"score R10/v1 {score.points.mean:.1f} [{score.points.low:.1f}–{score.points.high:.1f}]"
        f" · worst class {worst.points.mean:.1f} [{worst.points.low:.1f}–{worst.points.high:.1f}]"
        f" {worst.fault} {worst.service} · arm none, fast"
    )


def told(document, **changes):
    """The line of the first class with its gain changed."""
    (score,) = (s for s in document.scores if s.arm == "none")
    mean = score.points
    plain = Gain(
        against="bare",
        gain_s=mean,
        gain_0_s=mean,
        gain_1_s=mean,
        off_lost_s=1.0,
        ratio=0.5,
        absorbed=False,
        concludes="helps",
        flips=False,
    )
    gain = msgspec.structs.replace(plain, **changes)
    classes = tuple(msgspec.structs.replace(c, gain=gain) for c in score.classes)
    changed = msgspec.structs.replace(document, scores=(msgspec.structs.replace(score, classes=classes),))
    return points.waterfalls(changed)[0].lines[0]


def test_a_gain_says_what_it_concludes_and_whether_that_flips(document):
    assert told(document).gain.more == "healing helps"
    assert told(document).prevented.value == "50 %"
    assert told(document, flips=True).gain.more.endswith("not where degraded answers are worth nothing")
    assert told(document, absorbed=True, ratio=None).prevented.value == "natively absorbed"
    assert told(document, ratio=None).prevented.value == "–"


def test_what_the_losses_come_to_at_declared_rates_is_told_where_they_are_declared(make):
    plain = make(n=6, faults=2)
    rate = FaultRate(mean=2.0, low=1.0, high=4.0)
    implied = ImpliedRules(
        human_repair_s=7200.0, faults_per_30_days={"process.kill": rate, "process.hang": rate}
    )
    found = scores(
        plain.runs, plain.inputs.profile, ScoreRules(implied=implied), planned_runs=len(plain.runs)
    )
    rated = msgspec.structs.replace(plain, scores=found)
    assert "implied availability" not in html.render(plain) + text.render(plain)
    (told,) = {implied_text(s) for s in found if s.arm == "none"}
    assert told in html.render(rated)
    assert "implied availability 99." in text.render(rated, width=200)
    assert unknown(rated, html.render(rated)) == set()


def test_a_worst_class_that_flips_is_told(document):
    (score,) = (s for s in document.scores if s.arm == "none")
    flips = msgspec.structs.replace(document, scores=(msgspec.structs.replace(score, flips=True),))
    assert points.score_tiles(flips)[1].notes[-1] == "another one where degraded answers are worth nothing"
