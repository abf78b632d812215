"""The model timeline: a bar a version, who moved the alias, the healer's words; hostile words are text."""

from __future__ import annotations

from dataclasses import replace

import msgspec

from harness.episodes.timeline import ModelChange, ModelTimeline, ModelTold, ServedVersion
from harness.report.compose import compose_campaign
from harness.report.html import render
from harness.report.panels.models import LINES_MAX, timelines
from tests.traps.histories import campaign_of, killed

TIMELINE = ModelTimeline(
    served=(
        ServedVersion(version="1.0.0+aaaa", from_s=-5.0, until_s=12.0, units=700),
        ServedVersion(version="1.1.0+<b>bbbb", from_s=11.0, until_s=80.0, units=3000),
    ),
    changes=(ModelChange(at_s=11.5, what="champion 1.0.0+aaaa -> 1.1.0+<b>bbbb", by="healer"),),
    told=(ModelTold(at_s=11.0, what="decided", reason="<script>it loses less</script>"),),
)


def _document(timeline: ModelTimeline | None = TIMELINE, arm: str = "none"):
    document = compose_campaign(campaign_of(replace(killed(0.3), arm=arm)))
    runs = tuple(
        msgspec.structs.replace(
            run, episodes=tuple(msgspec.structs.replace(one, models=timeline) for one in run.episodes)
        )
        for run in document.runs
    )
    return msgspec.structs.replace(document, runs=runs)


def test_versions_changes_and_reasons_stand_in_order_with_who_says_so() -> None:
    (panel,) = timelines(_document())
    assert [(line.at, line.source) for line in panel.lines] == [
        ("+11.0 s", "the healer says"),
        ("+11.5 s", "seen; by somebody else"),
    ]
    assert panel.picture.count('class="version"') == 2
    assert panel.picture.count('class="flag"') == 1
    assert panel.more == 0


def test_hostile_words_are_shown_as_text() -> None:
    page = render(_document())
    assert "Which model served" in page
    assert "<script>it" not in page
    assert "&lt;script&gt;it loses less" in page


def test_where_nothing_changed_there_is_no_section() -> None:
    assert timelines(_document(None)) == ()
    assert "Which model served" not in render(_document(None))


def test_what_does_not_fit_is_counted() -> None:
    told = tuple(ModelTold(at_s=float(n), what="decided", reason=f"word {n}") for n in range(LINES_MAX + 3))
    (panel,) = timelines(_document(msgspec.structs.replace(TIMELINE, told=told)))
    assert len(panel.lines) == LINES_MAX
    assert panel.more == 4
