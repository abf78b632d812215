"""Whatever letters a name is made of, each format is read again with the same shape as for a plain one."""

from __future__ import annotations

from xml.etree import ElementTree

from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.openmetrics import openmetrics
from tests.harness.report.outputs_kit import poisoned

# No code point is left out, halves of surrogate pairs neither; marks of the formats come often.
LETTERS = st.one_of(st.sampled_from("`|\\*_[]<>&\"'@#\r\n\t{}~!-=+ 0:"), st.characters(exclude_categories=()))
NAMES = st.text(LETTERS, min_size=1, max_size=60).filter(lambda text: text.strip())


def blocks(text: str) -> list[str]:
    return [token.type for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text)]


def samples(text: str) -> list[str]:
    return [sample.name for family in text_string_to_metric_families(text) for sample in family.samples]


@given(NAMES)
@example("\ufffe")
@example("- 1\n2. x")
def test_every_format_keeps_its_shape(name: str) -> None:
    plain, told = poisoned("name"), poisoned(name)
    found = [element.tag for element in ElementTree.fromstring(junit(told).encode()).iter()]
    assert found == [element.tag for element in ElementTree.fromstring(junit(plain)).iter()]
    assert blocks(markdown(told)) == blocks(markdown(plain))
    assert samples(openmetrics(told)) == samples(openmetrics(plain))
