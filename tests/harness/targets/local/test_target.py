"""Kill and pause hit the right process, are proven, are undone, and a lie is found."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading

import msgspec
import pytest

from harness.errors import Refused, Unsafe
from harness.faults.effects import Hook, Kill, Pause
from harness.targets.base import NullTarget, WithoutEffect
from harness.targets.local.looks import look
from harness.targets.local.procfs import carriers, is_stopped, start_ticks
from harness.targets.local.spec import RUN_VARIABLE
from harness.targets.local.target import LocalSystem, LocalTarget

pytestmark = pytest.mark.live


def acts(system, service):
    return [line.act for line in system.ledger() if line.service == service]


@contextlib.contextmanager
def closing_listener(port):
    """Accept every connection on ``port`` and close it at once."""
    with socket.create_server(("127.0.0.1", port)) as listener:
        listener.setblocking(False)
        over = threading.Event()

        def serve():
            while not over.is_set():
                if select.select([listener], [], [], 0.02)[0]:
                    listener.accept()[0].close()

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()


@pytest.fixture
def fast(place, services):
    with LocalSystem(place({"one": services.entry(), "two": services.command()})) as system:
        yield system


@pytest.fixture
def bare(place, services):
    with LocalSystem(place({"one": services.entry()}, arm="bare")) as system:
        yield system


@pytest.mark.parametrize("name", ["one", "two"])
def test_a_kill_is_proven_and_the_platform_brings_a_new_boot_id(fast, until, name):
    before = fast.service(name)
    applied = LocalTarget(fast).apply(Kill(service=name))
    assert applied.pid == before.pid
    assert applied.boot_id == before.boot_id != ""
    assert applied.asked_at_s <= applied.effective_at_s
    assert start_ticks(before.pid) == 0
    assert f"pid {before.pid} is gone (pidfd)" in applied.proof
    fast.wait_ready(name)
    after = fast.service(name)
    assert after.pid != before.pid
    assert after.boot_id not in ("", before.boot_id)
    assert after.restarts == 1
    assert acts(fast, name)[:5] == ["started", "ready", "exited", "started", "ready"]


def test_undo_of_a_kill_that_the_platform_repaired_is_not_needed(fast):
    target = LocalTarget(fast)
    applied = target.apply(Kill(service="one"))
    assert target.undo(applied) is False
    assert target.undo(applied) is False
    assert "no process of this run is in state T" in target.is_clean(applied)


def test_in_bare_nothing_restarts_and_undo_twice_is_undo_once(bare):
    target = LocalTarget(bare, seen_within_s=1.0)
    applied = target.apply(Kill(service="one"))
    assert applied.proof[1] == f"port {bare.ports['one']} refuses"
    assert bare.service("one").state == "stopped"
    with pytest.raises(Unsafe, match="one is not ready"):
        target.is_clean(applied)
    assert target.undo(applied) is True
    pid = bare.service("one").pid
    assert target.undo(applied) is False
    assert bare.service("one").pid == pid
    assert target.is_clean(applied)
    assert acts(bare, "one") == ["started", "ready", "exited", "asked", "started", "ready"]


def test_a_pause_is_proven_and_no_pid_notices_it(fast):
    target = LocalTarget(fast)
    before = fast.service("one")
    applied = target.apply(Pause(service="one"))
    assert is_stopped(before.pid)
    assert f"every thread of pid {before.pid} is in state T" in applied.proof
    assert acts(fast, "one") == ["started", "ready"]
    assert target.undo(applied) is True
    assert target.undo(applied) is False
    assert not is_stopped(before.pid)
    assert fast.service("one").pid == before.pid
    assert target.is_clean(applied)
    assert look(fast.ports["one"], "/healthz", 2.0).boot_id == before.boot_id


def test_an_undo_that_lies_is_found_by_the_clean_proof(fast):
    class Liar(LocalTarget):
        def undo(self, applied, /):  # noqa: ARG002
            return True

    target = Liar(fast, seen_within_s=0.3)
    applied = target.apply(Pause(service="one"))
    target.undo(applied)
    with pytest.raises(Unsafe):
        target.is_clean(applied)


def test_a_stopped_process_that_still_answers_elsewhere_is_not_clean(fast):
    """The service is ready, but another process of the run is in state T."""
    target = LocalTarget(fast)
    applied = target.apply(Kill(service="one"))
    target.undo(applied)
    paused = target.apply(Pause(service="two"))
    with pytest.raises(Unsafe, match="still stopped"):
        target.is_clean(applied)
    target.undo(paused)
    assert target.is_clean(applied)


def test_a_pause_of_a_process_that_does_not_listen_has_no_effect_and_is_undone(place, services):
    with LocalSystem(place({"one": services.entry(start="deaf-again")}, arm="bare")) as system:
        target = LocalTarget(system)
        target.apply(Kill(service="one"))
        pid = system.client.act("one", "start").pid
        with pytest.raises(WithoutEffect, match="does not accept"):
            target.apply(Pause(service="one"))
        assert not is_stopped(pid)


def test_a_pause_through_which_another_process_answers_has_no_effect_and_is_undone(place, services):
    """The service's process stands still, but somebody else listens on its port."""
    with LocalSystem(place({"one": services.entry(start="deaf-again")}, arm="bare")) as system:
        target = LocalTarget(system)
        target.apply(Kill(service="one"))
        pid = system.client.act("one", "start").pid
        with (
            closing_listener(system.ports["one"]),
            pytest.raises(WithoutEffect, match=r"closed|broke"),
        ):
            target.apply(Pause(service="one"))
        assert not is_stopped(pid)


