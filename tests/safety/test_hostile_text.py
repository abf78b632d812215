"""SR-25: whatever stands in a text field, each format shows it and obeys none of it.
SR-26: progress and messages are one line a record, with control characters shown."""

from __future__ import annotations

import json
import unicodedata
from html.parser import HTMLParser
from xml.etree import ElementTree

import msgspec
import pytest
from markdown_it import MarkdownIt
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from harness.errors import Refused, Unsafe, Untrustworthy
from harness.frontends import cli
from harness.frontends.cli import COMMANDS, Entry, main
from harness.frontends.progress import Progress
from harness.frontends.streams import harmless
from harness.report import html, text
from harness.report.compose import compose_campaign, decode, encode
from harness.report.document import Document
from harness.report.junit import junit
from harness.report.markdown import markdown
from harness.report.openmetrics import openmetrics
from harness.report.shown import shown
from tests.traps.histories import campaign_of, killed, never_back

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "' onmouseover='alert(1)",
    "</style></title><svg onload=alert(1)>",
    "{{ 7 * 191 }}{% include 'x' %}",
    "&lt;b&gt; &#60;script&#62;",
    "javascript:alert(1)",
    "\x1b]0;owned\x07\x1b[2J\x1b[31m",
    "line\r\nSet-Cookie: a=b\nPASS",
    "\u202egnp.exe\u2066\u2028\u2029\x85",
    "null\x00byte\x7f\x9b31m",
    "=HYPERLINK(1)",
    "]]>",
    "\ufeff\ud7ff\uffff",
]
KEPT = {"word", "version", "arm", "restart_profile", "kind", "tag", "phase", "method", "concludes"}
"""Words of closed sets."""


