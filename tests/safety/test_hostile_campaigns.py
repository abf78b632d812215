"""SR-25: campaigns of pairs and the gate show hostile text in any field, in each format, and obey none."""

from __future__ import annotations

from xml.etree import ElementTree

import msgspec
import pytest
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness.campaign.table import Table
from harness.campaign.text import outcome_text, verdict_lines
from harness.experiment.model import Gate
from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.openmetrics import openmetrics
from harness.report.shown import Shown
from harness.verdict.gate import Scale, judge_gate
from harness.verdict.model import Verdict
from harness.verdict.outcomes import Recovery, RunOutcome
from tests.harness.campaign.test_shown import CLAIMED, outcome
from tests.harness.verdict.gate_kit import baseline_of
from tests.safety.test_hostile_text import HOSTILE, obeyed, poisoned

PLAIN = "name"


@pytest.fixture(scope="module")
def campaign() -> tuple[Table, Shown]:
    return outcome(8, *CLAIMED)


def dirty(campaign: tuple[Table, Shown], hostile: str) -> Shown:
    """What the formats are written of, with ``hostile`` in every text field but ours, which says how many."""
    plain = msgspec.to_builtins(campaign[1])
    return msgspec.convert({**poisoned(plain, hostile), "counted": plain["counted"]}, Shown)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_each_format_of_a_campaign_holds_it_as_text(campaign, hostile):
    """SR-25: read by who reads such files."""
    told, plain = dirty(campaign, hostile), dirty(campaign, PLAIN)

    def tags(text: str) -> list[str]:
        return [one.tag for one in ElementTree.fromstring(text).iter() if one.tag != "property"]

    def blocks(text: str) -> list[str]:
        return [token.type for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text)]

    def samples(text: str) -> list[str]:
        return [sample.name for family in text_string_to_metric_families(text) for sample in family.samples]

    for write, read in ((junit, tags), (markdown, blocks), (openmetrics, samples)):
        assert read(write(told)) == read(write(plain))
        assert obeyed(write(told)) == set()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_table_of_a_campaign_is_lines_of_text(campaign, hostile):
    """SR-25: of `hormesis campaign` and `report`."""
    table, verdict = campaign[0], campaign[1].verdict
    plain = msgspec.to_builtins(table)
    ours = {name: plain[name] for name in ("question", "stopped", "digest")}
    named = msgspec.convert({**poisoned(plain, hostile), **ours}, Table)
    question = msgspec.structs.replace(table.question, title=hostile, system=hostile, experiment_file=hostile)
    named = msgspec.structs.replace(named, question=question)
    judged = msgspec.convert(poisoned(msgspec.to_builtins(verdict), hostile), Verdict)
    text = outcome_text(named, judged)
    assert obeyed(text) == set()
    assert len(text.splitlines()) == len(outcome_text(table, verdict).splitlines())


@pytest.mark.parametrize("hostile", HOSTILE)
def test_what_the_gate_says_is_lines_of_text(hostile):
    """SR-25: names of classes and runs are the user's own."""
    runs = [
        RunOutcome(name=hostile, recoveries=(Recovery(label=hostile, time_s=9.0, void=n == 0),))
        for n in range(9)
    ]
    for label in (hostile, "of the baseline alone"):
        verdict = judge_gate([Scale(Gate(), baseline_of({label: [1.0] * 9}))], runs)
        lines = verdict_lines(verdict)
        assert obeyed("\n".join(lines)) == set()
        assert len("\n".join(lines).splitlines()) == len(lines)
