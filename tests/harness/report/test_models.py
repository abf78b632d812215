"""The model timeline: rows and bars, who moved the alias, the healer's words; hostile words are text."""

from __future__ import annotations

import re
from dataclasses import replace

import msgspec
import pytest

from harness.episodes.monitors import Confidence
from harness.episodes.timeline import ModelChange, ModelTimeline, ModelTold, ServedVersion
from harness.report.compose import compose_campaign
from harness.report.html import render
from harness.report.panels.models import LINES_MAX, VERSIONS_MAX, timelines
from tests.traps.histories import campaign_of, killed

TIMELINE = ModelTimeline(
    served=(
        ServedVersion(version="1.0.0+aaaa", from_s=-5.0, until_s=12.0, units=700),
        ServedVersion(version="1.1.0+<b>bbbb", from_s=11.0, until_s=80.0, units=3000),
    ),
    changes=(ModelChange(at_s=11.5, what="champion 1.0.0+aaaa -> 1.1.0+<b>bbbb", by="healer"),),
    told=(ModelTold(at_s=11.0, what="decided", reason="<script>it loses less</script>"),),
)
BLIND = Confidence(reference=0.985, lowest=0.984, answers=5000, there=0.991, fires=False)


def _document(
    timeline: ModelTimeline | None = TIMELINE, arm: str = "none", confidence: Confidence | None = None
):
    document = compose_campaign(campaign_of(replace(killed(0.3), arm=arm)))
    runs = tuple(
        msgspec.structs.replace(
            run,
            episodes=tuple(
                msgspec.structs.replace(one, models=timeline, confidence=confidence) for one in run.episodes
            ),
        )
        for run in document.runs
    )
    return msgspec.structs.replace(document, runs=runs)


def test_versions_changes_and_reasons_stand_in_order_with_who_says_so() -> None:
    (panel,) = timelines(_document())
    assert [(line.at, line.source) for line in panel.lines] == [
        ("+11.0 s", "the healer says"),
        ("+11.5 s", "seen; by whoever heals"),
    ]
    assert panel.picture.count('class="version"') == 2
    assert panel.picture.count('class="flag"') == 1
    assert panel.more == 0


def _answering(*versions: str) -> ModelTimeline:
    """These versions, ten seconds each, one after the other."""
    served = tuple(
        ServedVersion(version=one, from_s=10.0 * n, until_s=10.0 * n + 9.0, units=450)
        for n, one in enumerate(versions)
    )
    return msgspec.structs.replace(TIMELINE, served=served)


def _bars(picture: str) -> list[tuple[str, str, str]]:
    """Begin (x), row (y) and width of each bar."""
    return re.findall(
        r'<rect x="([^"]+)" y="([^"]+)" width="([^"]+)" height="[^"]+" class="version"', picture
    )


def test_a_version_that_was_put_back_has_one_row_with_two_bars_and_none_in_between() -> None:
    (panel,) = timelines(_document(_answering("1.0.0", "0.900.1", "1.0.0")))
    (before, after, wrong) = _bars(panel.picture)
    assert before[1] == after[1] != wrong[1]
    assert float(before[0]) + float(before[2]) < float(wrong[0])
    assert float(wrong[0]) + float(wrong[2]) < float(after[0])
    assert panel.picture.count(">1.0.0<") == 1


def test_versions_that_do_not_fit_are_counted_once_however_often_they_answered() -> None:
    versions = [f"1.{n}.0" for n in range(VERSIONS_MAX + 1)]
    (panel,) = timelines(_document(_answering(*versions, *versions)))
    assert len(_bars(panel.picture)) == 2 * VERSIONS_MAX
    assert panel.more == 1


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


@pytest.mark.parametrize(
    ("confidence", "words"),
    [
        (
            BLIND,
            "stayed quiet: 0.985 before the first fault, 0.984 at the lowest, "
            "0.991 while the fault was there.",
        ),
        (
            msgspec.structs.replace(BLIND, lowest=0.9, there=None, fires=True),
            "would have fired: 0.985 before the first fault, 0.900 at the lowest.",
        ),
        (
            msgspec.structs.replace(BLIND, version="0.900.1"),
            "0.984 at the lowest, 0.991 in the 5000 answers of the model that the fault set.",
        ),
        (
            msgspec.structs.replace(BLIND, version="0.900.1", answers=57, there=None),
            "0.984 at the lowest, too few answers (57) of the model that the fault set.",
        ),
        (None, "would have had no data."),
    ],
)
def test_one_line_says_what_a_monitor_of_confidence_would_have_done(
    confidence: Confidence | None, words: str
) -> None:
    document = _document(confidence=confidence)
    (panel,) = timelines(document)
    assert panel.confidence.endswith(words)
    assert "over 1000 answers, fires 5 % below" in panel.confidence
    assert words in render(document)
