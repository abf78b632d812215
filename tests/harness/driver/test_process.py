"""The driver as a process: started, stopped, killed and frozen like the runner and the world may do."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import outage_kit
import pytest

from harness.driver.spec import Spec
from harness.experiment.model import Profile, Workload
from harness.history.observations import DTYPE, GOOD, LOAD, WITNESS, read_rows

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = [sys.executable, str(outage_kit.HERE / "outage_stub.py"), "0", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as stub:
        yield json.loads(stub.stdout.readline())["port"]
        stub.kill()


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


def test_a_whole_run_records_every_unit_of_both_streams(tmp_path: Path, port: int) -> None:
    with Driver(tmp_path, port) as driver:
        assert driver.line() == {"ready": True, "units": 400}
        first_due_s = driver.go()
        told = driver.until_done()
        assert driver.process.wait(10) == 0
    rows = driver.rows()
    assert told[-1] == {"done": {"units": 400, "load_units": 40}}
    assert {"versions": ["stub-1"]} in told
    assert rows["unit"][rows["stream"] == WITNESS].tolist() == list(range(400))
    assert rows["unit"][rows["stream"] == LOAD].tolist() == list(range(40))
    assert (rows["due"] >= first_due_s).all()
    assert (rows["flags"] & 1).sum() == 20
    assert (rows["outcome"] == GOOD).sum() > 0


def test_two_runs_of_one_seed_offer_the_same_units_at_the_same_offsets(tmp_path: Path, port: int) -> None:
    offsets = []
    for name in ("a", "b"):
        with Driver(tmp_path / name, port, duration_s=0.5) as driver:
            driver.line()
            first_due_s = driver.go()
            driver.until_done()
        rows = driver.rows()
        offsets.append(rows["due"] - first_due_s)
        digests = rows["digest"]
    assert offsets[0] == pytest.approx(offsets[1], abs=1e-6)
    assert len(set(digests[:100])) > 80  # real answers to different records


def test_a_frozen_driver_tells_its_stall_itself(tmp_path: Path, port: int) -> None:
    with Driver(tmp_path, port) as driver:
        driver.line()
        driver.go()
        driver.until_rows(50)
        driver.frozen_for(0.4)
        told = driver.until_done()
    stalls = [message["stall"] for message in told if "stall" in message]
    assert max(stall["lasted_s"] for stall in stalls) >= 0.35
    rows = driver.rows()
    assert (rows["stream"] == WITNESS).sum() == 400
    assert (rows["sent"] - rows["due"]).max() > 0.3  # latency counts from due, so it shows as ours


def test_a_killed_driver_leaves_the_rows_it_had(tmp_path: Path, port: int) -> None:
    with Driver(tmp_path, port) as driver:
        driver.line()
        driver.go()
        driver.until_rows(50)
        driver.process.kill()
        driver.process.wait()
    rows = driver.rows()
    assert 50 <= len(rows) < 440
    assert np.isfinite(rows["due"]).all()


@pytest.mark.parametrize("how", ["end of input", "SIGTERM"])
def test_a_stopped_driver_writes_what_it_has_and_ends_well(tmp_path: Path, port: int, how: str) -> None:
    with Driver(tmp_path, port, duration_s=60.0) as driver:
        driver.line()
        driver.go()
        driver.until_rows(50)
        if how == "SIGTERM":
            driver.process.terminate()
        else:
            driver.process.stdin.close()
            driver.process.stdin = None
        told = driver.until_done()
        assert driver.process.wait(10) == 0
    assert told[-1]["done"]["units"] == (driver.rows()["stream"] == WITNESS).sum()


def test_a_driver_that_is_never_sent_off_ends_with_its_input(tmp_path: Path, port: int) -> None:
    with Driver(tmp_path, port) as driver:
        driver.line()
        driver.process.stdin.close()
        driver.process.stdin = None
        assert driver.until_done() == [{"done": {"units": 0, "load_units": 0}}]
        assert driver.process.wait(10) == 0
    assert len(driver.rows()) == 0


@pytest.mark.parametrize("world", ["missing_module:open_world", "outage_world:nothing", "outage_world", ""])
def test_a_world_that_cannot_be_opened_is_refused_in_one_line(tmp_path: Path, world: str) -> None:
    with Driver(tmp_path, 1, world=world) as driver:
        _, errors = driver.process.communicate(timeout=30)
    assert driver.process.returncode == 5
    assert "cannot be opened" in errors
    assert "Traceback" not in errors
