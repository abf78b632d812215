"""A job's folder: fitted by a child that may be killed at any point, with the same bytes in the end."""

from __future__ import annotations

import asyncio
import fcntl
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from reference_pipeline.deploy.trainer import ChildTrainer
from reference_pipeline.features import load_spec
from reference_pipeline.fitting import run_job
from reference_pipeline.folders import DiskFolder
from reference_pipeline.jobs import (
    ARTEFACT_FILE,
    DATA_FILE,
    LOCK_FILE,
    SPENT_FILE,
    Job,
    Kind,
    Result,
    read_job,
    read_result,
    spent_s,
    write_job,
)
from reference_pipeline.registry import DiskRegistry, copy_registry
from reference_pipeline.scoring import load_model


class Cut(Exception):
    """The fit ends here."""


def _job(
    folder: Path, template: Path, *, rows: int = 1000, positive: float = 0.2, kind: Kind = "adapt"
) -> DiskFolder:
    copy_registry(template / "registry", folder / "registry")
    registry = DiskRegistry(folder / "registry")
    champion = registry.alias("champion")
    parent = registry.artefact(champion.sha256)
    registry.close()
    dice = np.random.default_rng(1)
    spec = load_spec(template)
    values = dice.normal(size=(rows, len(spec.features)))
    label = ((values[:, 0] > 0) & (dice.random(rows) < 2 * positive)).astype(np.int8)
    job = Job(
        key="k",
        kind=kind,
        parent=champion.version,
        parent_sha256=champion.sha256,
        version="1.1.0",
        after=7,
        last=7 + rows,
        spec=spec,
    )
    made = DiskFolder(folder / "k")
    write_job(made, job, parent, rows=values, label=label)
    return made


def _fit(folder: DiskFolder) -> Result:
    return run_job(folder, cpu_s=lambda: 1.5, go_on=lambda: None)


def test_a_job_leaves_an_artefact_that_is_what_its_result_says(tmp_path: Path, small_template: Path) -> None:
    folder = _job(tmp_path, small_template)
    result = _fit(folder)
    assert read_result(folder) == result
    model = load_model((folder.path / ARTEFACT_FILE).read_bytes(), result.sha256)
    job = read_job(folder)
    assert job is not None
    assert model.version.startswith("1.1.0+")
    assert model.lineage["parent"] == job.parent
    assert (model.lineage["after"], model.lineage["last"]) == ("7", "1007")
    assert (result.lineage["train_rows"], result.lineage["holdout_rows"]) == ("800", "200")
    assert result.metrics["cost"] > 0


def test_a_model_from_nothing_knows_its_rows_and_none_of_its_parent_s(
    tmp_path: Path, small_template: Path
) -> None:
    folder = _job(tmp_path, small_template, rows=2000, kind="anew")
    result = _fit(folder)
    model = load_model((folder.path / ARTEFACT_FILE).read_bytes(), result.sha256)
    assert (model.version.partition("+")[0], model.lineage["kind"]) == ("1.1.0", "anew")
    others = np.random.default_rng(2).normal(size=(500, len(model.features)))
    scores = model.score(others)
    assert scores[others[:, 0] > 0].mean() > 0.3 > 0.05 > scores[others[:, 0] < 0].mean()


@pytest.mark.slow
def test_a_child_fits_the_same_bytes_and_says_what_it_cost(tmp_path: Path, small_template: Path) -> None:
    whole = _fit(_job(tmp_path / "whole", small_template))
    folder = _job(tmp_path / "child", small_template)
    assert asyncio.run(ChildTrainer(folder.path.parent).run("k")) == 0
    result = read_result(folder)
    assert result is not None
    assert result.sha256 == whole.sha256
    assert 0 < spent_s(folder) < 60


