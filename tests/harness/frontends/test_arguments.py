"""A word of the command line that cannot be meant: it is repeated, and told what could be."""

from __future__ import annotations

import pytest

from harness.frontends.cli import main


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("run x.yaml --seed -1", "--seed: '-1' is no seed (a whole number from 0 on)"),
        ("run x.yaml --plan zz", "--plan: 'zz' is no hash (12 to 64 hexadecimal digits, as printed)"),
        ("campaign x.yaml --pairs -3", "--pairs: '-3' is no count (a whole number from 1 on)"),
        ("campaign x.yaml --pairs 1000000000", "'1000000000' is no count (at most 999999999)"),
        ("campaign x.yaml --workers 0", "--workers: '0' is no count (a whole number from 1 on)"),
        ("campaign x.yaml --precision 2", "'2' is no share (from 0.01 to below 1, like 0.1)"),
        ("search x.yaml --episodes ٣", "--episodes: '٣' is no count (a whole number from 1 on)"),
        ("replay x --until -1", "--until: '-1' is no instant (seconds from 0 on, like 12.5)"),
        ("history list --since today", "--since: 'today' is no day (2026-11-24)"),
        ("init x --unit 3", "--unit: '3' is no JSON object (like {\"rooms\": 3})"),
        ("gate x --exit-zero-on fail", "'fail' names none that may end 0 (inconclusive, void, or both"),
    ],
)
def test_a_wrong_value_is_repeated_and_what_could_be_is_told(words: str, told: str, capsys) -> None:
    assert main(words.split()) == 2
    assert told in capsys.readouterr().err
