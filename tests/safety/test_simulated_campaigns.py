"""SR-8: campaigns on a virtual clock, any number of them in one store, end with its halt as runs do."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from harness.experiment.load import load_experiment
from harness.frontends.cli import main
from harness.guard.halt import halt, release
from harness.run.template import template_key
from tests.harness.campaign.campaign_kit import ROOT, written


def _begun(file: Path, store: Path, seed: int) -> subprocess.Popen[str]:
    """A campaign that would take long: more pairs than anybody waits for."""
    words = ["--pairs", "5000", "--workers", "1", "--seed", str(seed), "--store", str(store)]
    command = [sys.executable, "-m", "harness.frontends.cli", "campaign", str(file), *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_a_halt_ends_both_of_two_campaigns_and_what_they_did_stays(
    tmp_path: Path, small_template: Path, until: Callable[..., object], capsys
):
    """SR-8: each ends by itself with 5, its workers with it; none begins until it is released."""
    file, store = written(tmp_path), tmp_path / "store"
    (store / ".templates").mkdir(parents=True)
    (store / ".templates" / template_key(load_experiment(file))).symlink_to(small_template)
    both = [_begun(file, store, seed) for seed in (1, 2)]
    try:
        until(lambda: len({part.parts[-3] for part in store.glob("*/parts/*.gz")}) == 2, within_s=90)
        workers = [child for one in both for child in psutil.Process(one.pid).children(recursive=True)]
        assert workers
        halt(store, "somebody else needs it")
        for one in both:
            _, said = one.communicate(timeout=20)
            assert one.returncode == 5, said
            assert "is halted: somebody else needs it" in said
    finally:
        for one in both:
            one.kill()
            one.wait()
    until(lambda: not any(map(_lives, workers)))
    assert len(list(store.glob("*/parts/*.gz"))) >= 2
    assert main(["campaign", str(file), "--pairs", "1", "--seed", "3", "--store", str(store)]) == 5
    assert "is halted: somebody else needs it" in capsys.readouterr().err
    assert release(store, "done")


def _lives(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