@pytest.mark.slow
def test_a_child_waits_until_an_older_one_of_the_same_job_has_ended(
    tmp_path: Path, small_template: Path, until: Callable[..., object]
) -> None:
    """Two at once would write the same files; the older one is this test, which holds its lock."""
    folder = _job(tmp_path, small_template)
    with (folder.path / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = [
            sys.executable,
            "-m",
            "reference_pipeline.deploy.train",
            str(folder.path),
            str(os.getpid()),
        ]
        with subprocess.Popen(command) as child:
            until(lambda: _waits_for_a_lock(child.pid))
            assert read_result(folder) is None
            fcntl.flock(lock, fcntl.LOCK_UN)
            assert child.wait(60) == 0
    assert read_result(folder) is not None


def test_a_child_that_does_not_get_on_is_ended_after_a_while(tmp_path: Path, small_template: Path) -> None:
    folder = _job(tmp_path, small_template)
    with (folder.path / LOCK_FILE).open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # it waits for this one for ever
        assert asyncio.run(ChildTrainer(folder.path.parent, limit_s=0.1).run("k")) == -signal.SIGKILL
    assert read_result(folder) is None


def _waits_for_a_lock(pid: int) -> bool:
    """The kernel lists who waits with an arrow."""
    rows = [line.split() for line in Path("/proc/locks").read_text().splitlines()]
    return any("->" in row and str(pid) in row for row in rows)


def test_a_model_that_is_worse_than_its_parent_on_the_newest_rows_fails_at_the_gate(
    tmp_path: Path, small_template: Path
) -> None:
    """What it learns from says the opposite of what has come since."""
    folder = _job(tmp_path, small_template, rows=4000, positive=0.4)
    with np.load(folder.path / DATA_FILE) as data:
        rows, label = data["rows"], data["label"].copy()
    label[:3200] = np.where(rows[:3200, 0] < 0, 1, 0)
    np.savez(folder.path / DATA_FILE, rows=rows, label=label)
    result = _fit(folder)
    assert result.why.startswith("on the newest 800 rows it loses more than 1.0.0+")
    assert read_result(folder) == result


def test_too_few_labels_are_a_result_too(tmp_path: Path, small_template: Path) -> None:
    folder = _job(tmp_path, small_template, rows=300)
    assert "400 with 20" in _fit(folder).why
    assert not (folder.path / ARTEFACT_FILE).exists()


@pytest.mark.parametrize("after", [1, 5, 11, 24])
def test_a_fit_that_was_cut_goes_on_from_its_checkpoint_to_the_same_bytes(
    tmp_path: Path, small_template: Path, after: int
) -> None:
    whole = _fit(_job(tmp_path / "whole", small_template))
    folder = _job(tmp_path / "cut", small_template)
    trees = 0

    def cut() -> None:
        nonlocal trees
        trees += 1
        if trees == after:
            raise Cut

    with pytest.raises(Cut):
        run_job(folder, cpu_s=lambda: 0.5 * trees, go_on=cut)
    assert read_result(folder) is None
    assert spent_s(folder) == pytest.approx(0.5 * (after - 1))
    result = _fit(folder)
    assert spent_s(folder) == pytest.approx(0.5 * (after - 1) + 1.5)
    assert result.resumed_at == after // 4 * 4
    assert result.sha256 == whole.sha256


def test_of_what_was_spent_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    folder = DiskFolder(tmp_path)
    assert spent_s(folder) == 0
    folder.append(SPENT_FILE, b"0.5000\n1.2500\n0.7")
    assert spent_s(folder) == 1.75


def test_a_job_that_was_not_written_whole_is_none(tmp_path: Path) -> None:
    (tmp_path / "data.npz").write_bytes(b"half")
    assert read_job(DiskFolder(tmp_path)) is None


def test_a_child_whose_learner_is_gone_ends_without_a_result(tmp_path: Path, small_template: Path) -> None:
    """Its parent here is a shell that ends at once; the pipe stays open as long as the child lives."""
    folder = _job(tmp_path, small_template, rows=4000)
    fit = f"{sys.executable} -m reference_pipeline.deploy.train {folder.path} $$ 2>&1 &"
    said = subprocess.run(["sh", "-c", fit], capture_output=True, check=True, timeout=60).stdout
    assert b"Orphaned" in said
    assert read_result(folder) is None
