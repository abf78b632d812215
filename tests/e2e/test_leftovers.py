"""A runner that is killed leaves no process of the system and a history that reads as cut."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from harness.history.store import read_campaign
from harness.shell import monotonic_s, sleep_until
from tests.tiers import few

ROOT = Path(__file__).resolve().parents[2]


def until(holds, within_s):
    give_up_s = monotonic_s() + within_s
    while not holds() and monotonic_s() < give_up_s:
        sleep_until(monotonic_s() + 0.02)
    return holds()


@pytest.mark.live
@pytest.mark.parametrize("number", few([signal.SIGKILL, signal.SIGTERM, signal.SIGINT], 1))
def test_a_runner_that_is_ended_leaves_no_process_and_no_complete_history(live_store, tmp_path, number):
    store = tmp_path / "store"
    store.mkdir()
    (store / ".templates").symlink_to(live_store / ".templates")
    runner = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "harness.frontends.cli",
            "run",
            "experiments/smoke/kill-one.yaml",
            "--profile",
            "test",
        ],
        env={"PATH": "/usr/bin:/bin", "HORMESIS_STORE": str(store)},
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # Not as inherited: who runs these tests may itself be a background job, which ignores it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509 - takes no lock
    )
    try:
        seen = until(
            lambda: any(b"fault.injected" in h.read_bytes() for h in store.glob("*/runs/*/history.jsonl")), 60
        )
        assert seen, "the run never injected"
        family = psutil.Process(runner.pid).children(recursive=True)
        assert len(family) >= 8
        runner.send_signal(number)
        code = runner.wait(timeout=20)
        assert code == {signal.SIGKILL: -9, signal.SIGTERM: 143, signal.SIGINT: 130}[number]
        gone = until(
            lambda: not any(p.is_running() and p.status() != psutil.STATUS_ZOMBIE for p in family), 5
        )
        assert gone, [p for p in family if p.is_running()]
    finally:
        runner.kill()
        runner.wait()
    (campaign,) = store.glob("[a-z]*")
    assert read_campaign(campaign).runs[-1].cut, "the run that was under way reads as complete"
