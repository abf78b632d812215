"""Two versions of a system that nobody wrote for us, beside each other on real processes."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.examples.test_request import EXAMPLE, ROOT

pytestmark = [pytest.mark.live, pytest.mark.slow]


def test_a_loop_that_waits_longer_is_slower_in_every_pair_and_two_pairs_prove_nothing(tmp_path) -> None:
    new, old = (Path(shutil.copytree(EXAMPLE, tmp_path / name / "request")) for name in ("new", "old"))
    loop = new / "run.sh"
    assert "sleep 0.5" in loop.read_text()
    loop.write_text(loop.read_text().replace("sleep 0.5", "sleep 3"))
    for folder in (new, old):
        file = folder / "kill.yaml"
        asked = file.read_text().replace("repetitions: 1", "repetitions: 2\n  sham: false")
        file.write_text(asked)

    def hormesis(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [
                sys.executable,
                "-m",
                "harness.frontends.cli",
                *words,
                "--store",
                str(tmp_path / "store"),
                "--json",
            ],
            env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
        )

    done = hormesis("run", str(new / "kill.yaml"), "--against", str(old / "kill.yaml"), "--seed", "4")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    times = []
    for folder in (told["folder"], told["beside"]):
        document = json.loads((Path(folder) / "report.json").read_bytes())
        times.append([run["episodes"][0]["served"]["recovered_s"] for run in document["runs"]])
        assert len(document["runs"]) == 2
    slower = [ours - theirs for ours, theirs in zip(*times, strict=True)]
    assert all(1.0 < one < 5.0 for one in slower), times
    gated = hormesis("gate", told["folder"])
    assert gated.returncode == 3, gated.stderr
    assert json.loads(gated.stdout)["runs"] == 2
