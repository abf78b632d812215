"""The strict reader: what it refuses, where it points, that it is fast to refuse."""

from __future__ import annotations

import json
import os
import tracemalloc

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageProblem
from harness.experiment.yaml import SIZE_MAX, parse, read_bytes

BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


def problems_of(content: bytes):
    """All problems of a file: those that stop the reader, or those it noted on the way."""
    try:
        return parse(content, "f.yaml").findings.problems
    except UsageProblem as error:
        return list(error.problems)


@pytest.mark.parametrize(
    ("content", "code", "place"),
    [
        (b"", "HRM105", (0, 0)),
        (b"# only a comment\n", "HRM105", (0, 0)),
        (b"a: 1\nb: [1, 2\n", "HRM106", (2, 4)),
        (b"a: 'b\nc: d\n", "HRM106", (1, 4)),
        (b"a: 1\n\tb: 2\n", "HRM106", (2, 1)),
        (b"--- a\n--- b\n", "HRM107", (2, 1)),
        (b"a: &x 1\n", "HRM108", (1, 4)),
        (b"a: *x\n", "HRM108", (1, 4)),
        (BOMB.encode(), "HRM108", (1, 4)),
        (b"a: !!python/object/apply:os.system [ls]\n", "HRM109", (1, 4)),
        (b"a: ! 1\n", "HRM109", (1, 4)),
        (b"a: 1\nb: 2\na: 3\n", "HRM110", (3, 1)),
        (b"x: {a: 1, a: 1}\n", "HRM110", (1, 11)),
        (b"[" * 40 + b"]" * 40, "HRM111", (1, 33)),
        (b"a: " + b"x" * 70_000, "HRM112", (1, 4)),
        (b"a: no\n", "HRM113", (1, 4)),
        (b"on: 1\n", "HRM113", (1, 1)),
        (b"a: 12:30:00\n", "HRM113", (1, 4)),
        (b"1: a\n", "HRM114", (1, 1)),
        (b"? [a]\n: b\n", "HRM114", (1, 3)),
        (b"a: .inf\n", "HRM115", (1, 4)),
        (b"a: 1\nb: \x00\n", "HRM104", (2, 4)),
        (b"a: \x1b[31m\n", "HRM104", (1, 4)),
        (b'a: "\\0"\n', "HRM104", (1, 4)),
        (b"\xff\xfea\x00", "HRM104", (0, 0)),
        (b"\x89PNG\r\n\x1a\n", "HRM104", (0, 0)),
        (b"x" * (SIZE_MAX + 1), "HRM103", (0, 0)),
    ],
)
def test_what_is_not_plain_data_is_refused_at_its_place(content, code, place):
    first = problems_of(content)[0]
    assert (first.code, (first.line, first.column)) == (code, place)
    assert first.help


def test_every_doubtful_value_of_a_file_is_listed():
    assert [p.code for p in problems_of(b"a: no\nb: 010\nc: {d: 1, d: 2}\n")] == [
        "HRM113",
        "HRM113",
        "HRM110",
    ]


def test_marks_give_line_column_and_width_of_values_and_keys():
    marks = parse(b"method:\n  - name: kill-one\n    args: {service: 'a b'}\n", "f.yaml").marks
    name = marks.find(("method", 0, "name"))
    assert (name.line, name.column, name.width) == (2, 11, 8)
    service = marks.find(("method", 0, "args", "service"))
    assert (service.line, service.column, service.width) == (3, 21, 5)
    key = marks.find(("method", 0, "args", "service"), key=True)
    assert (key.line, key.column, key.width) == (3, 12, 7)


def test_what_is_not_there_is_pointed_at_by_what_should_hold_it():
    marks = parse(b"a:\n  b: 1\n", "f.yaml").marks
    assert marks.find(("a", "missing", 3)) == marks.find(("a",))


def test_an_alias_bomb_is_refused_before_it_is_built():
    tracemalloc.start()
    try:
        assert problems_of(BOMB.encode() * 100)
        assert tracemalloc.get_traced_memory()[1] < 8 << 20
    finally:
        tracemalloc.stop()


def test_no_more_than_a_mebibyte_is_ever_read(tmp_path):
    big = tmp_path / "big.yaml"
    big.touch()
    os.truncate(big, 10 << 30)  # sparse: ten gibibytes on paper
    with pytest.raises(UsageProblem) as caught:
        read_bytes(big, "big.yaml")
    assert caught.value.problems[0].code == "HRM103"


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    pipe = tmp_path / "pipe.yaml"
    os.mkfifo(pipe)
    with pytest.raises(UsageProblem) as caught:
        read_bytes(pipe, "pipe.yaml")
    assert caught.value.problems[0].code == "HRM102"


PLAIN = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(
        st.characters(min_codepoint=32, max_codepoint=0xFFF, exclude_categories=("Cc", "Cs")), max_size=20
    ),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc_-", min_size=1), inner, max_size=4)
    ),
    max_leaves=20,
)


@given(PLAIN)
def test_json_reads_as_json(data):
    text = json.dumps(data, ensure_ascii=False)
    assert parse(text.encode(), "f.json").data == data


@given(PLAIN)
def test_block_yaml_reads_as_pyyaml_reads_it_or_is_refused(data):
    text = yaml.safe_dump(data, allow_unicode=True, width=1000)
    try:
        parsed = parse(text.encode(), "f.yaml")
    except UsageProblem:
        return
    if not parsed.findings.problems:
        assert parsed.data == data


def test_a_byte_order_mark_does_not_move_the_columns():
    assert problems_of("\ufeffa: no\n".encode())[0].column == 4
