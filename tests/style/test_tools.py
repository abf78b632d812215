"""The well-kept tools: ruff (lint and format), mypy --strict, the import contracts."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.style.source import PACKAGES, ROOT

BIN = Path(sys.executable).parent
FOLDERS = (*PACKAGES, "tests", "benchmarks")


def _tool(name: str, *arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(BIN / name), *arguments], cwd=cwd, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "arguments",
    [("check", "--output-format=concise", *FOLDERS), ("format", "--check", *FOLDERS)],
    ids=["lint", "format"],
)
def test_ruff_has_nothing_to_say(arguments: Sequence[str]) -> None:
    done = _tool("ruff", *arguments)
    assert done.returncode == 0, done.stdout + done.stderr


def test_mypy_strict_has_nothing_to_say() -> None:
    done = _tool("mypy", "--strict", "--no-error-summary")
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_import_contract_is_kept() -> None:
    done = _tool("lint-imports", "--no-logo", "--cache-dir", ".import_linter_cache")
    assert done.returncode == 0, done.stdout + done.stderr


CONTRACT = """\
[importlinter]
root_packages =
    harness
include_external_packages = True
[importlinter:contract:pure]
name = pure
type = forbidden
source_modules =
    harness.verdict
forbidden_modules =
    time
"""


@pytest.mark.parametrize(("line", "code"), [("import time", 1), ("import json", 0)])
def test_the_import_contracts_can_fail_through_another_module(tmp_path: Path, line: str, code: int) -> None:
    files = {"__init__": "", "verdict": "from harness import units", "units": line}
    (tmp_path / "harness").mkdir()
    for name, text in files.items():
        (tmp_path / "harness" / f"{name}.py").write_text(f"{text}\n")
    (tmp_path / ".importlinter").write_text(CONTRACT)
    done = _tool("lint-imports", "--no-logo", "--no-cache", cwd=tmp_path)
    assert done.returncode == code, done.stdout + done.stderr
