"""SR-36: what stands in somebody's settings of Chaos Toolkit, or lies where a command is started, has no say.

No code of the product starts Chaos Toolkit or imports it; where tests start it, it is fenced (``chaos_kit``).
"""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.harness.frontends.chaos_kit import CHAOS, ROOT, chaos

EXPERIMENT = ROOT / "experiments" / "smoke" / "kill-one.yaml"
SPY = "import pathlib, os; pathlib.Path(os.environ.get('SPY', 'spied')).write_text(__name__)\n"
SETTINGS = """\
controls:
  spy:
    provider: {type: python, module: spying}
"""
PRODUCT = sorted([*(ROOT / "harness").rglob("*.py"), *(ROOT / "reference_pipeline").rglob("*.py")])
NAMES = {"chaos", "chaoslib", "chaostoolkit"}


@pytest.fixture
def trap(tmp_path):
    """A folder that is HOME and working directory: settings that load a spy, and modules that are one."""
    (tmp_path / ".chaostoolkit").mkdir()
    (tmp_path / ".chaostoolkit" / "settings.yaml").write_text(SETTINGS)
    for name in ("yaml", "msgspec", "spying"):
        (tmp_path / f"{name}.py").write_text(SPY)
    return tmp_path


def named(source: str) -> set[str]:
    """Names of Chaos Toolkit that a module imports, or has as a word of its own, as a command would."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Import(names=names):
                found |= {name.name.partition(".")[0] for name in names}
            case ast.ImportFrom(module=str(module)):
                found.add(module.partition(".")[0])
            case ast.Constant(value=str(text)):
                found.add(text.rpartition("/")[2].partition(" ")[0])
    return found & NAMES


def test_no_code_of_the_product_starts_or_imports_chaos_toolkit():
    """SR-36."""
    assert len(PRODUCT) > 100
    assert not [str(path) for path in PRODUCT if named(path.read_text())]


@pytest.mark.parametrize(
    "source",
    [
        "import chaoslib.run",
        "from chaoslib import types",
        "run(['chaos', 'run'])",
        "X = BIN + '/chaos'",
        "'chaos run x'",
    ],
)
def test_such_code_would_be_seen(source):
    assert named(source)


def test_a_command_of_ours_heeds_neither_their_settings_nor_modules_where_it_is_started(trap):
    """SR-36: `validate` on a file of theirs and ours, in the trap."""
    command = Path(sys.executable).parent / "hormesis"
    spied = trap / "spied"
    run = subprocess.run(
        [str(command), "validate", str(EXPERIMENT)],
        cwd=trap,
        env={"PATH": "/usr/bin:/bin", "HOME": str(trap), "PYTHONPATH": str(ROOT), "SPY": str(spied)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert not spied.exists()


def test_the_chaos_toolkit_of_our_tests_heeds_neither(trap):
    """SR-36: plain `chaos validate`, in the trap, with all that `chaos_kit` does against it."""
    spied = trap / "spied"
    code, said = chaos(trap, "validate", str(EXPERIMENT), also={"SPY": str(spied)})
    assert code == 0, said
    assert not spied.exists()


def test_without_the_fence_the_trap_would_have_sprung(trap):
    spied = trap / "spied"
    subprocess.run(
        [sys.executable, "-c", "import yaml"],
        cwd=trap,
        env={"HOME": str(trap), "SPY": str(spied)},
        check=True,
    )
    assert spied.read_text() == "yaml"
    spied.unlink()
    harmless = trap / "harmless.yaml"
    harmless.write_text("title: t\ndescription: d\nmethod: []\n")
    subprocess.run(
        [str(CHAOS), "--no-version-check", "--no-log-file", "run", str(harmless)],
        cwd=trap,
        env={
            **os.environ,
            "HOME": str(trap),
            "PYTHONPATH": str(trap),
            "PYTHONSAFEPATH": "",
            "SPY": str(spied),
        },
        capture_output=True,
        check=False,
        timeout=60,
    )
    assert spied.exists()
