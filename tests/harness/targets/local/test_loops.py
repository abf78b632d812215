"""What the user's own loop keeps is found below it, hit instead of it, and each of its acts is seen."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

import msgspec
import pytest

from harness.errors import Refused
from harness.experiment.model import Service
from harness.faults.effects import Cut, Kill, Pause
from harness.targets.local.loops import worker_below
from harness.targets.local.procfs import start_ticks
from harness.targets.local.sockets import command_line
from harness.targets.local.target import LocalSystem, LocalTarget

LOOP = 'while true; do "$0" "$1" "$2"; sleep 0.2; done'
ONCE_MORE = 'for life in 1 2; do "$0" "$1" "$2"; sleep 0.2; done; exit 3'


def loop(script: str = LOOP, **settings) -> Service:
    command = ("sh", "-c", script, "{python}", "{system}/loop_server.py", "{port}")
    return Service(**{"command": command, "worker": "port", "readiness": "/where"} | settings)


def acts(system: LocalSystem, name: str = "one") -> list[str]:
    return [line.act for line in system.ledger() if line.service == name]


def until(system: LocalSystem, act: str, times: int = 1) -> None:
    give_up_s = time.monotonic() + 20
    while acts(system).count(act) < times:
        assert time.monotonic() < give_up_s, acts(system)
        os.sched_yield()


def pid_said(system: LocalSystem) -> int:
    return msgspec.json.decode(system.ask("one", "/where").body)["pid"]


@pytest.mark.slow
@pytest.mark.parametrize("worker", ["port", "loop_server.py"])
def test_who_serves_is_found_below_the_loop_and_not_the_loop_itself(place, worker):
    with LocalSystem(place({"one": loop(worker=worker)})) as system:
        row = system.service("one")
        assert row.pid == pid_said(system)
        assert row.start_ticks == start_ticks(row.pid)
        assert command_line(row.pid).endswith(f"loop_server.py {row.port}")
        assert acts(system) == ["loop_started", "started", "ready"]


def test_a_kill_hits_who_serves_and_the_loop_starts_another(place):
    with LocalSystem(place({"one": loop()})) as system:
        target, first = LocalTarget(system), system.service("one").pid
        applied = target.apply(Kill(service="one"))
        assert applied.pid == first
        until(system, "ready", 2)
        second = system.service("one").pid
        assert second == pid_said(system) != first
        assert acts(system)[3:] == ["ended", "started", "ready"]
        assert not target.undo(applied)
        assert target.is_clean(applied)


def root_of(system: LocalSystem, name: str = "one") -> int:
    loops = [line for line in system.ledger() if line.act == "loop_started" and line.service == name]
    return int(loops[0].detail.removeprefix("pid "))


def test_a_fork_of_the_loop_that_is_about_to_become_something_else_is_nobody(place, tmp_path):
    """Until then it has the loop's own command line, and in that the name of who serves."""
    script = 'while true; do "$0" "$1" "$2"; ( read line; exec true ) < "$3"; done'
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    command = ("sh", "-c", script, "{python}", "{system}/loop_server.py", "{port}", str(pipe))
    with LocalSystem(place({"one": loop(worker="loop_server.py", command=command)})) as system:
        row = system.service("one")
        LocalTarget(system).apply(Kill(service="one"))
        with pipe.open("w") as waiting:  # once the fork has it open
            assert worker_below(root_of(system), "loop_server.py", row.port) is None
            waiting.write("on\n")
        until(system, "ready", 2)
        assert system.service("one").pid == pid_said(system)


def test_a_fork_that_serves_is_found_by_the_name_that_it_shares_with_its_parent(place):
    forked = "; ".join(
        (
            "import os, socketserver as s, sys",
            "served = s.TCPServer(('127.0.0.1', int(sys.argv[1])), s.BaseRequestHandler)",
            "os.fork() and os.wait() or served.serve_forever()",
        )
    )
    service = Service(command=("{python}", "-c", forked, "{port}"), worker="serve_forever", readiness="tcp")
    with LocalSystem(place({"one": service})) as system:
        row = system.service("one")
        assert row.pid not in (0, root_of(system))
        assert command_line(row.pid) == command_line(root_of(system))


