"""A version is read from our registry's answer, or from any JSON by a pointer; a change is an act."""

from __future__ import annotations

import json

import pytest

from harness.observers.fetch import Reply, Unseen
from harness.observers.looking import Inbox, lookings
from harness.observers.reading import AliasReader


def reply(content: object, at_s: float = 1.0, status: int = 200) -> Reply:
    return Reply(status=status, body=json.dumps(content).encode(), boot_id="", received_s=at_s)


def changes(reader: AliasReader, *contents: object) -> list[str]:
    read = [reader.read(reply(content))[0] for content in contents]
    return [act.detail for acts in read for act in acts]


def test_a_change_where_the_pointer_stands_is_an_act() -> None:
    reader = AliasReader("a:/info#/model/v", "a", "/model/v")
    seen = changes(
        reader, *({"model": {"v": version}, "load": n} for n, version in enumerate([1, 1, "2b", 1]))
    )
    assert seen == ["version 1 -> 2b", "version 2b -> 1"]


def test_without_a_pointer_the_registrys_form_is_read() -> None:
    seen = changes(AliasReader("r:/champion", "r"), {"alias": "champion", "version": "1"}, {"version": "2"})
    assert seen == ["1 -> 2"]


@pytest.mark.parametrize("content", [{}, {"v": None}, {"v": True}, {"v": {}}, []])
def test_an_answer_without_a_version_is_no_look(content: object) -> None:
    with pytest.raises(Unseen):
        AliasReader("a:/info#/v", "a", "/v").read(reply(content))


def test_the_pointer_is_no_part_of_the_route_that_is_asked() -> None:
    class Observed:
        acts = ()
        aliases = ("a:/info#/v",)
        journal = ""

    (looking,) = lookings(Observed(), ["a"], Inbox(), 0.0)
    assert next(looking.look()) == ("a", "/info")
