"""Strings of others are shown as text and never obeyed."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.report.words import SIGNS, arm_rank, columns, inert, inert_json
from harness.verdict.model import Word

HOSTILE = [
    "\x1b]0;owned\x07\x1b[2J",
    "a\r\nb\x00c\x85d\x9be",
    "\u202egnp.exe\u202c \u2066x\u2069",
    "\u2028\u2029\ufeff\u200b",
    "tag\U000e0041\U000e007f",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_control_or_direction_character_survives(text):
    shown = inert(text)
    assert all(c.isprintable() for c in shown)
    assert not set(shown) & set("\u202e\u202c\u2066\u2069\u200b\ufeff\x9b")


@given(st.text(st.characters(codec="utf-8"), max_size=30))
def test_every_string_becomes_one_printable_line(text):
    assert len(inert(text).splitlines()) <= 1
    assert "\x1b" not in inert(text)


def test_ordinary_text_and_emoji_stay_as_they_are():
    assert inert("Prüfung 日本 🙂 ✓") == "Prüfung 日本 🙂 ✓"


def test_a_very_long_name_is_cut_and_says_so():
    assert len(inert("x" * 10_000)) <= 400
    assert inert("x" * 10_000).endswith("…")


@given(st.text(st.characters(codec="utf-8"), max_size=40))
def test_json_made_inert_parses_to_the_same_value(text):
    data = json.dumps({"a": text}, ensure_ascii=False).encode()
    assert json.loads(inert_json(data)) == {"a": text}


@pytest.mark.parametrize("text", HOSTILE)
def test_json_made_inert_holds_no_raw_harm(text):
    data = inert_json(json.dumps([text], ensure_ascii=False).encode()).decode()
    assert inert(data, 10_000) == data


def test_wide_letters_take_two_columns():
    assert (columns("ab"), columns("日本"), columns("e\u0301")) == (2, 4, 1)


def test_every_verdict_word_has_a_sign_with_an_ascii_form():
    assert set(SIGNS) == set(Word.__args__)
    assert all(sign.ascii.isascii() for sign in SIGNS.values())
    assert len({sign.mark for sign in SIGNS.values()}) == len(SIGNS)


def test_arms_are_ordered_by_how_much_help_there_is():
    assert sorted(["bare", "none", "reference"], key=arm_rank) == ["reference", "none", "bare"]


def test_lines_are_joined_and_a_long_reason_is_cut_at_a_word():
    assert inert("its last lines:\n  driver: gone\r\n\n") == "its last lines: driver: gone"
    cut = inert("the witness ended before the run did; " * 20)
    assert len(cut) <= 400
    assert cut.endswith(("the…", "witness…", "ended…", "before…", "run…", "did…"))
