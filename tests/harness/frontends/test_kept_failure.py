"""A failure that a search kept is played from the command line: what breaks, and what is not as it was."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from harness.experiment.load import load_experiment
from harness.faults.effects import Hook
from harness.frontends.cli import main
from harness.run.template import template_key
from harness.search.outcome import Signature
from harness.search.regressions import KERNEL, Regression, read, write
from harness.search.schedule import Fault, schedule_of
from tests.conftest import SMALL
from tests.harness.search.ground import bad_model, pause

ROOT = Path(__file__).resolve().parents[3]
MENDED = ROOT / "tests" / "regressions" / "51422b74353c.json"


@pytest.fixture
def store(small_template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A store in which the small world is prepared; the file's own path counts from here."""
    monkeypatch.chdir(ROOT)
    experiment = load_experiment(Path(read(MENDED).experiment))
    scenario = msgspec.structs.replace(experiment.scenario, knobs=dict(SMALL))
    key = template_key(msgspec.structs.replace(experiment, scenario=scenario))
    templates = tmp_path / "store" / ".templates"
    templates.mkdir(parents=True)
    (templates / key).symlink_to(small_template)
    return tmp_path / "store"


def failing(*faults: Fault) -> Regression:
    """Two faults that a healer answers, where it may do one act; kept with another word for it."""
    kept = read(MENDED)
    return msgspec.structs.replace(
        kept,
        limits=msgspec.structs.replace(kept.limits, acts_max=1),
        schedule=schedule_of(faults or (bad_model(), pause("scorer-a", 3.0, 8.0))),
        signature=Signature(invariant="bounded", stuck="x\x1b[2J"),
        mended="",
    )


def test_what_was_mended_ends_in_0_and_says_how_it_was(store: Path, capsys) -> None:
    assert main(["replay", str(MENDED), "--store", str(store)]) == 0
    out = capsys.readouterr().out
    assert out.startswith("no invariant broke\nin arm reference, seed 7, under:\n  ")
    assert "\nit was mended: " in out


def test_what_breaks_ends_in_1_and_what_is_not_as_it_was_kept_is_told(store: Path, capsys) -> None:
    file = write(failing(), store / "regressions")
    assert main(["replay", str(file), "--store", str(store)]) == 1
    out = capsys.readouterr().out
    assert "FAIL bounded: the healer acted too often, or twice at once\n  " in out
    assert "not as it was kept: bounded (x␛[2J) does not break any more, but bounded (" in out
    assert main(["replay", str(file), "--store", str(store), "--json"]) == 1
    told = msgspec.json.decode(capsys.readouterr().out)
    assert sorted(told) == ["differs", "exit_code", "file", "outcome"]
    assert told["exit_code"] == 1
    signature = Signature(invariant="bounded", stuck="too many acts")
    again = msgspec.structs.replace(
        failing(), kernel=KERNEL, signature=signature, digest=told["outcome"]["digest"]
    )
    assert main(["replay", str(write(again, store)), "--store", str(store)]) == 1
    assert "it fails as it did when it was kept" in capsys.readouterr().out


def test_a_file_that_opens_another_system_is_refused_before_anything_is_imported(store: Path, capsys) -> None:
    other = msgspec.structs.replace(failing(), simulation="nobodys:open")
    assert main(["replay", str(write(other, store)), "--store", str(store)]) == 5
    assert "is played on nobodys:open, not on what the system's own file opens" in capsys.readouterr().err


def test_an_experiment_that_is_not_there_is_told_with_where_its_path_counts_from(
    store: Path, capsys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(store)
    assert main(["replay", str(MENDED), "--store", str(store)]) == 5
    told = capsys.readouterr().err
    assert "was found with the experiment experiments/smoke/kill-one.yaml, which is not there" in told
    assert "counts from where the search was started" in told


def test_an_episode_of_which_nothing_can_be_said_is_void(store: Path, capsys) -> None:
    absent = Fault(effect=Hook(hook="absent", action="constant"), at_s=1.0, lasts_s=1.0)
    assert main(["replay", str(write(failing(absent), store)), "--store", str(store)]) == 4
    assert "void: nothing can be said of the episode: Refused: no hook 'absent'" in capsys.readouterr().err


def test_a_json_file_that_is_no_regression_is_told_so(tmp_path: Path, capsys) -> None:
    file = tmp_path / "plan.json"
    file.write_text("{}")
    assert main(["replay", str(file)]) == 2
    told = capsys.readouterr().err
    assert "plan.json is no regression: Object missing required field `harness_version`; nor is a" in told
    assert "help: name a run's folder, or a file of a store's regressions" in told


@pytest.mark.parametrize("words", [["--trace"], ["--until", "1"]])
def test_what_is_for_records_is_refused_of_it(words: list[str], capsys) -> None:
    assert main(["replay", str(MENDED), *words]) == 2
    assert "leave out --trace and --until" in capsys.readouterr().err
