"""The end of a run on a terminal."""

import re

import msgspec
import pytest

from harness.report import text
from harness.report.document import Document

WORDS = ["DONE", "PASS", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE"]


@pytest.mark.parametrize("word", WORDS)
def test_the_word_stands_first_and_the_reason_next(make, word):
    document = make(word=word, n=2)
    lines = text.render(document).splitlines()
    assert lines[0].split()[0] == word
    assert document.verdict.why.startswith(lines[1])
    assert lines[-1] == f"next: {document.verdict.next}"


@pytest.mark.parametrize("width", [60, 80, 132])
def test_no_line_but_a_command_is_wider_than_the_terminal(make, width):
    for line in text.render(make(word="FAIL", n=10, faults=4), width=width).splitlines()[1:-1]:
        assert len(line) <= width


def test_the_demo_fits_on_a_small_screen(make):
    assert 10 <= len(text.render(make(n=1)).splitlines()) <= 25


def test_plain_output_holds_no_escape_and_coloured_output_says_the_same(make):
    document = make(word="FAIL", n=2)
    plain, coloured = text.render(document), text.render(document, colour=True)
    assert "\x1b" not in plain
    assert "\x1b[31m" in coloured
    assert re.sub(r"\x1b\[\d+m", "", coloured) == plain


@pytest.mark.parametrize("word", WORDS)
def test_a_plain_terminal_gets_ascii_only_and_no_letter_is_lost(make, word):
    shown = text.render(make(word=word, n=10), ascii_only=True)
    assert shown.isascii()
    assert "? ?" not in shown.replace("INCONCLUSIVE", "")


def test_each_claim_has_its_sign_and_its_evidence(make):
    shown = text.render(make(word="FAIL", n=10))
    assert re.search(r"^✕ process\.hang: .*0 of 10$", shown, re.M)
    assert re.search(r"^✓ process\.kill: .*10 of 10$", shown, re.M)


def test_one_episode_is_shown_beside_what_a_median_needs(make):
    assert re.search(r"\d+ ms \(needs 1/6\)", text.render(make(n=1)))


def test_a_broken_check_of_the_instrument_is_named(make):
    assert "✕ baseline met: 31 of 400 bad" in text.render(make(word="VOID", n=1))
    assert "every check ok" not in text.render(make(word="VOID", n=1))


def test_a_campaign_without_a_class_says_so(make):
    document = make(word="VOID", n=1)
    empty = msgspec.structs.replace(document.estimates, classes=())
    assert "no class of fault" in text.render(msgspec.structs.replace(document, estimates=empty))


@pytest.mark.parametrize("hostile", ["\x1b]0;owned\x07\x1b[2J", "a\r\nb\x00", "\u202egnp.exe", "y" * 10_000])
def test_a_hostile_string_cannot_write_to_the_terminal(make, hostile):
    data = msgspec.json.encode(make(word="FAIL", n=1)).decode()
    document = msgspec.json.decode(data, type=Document)
    inputs = msgspec.structs.replace(document.inputs, system=hostile, target=hostile)
    verdict = msgspec.structs.replace(document.verdict, why=hostile, next=hostile)
    classes = tuple(
        msgspec.structs.replace(c, fault=hostile, service=hostile, arm=hostile, ended_by={hostile: 1})
        for c in document.estimates.classes
    )
    estimates = msgspec.structs.replace(document.estimates, classes=classes)
    shown = text.render(
        msgspec.structs.replace(document, inputs=inputs, verdict=verdict, estimates=estimates)
    )
    assert all(c.isprintable() or c == "\n" for c in shown)
    assert len(shown.splitlines()) <= 25
    assert max(map(len, shown.splitlines())) <= 410
