"""Whatever the bytes: an experiment or a usage problem, never another exception."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from harness.errors import UsageProblem
from harness.experiment.load import load_experiment
from harness.experiment.model import Experiment
from harness.frontends.wording import usage_text
from tests.bad_input.test_broken_files import RIGHT, SYSTEM

WORDS = st.sampled_from(
    (
        "",
        "a",
        "- ",
        ": ",
        "\n",
        "  ",
        "{",
        "}",
        "[",
        "]",
        "&a ",
        "*a",
        "!t ",
        "|",
        ">",
        "'",
        '"',
        "? ",
        "%YAML 9",
    )
) | st.sampled_from(
    (
        "---",
        "\t",
        "\u2028",
        "宽",
        "no",
        "1e999",
        "-1",
        "method:",
        "x-hormesis:",
        "${a}",
        "#",
        ",",
        "\\",
        "<<: ",
    )
)
SCALARS = st.sampled_from(
    ["-1", "0", "yes", "{}", "[]", "''", "null", "1e400", "[[1]]", "{a: {b: c}}", "!x y", "*a"]
)


def outcome(content: bytes) -> str:
    """Load ``content`` as an experiment beside a right system; its problems as text, "" if right."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "system.yaml").write_text(SYSTEM)
        (folder / "scenario.yaml").write_text("version: 1\nname: steady\n")
        (folder / "any.yaml").write_bytes(content)
        try:
            loaded = load_experiment(folder / "any.yaml")
        except UsageProblem as error:
            problems = error
        else:
            assert isinstance(loaded, Experiment)
            return ""
    assert problems.problems
    return usage_text(problems)


def test_the_right_file_is_right():
    assert outcome(RIGHT.encode()) == ""


@given(st.binary(max_size=400))
def test_any_bytes(content):
    assert outcome(content)


@given(st.lists(WORDS, max_size=40).map("".join))
def test_any_text_made_of_yaml(text):
    outcome(text.encode())


@given(st.integers(0, len(RIGHT)), st.integers(0, 12), st.lists(WORDS, max_size=3).map("".join))
def test_a_right_file_with_a_hole_and_a_patch(start, length, patch):
    outcome((RIGHT[:start] + patch + RIGHT[start + length :]).encode())


@given(st.integers(0, RIGHT.count("\n") - 1), SCALARS)
def test_a_right_file_with_one_value_replaced(line, value):
    lines = RIGHT.split("\n")
    with contextlib.suppress(ValueError):
        lines[line] = lines[line][: lines[line].index(":") + 2] + value
    outcome("\n".join(lines).encode())


@given(st.integers(0, len(RIGHT)), st.binary(max_size=3))
def test_a_right_file_with_bytes_thrown_in(at, junk):
    outcome(RIGHT[:at].encode() + junk + RIGHT[at:].encode())
