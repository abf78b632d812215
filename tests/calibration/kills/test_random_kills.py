"""Kills of services drawn at random lose no record and double none, whatever was killed."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path

import pytest

spec = importlib.util.spec_from_file_location("kill_kit", Path(__file__).with_name("kill_kit.py"))
kill_kit = importlib.util.module_from_spec(spec)
sys.modules["kill_kit"] = kill_kit
spec.loader.exec_module(kill_kit)


def check(count, seed, store, trusted):
    """Kill in runs of 20; a run in which the witness itself stood still is measured again, it alone."""
    for number, left in enumerate(range(count, 0, -20)):
        once = functools.partial(kill_twenty, min(20, left), seed + number, store)
        killed = trusted(once, lambda seen: "; ".join(run.void for run in seen.runs))
        (run,) = killed.runs
        assert len(run.episodes) == min(20, left), run.void
        assert run.exactly_once, run.audit_text
        assert not run.unsafe
        assert all(seconds is not None for seconds in killed.served_again_s)
        assert {episode.cleared_by for episode in run.episodes} == {"platform"}


def kill_twenty(count, seed, store):
    return kill_kit.run_kills(count, kill_kit.SERVICES, seed=seed, store=store, say=print)


@pytest.mark.live
def test_three_kills_of_random_services_leave_every_record_delivered_exactly_once(live_store, trusted):
    check(3, 41, live_store, trusted)


@pytest.mark.live
@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_two_hundred_kills_of_random_services_leave_every_record_delivered_exactly_once(live_store, trusted):
    check(200, 4_100, live_store, trusted)
