"""The carets stand under what is meant, whatever the line is made of."""

from __future__ import annotations

import pytest

from harness.experiment.excerpt import COLUMNS, excerpt, lines_of, quoted


def under_carets(shown: str) -> str:
    """The letters above the carets, by terminal column (tests use letters of width 1 here)."""
    above, below = shown.split("\n")
    start = below.index("^")
    return above[start : start + below.count("^")]


@pytest.mark.parametrize("lead", ["", "    ", "\t", "\t\t  ", "é ", "x" * 300])
def test_carets_stand_under_the_word(lead):
    line = f"{lead}func: procss_kill, more"
    shown = excerpt((line,), 1, line.index("procss_kill") + 1, len("procss_kill"))
    assert under_carets(shown) == "procss_kill"


def test_wide_letters_count_for_two_columns():
    line = "名前: bad"
    below = excerpt((line,), 1, line.index("bad") + 1, 3).split("\n")[1]
    assert below.index("^") - len("      | ") == len("名前") * 2 + len(": ")


@pytest.mark.parametrize("at", [0, 50, 400, 900])
def test_a_long_line_is_clipped_around_the_carets(at):
    line = "a" * at + "WORD" + "b" * (1000 - at)
    shown = excerpt((line,), 1, at + 1, 4)
    assert under_carets(shown) == "WORD"
    assert all(len(row) <= COLUMNS + len("    1 | ") + 2 for row in shown.split("\n"))


def test_a_line_of_a_million_letters_is_shown_like_one_of_a_thousand():
    def shown(letters):
        return excerpt(("x" * letters + "BAD" + "y" * letters,), 1, letters + 1, 3, label="no")

    assert shown(1_000_000) == shown(1000)
    assert "BAD" in shown(1000)
    assert "^^^ no" in shown(1000)


def test_a_value_wider_than_the_window_gives_carets_up_to_its_edge():
    shown = excerpt(("x" * 5000,), 1, 1, 1_000_000)
    assert shown.split("\n")[1].count("^") == COLUMNS


def test_what_a_terminal_would_obey_is_not_shown():
    shown = excerpt(("a\x1b[31m\u202eb",), 1, 1, 1)
    assert "\x1b" not in shown
    assert "\u202e" not in shown
    assert "\x1b" not in quoted("\x1b[2J")


def test_a_line_that_does_not_exist_gives_nothing():
    assert excerpt(("a",), 2, 1, 1) == ""
    assert excerpt(("a",), 0, 0, 1) == ""


def test_the_end_of_a_line_can_be_pointed_at():
    assert excerpt(("abc",), 1, 4, 1).split("\n")[1] == "      |    ^"


def test_lines_are_split_as_the_yaml_reader_counts_them():
    assert lines_of("a\r\nb\rc\nd\u2028e") == ("a", "b", "c", "d", "e")
