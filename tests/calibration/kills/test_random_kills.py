"""Kills of services drawn at random lose no record and double none, whatever was killed."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("kill_kit", Path(__file__).with_name("kill_kit.py"))
kill_kit = importlib.util.module_from_spec(spec)
sys.modules["kill_kit"] = kill_kit
spec.loader.exec_module(kill_kit)


def check(count, seed, store, trusted):
    def once():
        return kill_kit.run_kills(count, kill_kit.SERVICES, seed=seed, store=store, say=print)

    killed = trusted(once, lambda seen: "; ".join(run.void for run in seen.runs))
    assert sum(len(run.episodes) for run in killed.runs) == count, [run.void for run in killed.runs]
    for run in killed.runs:
        assert run.exactly_once, run.audit_text
        assert not run.unsafe
    assert all(seconds is not None for seconds in killed.served_again_s)


@pytest.mark.live
def test_ten_kills_of_random_services_leave_every_record_delivered_exactly_once(live_store, trusted):
    check(10, 41, live_store, trusted)


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills_of_random_services_leave_every_record_delivered_exactly_once(live_store, trusted):
    check(200, 4_100, live_store, trusted)
