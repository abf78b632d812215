"""Every example in a docstring runs, and every command in the README exists."""

from __future__ import annotations

import doctest
import importlib
import re
import subprocess
import sys
from pathlib import Path

import pytest

import harness
from tests.style.source import PACKAGES, ROOT, sources

MODULES = sorted({source.module for source in sources(*PACKAGES) if not source.path.endswith("__main__.py")})
PUBLIC = {"__version__"}
FENCE = re.compile(r"^```(?:sh|console|bash)\n(.*?)^```", re.MULTILINE | re.DOTALL)
COMMANDS = (
    "init",
    "doctor",
    "consent",
    "run",
    "campaign",
    "calibrate",
    "replay",
    "search",
    "plan",
    "analyse",
    "report",
    "schema",
    "compare",
    "history",
    "validate",
    "demo",
    "undo",
    "halt",
    "explain",
    "gate",
)


def shown_commands(markdown: str) -> list[tuple[str, str]]:
    """Pairs (program, first word) of the command lines in shell blocks: ``make demo`` -> (make, demo)."""
    lines = [line for block in FENCE.findall(markdown) for line in block.splitlines()]
    commands = [line.removeprefix("$ ").split() for line in lines]
    named = [(Path(words[0]).name, words[1]) for words in commands if len(words) > 1]
    return [pair for pair in named if pair[0] in {"make", "hormesis"}]


def _shown(program: str) -> set[str]:
    texts = [path.read_text("utf-8") for path in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))]
    return {word for text in texts for name, word in shown_commands(text) if name == program}


def make_targets(makefile: str) -> set[str]:
    """Names that the ``.PHONY`` line declares."""
    declared = re.search(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    return set(declared.group(1).split()) if declared else set()


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_a_module_run_as_written(name: str) -> None:
    result = doctest.testmod(importlib.import_module(name), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0, f"{result.failed} of {result.attempted} examples differ"


def test_the_tree_has_examples_at_all() -> None:
    finder = doctest.DocTestFinder(exclude_empty=True)
    assert sum(len(t.examples) for name in MODULES for t in finder.find(importlib.import_module(name))) >= 10


def test_every_make_target_of_the_documents_exists() -> None:
    assert {"demo", "test"} <= _shown("make") <= make_targets((ROOT / "Makefile").read_text("utf-8"))


def test_every_hormesis_command_of_the_documents_exists() -> None:
    assert _shown("hormesis"), "no document shows a command"
    assert _shown("hormesis") <= set(COMMANDS)


@pytest.mark.parametrize("command", COMMANDS)
def test_a_documented_command_answers_help(command: str) -> None:
    done = subprocess.run(
        [Path(sys.executable).parent / "hormesis", command, "--help"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert command in done.stdout


def test_the_readme_names_only_make_demo_and_make_test_before_anything_else() -> None:
    shown = shown_commands((ROOT / "README.md").read_text("utf-8"))
    assert list(dict.fromkeys(shown))[:2] == [("make", "demo"), ("make", "test")]


def test_a_command_that_does_not_exist_would_be_seen() -> None:
    shown = shown_commands("```sh\nmake nothing # now\n$ .venv/bin/hormesis fly x\nls\n```\n`make demo`\n")
    assert shown == [("make", "nothing"), ("hormesis", "fly")]
    assert make_targets(".PHONY: a b\n") == {"a", "b"}


@pytest.mark.parametrize(("name", "limit"), [("README.md", 150), ("ARCHITECTURE.md", 150)])
def test_the_first_pages_stay_short(name: str, limit: int) -> None:
    assert (ROOT / name).read_text("utf-8").count("\n") <= limit


def test_the_public_names_of_the_harness_are_the_ones_agreed() -> None:
    assert set(harness.__all__) == PUBLIC, "a public name is a promise: CHANGELOG.md, and this list"
    assert all(hasattr(harness, name) for name in harness.__all__)
