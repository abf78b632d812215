"""JSON Pointers: what is one, what it finds, and a document that has a value there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.experiment.pointers import ABSENT, parse_pointer, pointer_problem, put_under, read_pointer

KEYS = st.lists(st.text().filter(lambda key: key == "0" or not key.isdecimal()), max_size=5)


def written(keys: list[str]) -> str:
    return "".join("/" + key.replace("~", "~0").replace("/", "~1") for key in keys)


@given(KEYS)
def test_what_is_put_under_a_pointer_is_found_there(keys: list[str]) -> None:
    pointer = written(keys)
    assert pointer_problem(pointer) == ""
    assert read_pointer(put_under(parse_pointer(pointer), 7), parse_pointer(pointer)) == 7


@pytest.mark.parametrize("text", ["model", "model/version", "/a~2", "/a~"])
def test_a_text_that_is_no_pointer_is_told_why(text: str) -> None:
    assert pointer_problem(text)


@pytest.mark.parametrize("pointer", ["/b", "/a/1", "/a/x", "/a/0/c/d"])
def test_where_nothing_stands_nothing_is_found(pointer: str) -> None:
    assert read_pointer({"a": [{"c": 1}]}, parse_pointer(pointer)) is ABSENT
