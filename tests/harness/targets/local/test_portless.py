"""A service without a port is ready while its process is there, and is hit and looked at like others."""

from __future__ import annotations

import os
import time

import pytest

from harness.errors import Unsafe
from harness.experiment.model import Service
from harness.faults.effects import Kill, Pause
from harness.targets.local.procfs import is_stopped
from harness.targets.local.target import LocalSystem, LocalTarget

FOR_LONG = ("tail", "-f", "/dev/null")
LOOP = ("sh", "-c", 'while true; do "$@"; done', "loop", *FOR_LONG)


def jobs(place, **services: Service) -> LocalSystem:
    return LocalSystem(place({name.replace("_", "-"): service for name, service in services.items()}))


@pytest.mark.slow
@pytest.mark.parametrize(
    "job",
    [
        Service(command=FOR_LONG, readiness="running"),
        Service(command=LOOP, readiness="running", worker="tail -f"),
    ],
    ids=["ours", "its own loop"],
)
def test_a_job_that_is_killed_is_seen_again_only_when_another_runs(place, job: Service) -> None:
    with jobs(place, one=job) as system:
        target, first = LocalTarget(system), system.service("one")
        assert first.state == "ready"
        applied = target.apply(Kill(service="one"))
        assert applied.proof == (f"pid {first.pid} is gone (pidfd)",)
        give_up_s = time.monotonic() + 20
        while system.service("one").pid in (0, first.pid):
            assert time.monotonic() < give_up_s
            os.sched_yield()
        target.undo(applied)
        runs, stopped = target.is_clean(applied)
        assert f"pid {system.service('one').pid}" in runs
        assert "state T" in stopped


def test_a_job_that_hangs_stays_so_until_it_is_undone_and_a_look_sees_that(place) -> None:
    with jobs(place, one=Service(command=FOR_LONG, readiness="running")) as system:
        target = LocalTarget(system)
        applied = target.apply(Pause(service="one"))
        assert is_stopped(applied.pid)
        assert target.holds(applied)
        with pytest.raises(Unsafe, match="still stopped"):
            target.is_clean(applied)
        assert target.undo(applied)
        assert not target.holds(applied)
        assert len(target.is_clean(applied)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("worker", ["", "tail -f"], ids=["stopped", "its loop waits"])
def test_a_job_that_does_not_run_is_not_clean(place, worker: str) -> None:
    once = ("sh", "-c", '"$@"; exec cat', "once", *FOR_LONG) if worker else FOR_LONG
    with jobs(place, one=Service(command=once, readiness="running", worker=worker)) as system:
        target = LocalTarget(system)
        applied = target.apply(Kill(service="one"))
        if not worker:
            system.client.act("one", "stop")
        with pytest.raises(Unsafe, match="does not run"):
            target.is_clean(applied)
