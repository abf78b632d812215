"""A policy is read strictly; what is in force changes by a commit that is one, and by nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from reference_pipeline.healing import policy as module
from reference_pipeline.healing.policy import FILE, NOTHING, BadPolicy, Policies, Policy, read_policy
from tests.reference_pipeline.healing.worlds import Commits


def test_the_shipped_file_says_every_key_and_agrees_with_the_values_in_code() -> None:
    text = Path(module.__file__).with_name(FILE).read_bytes()
    assert read_policy(text) == Policy()
    for key in Policy.__struct_fields__:
        assert f"\n{key}:".encode() in text


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", "must be a mapping"),
        (b"[1]", "must be a mapping"),
        (b"{version: 2}", "$.version"),
        (b"{version: 1, allowed: [reboot]}", "reboot"),
        (b"{version: 1, cooldown: 3}", "cooldown"),
        (b"{version: 1, cooldown_s: -1}", "$.cooldown_s"),
        (b"{version: 1, attempts_per_hour: many}", "$.attempts_per_hour"),
        (b"{version: 1, cooldown_s: .nan}", "$.cooldown_s"),
        (b"{version: 1", "expected"),
        (b"\xff\xfe\x00", ""),
        (b"[" * 5000, ""),
    ],
)
def test_what_is_no_policy_is_refused_with_its_place(text: bytes, words: str) -> None:
    with pytest.raises(BadPolicy) as caught:
        read_policy(text)
    assert words in str(caught.value)


def test_before_the_first_look_nothing_is_allowed() -> None:
    assert Policies(Commits()).now == NOTHING


def test_the_newest_commit_is_in_force_and_a_new_one_after_the_next_look() -> None:
    source = Commits([b"{version: 1, cooldown_s: 1}", b"{version: 1, cooldown_s: 2}"])
    policies = Policies(source)
    assert policies.look() == ""
    assert (policies.now.cooldown_s, policies.commit) == (2.0, source.head())
    source.texts.append(b"{version: 1, cooldown_s: 3}")
    assert policies.look() == ""
    assert (policies.now.cooldown_s, policies.commit) == (3.0, source.head())


def test_a_bad_commit_leaves_the_one_in_force_and_is_told_once() -> None:
    source = Commits([b"{version: 1, cooldown_s: 1}"])
    policies = Policies(source)
    policies.look()
    source.texts.append(b"nonsense")
    assert "is no policy" in policies.look()
    assert policies.look() == ""
    assert (policies.now.cooldown_s, policies.commit[-1]) == (1.0, "1")
    source.texts.append(b"{version: 1, cooldown_s: 5}")
    assert policies.look() == ""
    assert policies.now.cooldown_s == 5.0


def test_a_healer_that_starts_on_a_bad_commit_takes_the_newest_good_one() -> None:
    policies = Policies(
        Commits([b"{version: 1, cooldown_s: 1}", b"{version: 1, cooldown_s: 2}", b"nonsense"])
    )
    assert "is no policy" in policies.look()
    assert policies.now.cooldown_s == 2.0


@pytest.mark.parametrize("texts", [[], [b"nonsense"]])
def test_without_any_policy_nothing_is_allowed_and_it_is_said(texts: list[bytes]) -> None:
    policies = Policies(Commits(texts))
    assert "nothing is allowed" in policies.look()
    assert policies.now == NOTHING
