"""Progress: plain lines where nobody can see a cursor, one live line on a terminal."""

from __future__ import annotations

from harness.frontends.progress import HEARTBEAT_S, Progress
from harness.frontends.wording import length_text


def test_without_a_terminal_every_line_is_plain(capsys):
    with Progress(60.0, live=False) as progress:
        progress("run 1/4: arm none")
    err = capsys.readouterr().err
    assert "\x1b" not in err
    assert "\r" not in err
    assert err.endswith(" s] run 1/4: arm none\n")


def test_a_text_of_several_lines_is_told_on_one(capsys):
    Progress(60.0, live=False)("it ended; its last lines:\n  driver: gone\n")
    assert capsys.readouterr().err.endswith(" s] it ended; its last lines: driver: gone\n")


def test_a_long_silence_shows_a_heartbeat_once(capsys):
    progress = Progress(60.0, live=False)
    progress._beat(progress.started_s + HEARTBEAT_S - 1)
    assert capsys.readouterr().err == ""
    progress._beat(progress.started_s + HEARTBEAT_S)
    progress._beat(progress.started_s + HEARTBEAT_S + 1)
    assert capsys.readouterr().err == "[  30.0 s] … 30 s of about 1 min 0 s\n"


def test_on_a_terminal_the_last_line_is_cleared_at_the_end(capsys):
    with Progress(60.0, live=True) as progress:
        progress("run 1/4")
        progress._beat(progress.started_s + 5)
    err = capsys.readouterr().err
    assert "5 s of about 1 min 0 s" in err
    assert err.endswith("\r\x1b[K")


def test_nothing_goes_to_standard_output(capsys):
    with Progress(1.0, live=False) as progress:
        progress("x")
    assert capsys.readouterr().out == ""


def test_lengths_are_written_for_people():
    assert [length_text(value) for value in (0, 59.4, 60, 3599, 3600)] == [
        "0 s",
        "59 s",
        "1 min 0 s",
        "59 min 59 s",
        "1 h 0 min",
    ]


def test_who_knows_no_end_says_only_what_is_gone(capsys):
    progress = Progress(None, live=True, interrupting="Ctrl-C stops")
    progress._beat(progress.started_s + 90)
    assert capsys.readouterr().err.endswith("  … 1 min 30 s (Ctrl-C stops)")
