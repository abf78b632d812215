"""An orphan that keeps the port is found, told, no recovery, and ended; a stranger is left alone."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time

import msgspec
import pytest

from harness.experiment.model import Service
from harness.faults.effects import Kill
from harness.targets.local.orphans import end_processes, orphans_on
from harness.targets.local.procfs import carriers, start_ticks
from harness.targets.local.spec import RUN_VARIABLE
from harness.targets.local.target import LocalSystem, LocalTarget
from tests.tiers import few

LOOP = 'while true; do "$0" "$1" "$2"; sleep 0.1; done'
PREFORK = ("sh", "-c", LOOP, "{python}", "{system}/orphan_server.py", "{port}")
SERVICES = {
    "a loop, found by its port": {"command": PREFORK, "worker": "port"},
    "a loop, found by a text": {"command": PREFORK, "worker": "orphan_server.py"},
    "our own supervisor": {"command": ("sh", "-c", 'setsid "$0" "$1" "$2"; true', *PREFORK[3:])},
}
LISTEN = (
    "import socket, sys; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)"
)


def acts(system: LocalSystem) -> list[str]:
    return [line.act for line in system.ledger() if line.service == "one"]


def pid_said(system: LocalSystem) -> int:
    return msgspec.json.decode(system.ask("one", "/where").body)["pid"]


@pytest.mark.parametrize("kept_by", few(SERVICES, 1))
def test_an_orphan_is_told_is_no_recovery_and_is_ended_by_the_undo(place, kept_by):
    service = Service(**SERVICES[kept_by], readiness="/where")
    with LocalSystem(place({"one": service})) as system:
        target = LocalTarget(system)
        applied = target.apply(Kill(service="one"))
        give_up_s = time.monotonic() + 20
        while "orphan" not in acts(system):
            assert time.monotonic() < give_up_s, acts(system)
            os.sched_yield()
        (told,) = [line for line in system.ledger() if line.act == "orphan"]
        assert told.detail == f"of a former life, keeps port {system.ports['one']}"
        left = {told.pid, pid_said(system)}  # both children, where the kill met their parent
        assert applied.pid not in left
        assert "ready" not in acts(system)[acts(system).index("orphan") :]
        row = system.service("one")
        assert row.state == "orphaned"
        assert row.pid not in left  # 0, or whoever was started now and cannot have the port
        assert target.undo(applied)
        assert target.is_clean(applied)
        assert not any(map(start_ticks, left))
        assert acts(system)[-1] == "ready"
        token = system.run_token
    assert carriers(RUN_VARIABLE, token) == ()


@pytest.fixture
def listener():
    """Start a process that listens, with ``variable`` in its environment; gives pid and port."""
    begun: list[subprocess.Popen[str]] = []

    def start(token: str | None) -> tuple[int, int]:
        mark = {} if token is None else {RUN_VARIABLE: token}
        words = [sys.executable, "-c", f"{LISTEN}; sys.stdin.read()"]
        environment = {"PATH": os.environ["PATH"], **mark}
        begun.append(
            subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        )
        return begun[-1].pid, int(begun[-1].stdout.readline())

    yield start
    for process in begun:
        process.kill()
        process.communicate()


def test_a_stranger_on_the_port_is_no_orphan_and_gets_no_signal(listener):
    for token in (None, "another run"):
        pid, port = listener(token)
        assert orphans_on(port, (RUN_VARIABLE, "this run")) == ()
        assert end_processes([pid], (RUN_VARIABLE, "this run"), 0.1) == ()
        assert start_ticks(pid)


def test_who_carries_the_token_and_is_of_no_life_of_now_is_an_orphan_and_is_ended(listener):
    pid, port = listener("this run")
    mark = RUN_VARIABLE, "this run"
    assert orphans_on(port, mark) == (pid,)
    assert orphans_on(port, mark, root=pid) == ()
    assert orphans_on(port, mark, root=os.getpid()) == ()  # below us
    with socket.create_server(("127.0.0.1", 0)) as ours:
        assert orphans_on(ours.getsockname()[1], mark) == ()
    assert end_processes([pid], mark, 5.0) == (pid,)