def test_an_orphan_that_answers_for_what_was_killed_is_no_recovery_and_is_ended(place, services):
    """It answers with the old boot id, and where nobody restarts nobody looks who keeps the port."""
    with LocalSystem(place({"one": services.entry(start="orphan")}, arm="bare")) as system:
        target, before = LocalTarget(system, seen_within_s=0.3), system.service("one")
        with pytest.raises(WithoutEffect, match=f"was killed, but port .* boot id {before.boot_id}"):
            target.apply(Kill(service="one"))
        now = system.service("one")
        assert now.state == "ready"
        assert now.boot_id not in ("", before.boot_id)
        token = system.run_token
    assert carriers(RUN_VARIABLE, token) == ()


def test_an_unknown_service_is_refused_and_the_known_ones_named(fast):
    with pytest.raises(Refused, match="no service 'three' in tiny; there are: one, two"):
        LocalTarget(fast).apply(Kill(service="three"))


def test_a_service_without_a_process_is_refused(bare):
    target = LocalTarget(bare)
    target.apply(Kill(service="one"))
    with pytest.raises(Refused, match="one has no process to hit: it is stopped"):
        target.apply(Pause(service="one"))


@pytest.mark.parametrize("effect", [Kill(service="one"), Pause(service="one")])
def test_a_recycled_pid_gets_no_signal(fast, effect):
    """SR-12: the supervisor's row names another start tick: the pid belongs to somebody else by now."""

    class Recycled(LocalSystem):
        def __init__(self, real):
            self.__dict__.update(real.__dict__)

        def service(self, name):
            row = super().service(name)
            return msgspec.structs.replace(row, start_ticks=row.start_ticks - 1)

    pid = fast.service("one").pid
    with pytest.raises(Refused, match="no signal was sent"):
        LocalTarget(Recycled(fast)).apply(effect)
    assert start_ticks(pid) != 0
    assert not is_stopped(pid)


def test_a_process_without_the_token_of_this_run_gets_no_signal(fast):
    """SR-12: a row that points at a stranger, here this very test."""

    class Astray(LocalSystem):
        def __init__(self, real):
            self.__dict__.update(real.__dict__)

        def service(self, name):
            mine = os.getpid()
            return msgspec.structs.replace(super().service(name), pid=mine, start_ticks=start_ticks(mine))

    with pytest.raises(Refused, match="does not carry this run's token"):
        LocalTarget(Astray(fast)).apply(Kill(service="one"))


def test_undo_of_a_pause_whose_process_is_gone_needs_nothing_once_it_was_replaced(fast, until):
    target = LocalTarget(fast)
    applied = target.apply(Pause(service="one"))
    os.kill(applied.pid, signal.SIGKILL)
    until(lambda: fast.service("one").pid not in (0, applied.pid))
    assert target.undo(applied) is False
    assert target.is_clean(applied)


def test_the_sham_hits_nothing_and_is_looked_at_like_a_fault(fast):
    sham = NullTarget(LocalTarget(fast))
    before = fast.services()
    applied = sham.apply(Kill(service="one"))
    assert applied.pid == 0
    assert sham.undo(applied) is False
    assert "no process of this run is in state T" in sham.is_clean(applied)
    assert [row.pid for row in fast.services()] == [row.pid for row in before]


def test_the_sham_of_a_hook_calls_no_program_and_is_looked_at(fast):
    """There is no such hook: one that was called would be refused."""
    sham = NullTarget(LocalTarget(fast))
    applied = sham.apply(Hook(hook="none", action="set"))
    assert sham.undo(applied) is False
    assert any("no process of this run" in line for line in sham.is_clean(applied))
