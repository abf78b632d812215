"""The driver as a process: started, stopped, killed and frozen like the runner and the world may do."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import outage_kit
import pytest
from driver_kit import Driver

from harness.history.observations import GOOD, LOAD, WITNESS

pytestmark = pytest.mark.live


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    command = [sys.executable, str(outage_kit.HERE / "outage_stub.py"), "0", "1"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as stub:
        yield json.loads(stub.stdout.readline())["port"]
        stub.kill()


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
    assert ("cannot be opened" if world else "no world can be opened") in errors
    assert "Traceback" not in errors


RAISES = """
class World:
    def draw(self, due_s):
        raise ValueError("the rows run out")


def open_world(*, scenario, seed, template):
    return World()
"""


def test_a_world_that_raises_is_refused_with_its_own_words_last(tmp_path: Path) -> None:
    (tmp_path / "raising_world.py").write_text(RAISES)
    path = (str(tmp_path),)
    with Driver(tmp_path / "run", 1, world="raising_world:open_world", world_path=path) as driver:
        _, errors = driver.process.communicate(timeout=30)
    *where, last = errors.strip().splitlines()
    assert driver.process.returncode == 5
    assert last == "driver: world 'raising_world:open_world' gives no records: ValueError: the rows run out"
    assert "raising_world.py" in "".join(where)
    assert len(where) < 6
