"""What docs/safety.md promises has tests, which exist and name the promise."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROMISED = (*range(1, 13), *range(16, 29), 30, 35, 36, 37, 39, 40)
ROW = re.compile(r"^\| (SR-\d+) \|(.*)$", re.MULTILINE)
TEST = re.compile(r"`(tests/\S+\.py)::(\w+)`")


def rows() -> dict[str, str]:
    """The lines of the table by id."""
    return dict(ROW.findall((ROOT / "docs" / "safety.md").read_text("utf-8")))


def words_on(file: str, name: str) -> str:
    """What the docstrings of a module and of one of its functions say; fails where there is no such test."""
    tree = ast.parse((ROOT / file).read_text("utf-8"))
    found = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name]
    assert found, f"{file}::{name} does not exist"
    return f"{ast.get_docstring(tree)}\n{ast.get_docstring(found[0])}"


def test_every_promise_is_in_the_table_once():
    assert list(rows()) == [f"SR-{number}" for number in PROMISED]


@pytest.mark.parametrize("promise", rows())
def test_each_of_its_tests_exists_and_names_the_promise(promise):
    tests = TEST.findall(rows()[promise])
    assert tests
    silent = [
        f"{file}::{name}" for file, name in tests if not re.search(rf"{promise}\b", words_on(file, name))
    ]
    assert silent == []