class Tags(HTMLParser):
    def __init__(self, source: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.feed(source)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.names |= {name for name, _ in attrs}


@pytest.fixture(scope="module")
def document() -> Document:
    return compose_campaign(campaign_of(killed(), killed(sham=True), never_back()))


def poisoned(value: object, hostile: str) -> object:
    """The same plain data with ``hostile`` in every text field."""
    if isinstance(value, dict):
        return {key: one if key in KEPT else poisoned(one, hostile) for key, one in value.items()}
    if isinstance(value, list):
        return [poisoned(one, hostile) for one in value]
    return hostile if isinstance(value, str) else value


def poison(document: Document, hostile: str) -> Document:
    return msgspec.convert(poisoned(msgspec.json.decode(msgspec.json.encode(document)), hostile), Document)


def obeyed(shown: str) -> set[str]:
    """What a terminal or a log would obey."""
    return {
        letter
        for letter in shown
        if letter != "\n" and unicodedata.category(letter) in ("Cc", "Cf", "Zl", "Zp")
    }


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_page_shows_it_as_text(document, hostile):
    clean, dirty = Tags(html.render(document)), Tags(html.render(poison(document, hostile)))
    assert dirty.tags <= clean.tags
    assert dirty.names <= clean.names
    assert not any(name.startswith("on") or name in ("href", "src") for name in dirty.names)
    assert "1337" not in html.render(poison(document, "{{ 7 * 191 }}"))


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_terminal_table_holds_nothing_that_is_obeyed(document, hostile):
    shown = text.render(poison(document, hostile))
    assert obeyed(shown) == set()
    clean = text.render(document)
    assert len(shown.splitlines()) <= len(clean.splitlines()) + 3


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_json_is_the_same_document_when_it_is_read_again(document, hostile):
    dirty = poison(document, hostile)
    data = encode(dirty)
    assert encode(decode(data)) == data
    assert json.loads(data) == json.loads(msgspec.json.encode(decode(data)))
    assert not any(byte < 0x20 and byte != 0x0A for byte in data)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_junit_has_the_same_elements(document, hostile):
    def tags(text: str) -> list[str]:
        return [element.tag for element in ElementTree.fromstring(text).iter() if element.tag != "property"]

    written = junit(shown(poison(document, hostile)))
    assert tags(written) == tags(junit(shown(document)))
    assert obeyed(written) == set()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_markdown_has_the_same_blocks(document, hostile):
    def blocks(text: str) -> list[str]:
        return [token.type for token in MarkdownIt("gfm-like", {"linkify": False}).parse(text)]

    written = markdown(shown(poison(document, hostile)))
    assert blocks(written) == blocks(markdown(shown(poison(document, "name"))))
    assert obeyed(written) == set()


@pytest.mark.parametrize("hostile", HOSTILE)
def test_openmetrics_has_the_same_samples(document, hostile):
    def samples(text: str) -> list[str]:
        return [sample.name for family in text_string_to_metric_families(text) for sample in family.samples]

    written = openmetrics(shown(poison(document, hostile)))
    assert samples(written) == samples(openmetrics(shown(poison(document, "name"))))
    assert obeyed(written) == set()


PAYLOADS = [
    "a\r\nb",
    "a\x1b[2Jb",
    "a\x07b",
    "a\u202eb",
    "a\u2028b",
    "a\x85b",
    "a\x9b31mb",
    "a\x00b",
    "a\U000e0041b",
]


@pytest.mark.parametrize("payload", PAYLOADS)
def test_what_is_made_harmless_reads_back_as_it_was(payload):
    shown = harmless(payload)
    assert obeyed(shown) == set()
    assert json.loads(f'"{shown}"', strict=False) == payload
    assert harmless(shown) == shown


@pytest.mark.parametrize("live", [False, True])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_progress_is_one_line_a_record(capsys, payload, live):
    with Progress(60.0, live=live) as progress:
        progress(f"scorer {payload} ended")
    err = capsys.readouterr().err.replace("\r\x1b[K", "")
    assert err.count("\n") == 1
    assert obeyed(err) == set()


@pytest.mark.parametrize("error", [Refused, Untrustworthy, Unsafe, ValueError])
@pytest.mark.parametrize("payload", PAYLOADS)
def test_no_error_of_a_service_writes_to_the_terminal(monkeypatch, capsys, tmp_path, error, payload):
    class Raises:
        def configure(self, parser) -> None:
            """Takes no arguments."""

        def execute(self, _arguments) -> int:
            raise error(f"its log ends: {payload}")

    monkeypatch.setenv("HORMESIS_STORE", str(tmp_path))
    monkeypatch.setattr(cli, "COMMANDS", {**COMMANDS, "break": Entry("break", (), Raises)})
    assert main(["break"]) in (4, 5, 6, 70)
    assert obeyed(capsys.readouterr().err) == set()


EXPERIMENT = """\
title: "a\\e[2Jb\\r\\u202Ec"
description: d
method:
  - type: action
    name: "k\\e[31m"
    provider:
      type: python
      module: harness.frontends.chaostoolkit.faults
      func: process_kill
      arguments: {service: scorer}
x-hormesis: {version: 1, system: system.yaml, scenario: scenario.yaml}
"""
SYSTEM = """\
version: 1
name: toy
services:
  scorer: {command: [scorer]}
workload: {service: scorer, route: /decide}
"""


@pytest.mark.parametrize(
    "words", [["plan", "--offline", "--seed", "1"], ["plan", "--offline", "--json"], ["validate", "--json"]]
)
def test_a_title_that_holds_escapes_is_shown_and_not_obeyed(tmp_path, capsys, words):
    (tmp_path / "system.yaml").write_text(SYSTEM)
    (tmp_path / "scenario.yaml").write_text("version: 1\nname: steady\n")
    (tmp_path / "experiment.yaml").write_text(EXPERIMENT)
    assert main([words[0], str(tmp_path / "experiment.yaml"), *words[1:]]) == 0
    out, err = capsys.readouterr()
    assert obeyed(out + err) == set()
    assert "\\u001b[2Jb" in out
    if "--json" in words:
        document = json.loads(out)
        assert document.get("title", document.get("files", [{}])[0].get("title")) == "a\x1b[2Jb\r\u202ec"