def test_a_program_that_starts_itself_once_more_is_found_at_once():
    """The other one has the same command line, and port or age are not asked of it."""
    code = (
        "import os, signal, subprocess, sys; os.environ.pop('AGAIN', '') and "
        "(print(os.getpid(), flush=True) or signal.pause()) or "
        "subprocess.run(sys.orig_argv, env={'AGAIN': 'yes'})"
    )
    with subprocess.Popen([sys.executable, "-S", "-c", code], stdout=subprocess.PIPE) as root:
        child = int(root.stdout.readline())
        assert worker_below(root.pid, "signal.pause", 9).pid == child
        os.kill(child, signal.SIGKILL)


def test_a_fork_that_holds_no_port_is_found_once_it_has_stayed_what_it_is():
    code = "import os, signal; os.fork() and os.wait() or print(os.getpid(), flush=True) or signal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as root:
        child = int(root.stdout.readline())
        give_up_s = time.monotonic() + 20
        while (found := worker_below(root.pid, "signal.pause", 9)) is None:
            assert time.monotonic() < give_up_s
        assert found.pid == child
        os.kill(child, signal.SIGKILL)


@pytest.mark.slow
def test_a_hang_hits_who_serves_and_stays_until_it_is_undone(place):
    with LocalSystem(place({"one": loop()})) as system:
        target, pid = LocalTarget(system), system.service("one").pid
        applied = target.apply(Pause(service="one"))
        assert applied.pid == pid
        assert target.holds(applied)
        assert target.undo(applied)
        target.is_clean(applied)
        assert pid_said(system) == pid


@pytest.mark.slow
def test_a_loop_that_gives_up_is_told_and_started_again_by_the_undo(place):
    with LocalSystem(place({"one": loop(ONCE_MORE)})) as system:
        target = LocalTarget(system)
        target.apply(Kill(service="one"))
        until(system, "ready", 2)
        applied = target.apply(Kill(service="one"))
        until(system, "gave_up")
        assert system.service("one").state == "stopped"
        assert target.undo(applied)
        target.is_clean(applied)
        assert acts(system)[-4:] == ["asked", "loop_started", "started", "ready"]


@pytest.mark.slow
def test_nothing_of_a_loop_is_left_when_it_is_stopped_even_what_left_its_group(place):
    script = 'setsid "$0" "$1" "$2"; sleep 60'
    with LocalSystem(place({"one": loop(script)})) as system:
        pid = system.service("one").pid
        system.client.act("one", "restart")
        system.wait_ready("one")
        assert start_ticks(pid) == 0
        assert system.service("one").pid != pid


@pytest.mark.slow
def test_a_loop_that_never_serves_is_refused_with_its_last_words(place):
    service = loop("echo no such model >&2; sleep 60", start_timeout_s=0.5)
    with (
        pytest.raises(Refused, match=r"not ready after 0\.5 s(.|\n)*no such model"),
        LocalSystem(place({"one": service})),
    ):
        pass


@pytest.mark.slow
def test_a_process_that_is_not_below_the_loop_is_never_who_serves(place):
    with LocalSystem(place({"one": loop(), "two": loop()})) as system:
        port = system.ports["two"]
        one, root = system.service("one"), root_of(system)
        assert worker_below(root, "port", port) is None
        assert worker_below(root, "port", one.port).pid == one.pid


def test_a_port_that_accepts_is_ready_where_no_route_is_named(place):
    service = Service(command=("{python}", "{system}/loop_server.py", "{port}"), readiness="tcp")
    with LocalSystem(place({"one": service}, edges={})) as system:
        target = LocalTarget(system)
        for effect in (Kill(service="one"), Pause(service="one"), Cut(edge="driver-one")):
            applied = target.apply(effect)
            target.undo(applied)
            assert target.is_clean(applied)


def test_a_program_of_the_user_gets_none_of_our_modules(place, monkeypatch):
    monkeypatch.delenv("PYTHONPATH", raising=False)
    with LocalSystem(place({"one": loop()})) as system:
        assert msgspec.json.decode(system.ask("one", "/where").body)["pythonpath"] == ""
