"""SR-21: files made to exhaust a reader are refused in little memory, each with its reason."""

from __future__ import annotations

import bombs_kit as kit
import pytest

MIB = 1024 * 1024
SMALL = b"a: [x, [z], {b: 'no', c: 12}]\nd: \"2026-01-01\"\n"


@pytest.fixture(scope="module")
def outcome(tmp_path_factory):
    """Every bomb read by one process, one after another: what it said, and how much it grew."""
    return kit.read_all(tmp_path_factory.mktemp("bombs"), kit.CORPUS)


@pytest.mark.parametrize("name", kit.CORPUS)
def test_a_bomb_is_refused(outcome, name):
    assert outcome["told"][name], f"{name} was accepted"
    assert all(code.startswith("HRM1") for code in outcome["told"][name])
    assert len(outcome["told"][name]) <= 51


def test_all_of_them_together_need_less_than_64_mib(outcome):
    assert outcome["grown_kib"] * 1024 < 64 * MIB


def test_what_the_bombs_are_made_of_is_accepted_when_it_is_small(tmp_path):
    assert kit.read_all(tmp_path, {"small.yaml": SMALL})["told"] == {"small.yaml": []}
