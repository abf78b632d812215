"""The runner of the bars: what it stores, what it skips, what it refuses."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from benchmarks import __main__ as bars

PART = """
NAME = "{name}"
FORECAST_S = 90
SEED = 7
CALLS = []


def run(full):
    CALLS.append(full)
    return {{"n": len(CALLS), "bars": {{"n is at most one": len(CALLS) <= 1}}}}
"""


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clean git checkout with one part, on the import path."""
    name = f"part_{abs(hash(tmp_path))}"
    (tmp_path / f"{name}.py").write_text(PART.format(name=name))
    (tmp_path / ".gitignore").write_text("__pycache__\n")
    who = ["-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], [*who, "commit", "-q", "-m", "one"]):
        subprocess.run(["git", *words], cwd=tmp_path, check=True)
    monkeypatch.syspath_prepend(tmp_path)
    return tmp_path


def _run(checkout: Path, *words: str) -> tuple[int, str]:
    name = next(checkout.glob("part_*.py")).stem
    results = checkout / "benchmarks" / "results"
    return bars.main(list(words), {name: name}, results=results, root=checkout), name


def _result(checkout: Path, name: str) -> dict[str, object]:
    return json.loads((checkout / "benchmarks" / "results" / f"{name}.json").read_text())


def test_a_result_names_commit_seed_machine_and_figures(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, name = _run(checkout)
    result = _result(checkout, name)
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert code == 0
    assert (result["commit"], result["dirty"], result["seed"]) == (head.stdout.strip(), False, 7)
    assert result["figures"] == {"n": 1, "bars": {"n is at most one": True}}
    assert set(result["machine"]) == {"cpu", "cores", "kernel", "python"}
    assert "forecast 1 min 30 s" in capsys.readouterr().out


def test_a_current_result_is_not_made_again_unless_asked(checkout: Path) -> None:
    _, name = _run(checkout)
    _run(checkout)
    assert _result(checkout, name)["figures"]["n"] == 1
    _run(checkout, "--again")
    assert _result(checkout, name)["figures"]["n"] == 2


def test_a_missed_bar_ends_in_one_and_is_stored(checkout: Path) -> None:
    _, name = _run(checkout)
    code, _ = _run(checkout, "--again")
    assert code == 1
    assert _result(checkout, name)["figures"]["bars"] == {"n is at most one": False}


@pytest.mark.parametrize(
    ("figures", "missed"),
    [({}, []), ({"met": True}, []), ({"met": False}, ["met"]), ({"bars": {"a": True, "b": False}}, ["b"])],
)
def test_a_part_may_say_met_or_missed_as_a_whole_or_bar_by_bar(
    figures: dict[str, object], missed: list[str]
) -> None:
    assert bars.missed_bars(figures) == missed


def test_a_dirty_tree_is_measured_again_every_time(checkout: Path) -> None:
    _, name = _run(checkout)
    (checkout / "new.py").write_text("x = 1\n")
    _run(checkout)
    assert _result(checkout, name)["dirty"] is True
    assert _result(checkout, name)["figures"]["n"] == 2


def test_an_unknown_part_is_a_usage_error_that_lists_the_known(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, name = _run(checkout, "no-such-part")
    assert code == 2
    assert name in capsys.readouterr().err


def test_a_listed_part_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModuleNotFoundError):
        bars.main([], {"ghost": "no_such_module_at_all"}, results=tmp_path, root=tmp_path)


def test_a_part_under_another_name_is_an_error(checkout: Path) -> None:
    with pytest.raises(ValueError, match="calls itself"):
        bars.load_part("other", next(checkout.glob("part_*.py")).stem)


def test_a_folder_without_git_counts_as_dirty(tmp_path: Path) -> None:
    assert bars.read_commit(tmp_path) == bars.Commit("unknown", dirty=True)


@pytest.mark.parametrize("name", bars.PARTS)
def test_every_listed_part_loads_and_says_its_forecast(name: str) -> None:
    assert bars.load_part(name, bars.PARTS[name]).forecast_s > 0


@pytest.mark.parametrize(("length_s", "text"), [(12.4, "12 s"), (61, "1 min 1 s"), (5400, "1 h 30 min")])
def test_lengths_are_written_for_people(length_s: float, text: str) -> None:
    assert bars.duration_text(length_s) == text
