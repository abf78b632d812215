"""One driver process, as the tests of the driver start and hear it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import msgspec
import numpy as np
import outage_kit

from harness.driver.spec import Spec
from harness.experiment.model import Profile, Workload
from harness.history.observations import DTYPE, read_rows


class Driver:
    """One driver process and its files."""

    def __init__(self, folder: Path, port: int, **changes: object) -> None:
        spec = Spec(
            seed=7,
            duration_s=2.0,
            profile=Profile(rate_hz=200.0, load_batch=10, load_every_s=0.5),
            world="outage_world:open_world",
            world_path=(str(outage_kit.HERE),),
            url=f"http://127.0.0.1:{port}/decide",
            workload=Workload(service="stub", route="/decide"),
            observations=str(folder / "observations.bin"),
        )
        folder.mkdir(exist_ok=True)
        self.path = folder / "observations.bin"
        (folder / "spec.json").write_bytes(msgspec.json.encode(msgspec.structs.replace(spec, **changes)))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness.driver", str(folder / "spec.json")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Driver:
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def line(self) -> dict:
        line = self.process.stdout.readline()
        assert line, self.process.stderr.read()
        return json.loads(line)

    def go(self) -> float:
        first_due_s = time.monotonic() + 0.1
        self.process.stdin.write(f"go {first_due_s!r}\n")
        self.process.stdin.flush()
        return first_due_s

    def say(self, line: str) -> None:
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def until_done(self) -> list[dict]:
        told = [self.line()]
        while "done" not in told[-1]:
            told.append(self.line())
        return told

    def rows(self) -> np.ndarray:
        return np.sort(read_rows(self.path.read_bytes()), order=["stream", "unit"])

    def until_rows(self, count: int) -> None:
        give_up_s = time.monotonic() + 20
        while not self.path.exists() or self.path.stat().st_size < count * DTYPE.itemsize:
            assert time.monotonic() < give_up_s, "the driver wrote no rows"
            assert not self._over(0.01), "the driver ended"

    def _over(self, within_s: float) -> bool:
        try:
            self.process.wait(within_s)
        except subprocess.TimeoutExpired:
            return False
        return True

    def frozen_for(self, length_s: float) -> None:
        self.process.send_signal(signal.SIGSTOP)
        assert not self._over(length_s)
        self.process.send_signal(signal.SIGCONT)
