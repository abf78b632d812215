"""Every fault on an edge is seen from outside, undone and seen to be gone; one that vanishes is found."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

from harness.errors import Refused, Unsafe
from harness.experiment.model import TCP, Edge, Service, System, Workload
from harness.experiment.subjects import Subjects
from harness.faults.effects import (
    Blackhole,
    Corrupt,
    Cut,
    Delay,
    Kill,
    Mutate,
    Pause,
    Refuse,
    Reset,
    Slice,
    Throttle,
    WrongBody,
)
from harness.targets.base import NullTarget, WithoutEffect
from harness.targets.local.passage import pass_through
from harness.targets.local.target import LocalSystem, LocalTarget, SystemPlace

pytestmark = pytest.mark.live

BUSY, IDLE = "two-one", "one-two"

EFFECTS = [
    Delay(edge=BUSY, latency_ms=150, jitter_ms=30),
    Delay(edge=BUSY, latency_ms=120, way="request"),
    Delay(edge=BUSY, latency_ms=120, way="answer"),
    Delay(edge=BUSY, latency_ms=2000),
    Throttle(edge=BUSY, rate_kib_s=4),
    Cut(edge=BUSY),
    Cut(edge=BUSY, way="request"),
    Cut(edge=BUSY, way="answer"),
    Cut(edge=BUSY, share_ratio=0.3),
    Blackhole(edge=BUSY),
    Refuse(edge=BUSY),
    Reset(edge=BUSY),
    Reset(edge=BUSY, share_ratio=0.3),
    Slice(edge=BUSY, slice_bytes=20, pause_ms=20),
    Corrupt(edge=BUSY),
    WrongBody(edge=BUSY),
    WrongBody(edge=BUSY, body="empty"),
    WrongBody(edge=BUSY, body="truncated"),
    WrongBody(edge=BUSY, body="status", share_ratio=0.5),
]
INVISIBLE = [
    Delay(edge=BUSY, latency_ms=5),
    Throttle(edge=BUSY, rate_kib_s=1000),
    Slice(edge=BUSY, slice_bytes=10, pause_ms=0),
]
QUIET = [
    Slice(edge=IDLE, slice_bytes=1000),
    Slice(edge=IDLE, slice_bytes=1000, way="request"),
    Throttle(edge=IDLE, rate_kib_s=64),
]
IDLE_TOXICS = [Throttle(edge=BUSY, rate_kib_s=100_000), Slice(edge=BUSY, slice_bytes=100_000, pause_ms=50)]
TWO_CALLS_ONE = {BUSY: Edge(source="two", to="one"), IDLE: Edge(source="one", to="two")}


@pytest.fixture(scope="module")
def system(tmp_path_factory, services):
    """``two`` calls ``one`` all the time, ``one`` never calls ``two``."""
    folder = tmp_path_factory.mktemp("edges")
    here = Path(__file__).parent
    described = System(
        version=1,
        name="tiny",
        services={"one": services.entry(), "two": services.entry(calls="1")},
        edges=TWO_CALLS_ONE,
        workload=Workload(service="one", route="/"),
        preload=("tiny_service",),
    )
    place = SystemPlace(
        system=described, system_dir=here, template=folder, state_dir=folder / "state", python_path=str(here)
    )
    with LocalSystem(place) as started:
        yield started


def traffic(system):
    """Bytes that went over the busy edge."""
    return system.crossing.client.proxies()[BUSY].counters.bytes_upstream


@pytest.fixture
def target(system):
    """A target whose leases are renewed, as the runner does it."""
    target, over = LocalTarget(system), threading.Event()

    def beat():
        while not over.wait(0.2):
            target.renew()

    thread = threading.Thread(target=beat)
    thread.start()
    yield target
    over.set()
    thread.join()
    system.crossing.client.reset()


def through(system, edge=BUSY):
    return pass_through(system.entries[edge], "/healthz", within_s=0.5)


@pytest.mark.parametrize("effect", EFFECTS, ids=repr)
def test_a_fault_on_an_edge_is_seen_from_outside_undone_and_gone(system, target, effect):
    prepared = target.prepare(effect)
    applied = target.apply(effect)
    assert prepared.verb == "remove_toxic"
    assert prepared.arguments["name"] == prepared.handle == applied.handle
    assert applied.asked_at_s <= applied.effective_at_s
    assert applied.proof[0].startswith(f"edge {BUSY}: ")
    assert "not to be seen" not in applied.proof[0]
    assert target.holds(applied)
    assert target.undo(applied) is True
    assert target.undo(applied) is False
    assert not target.holds(applied)
    assert f"edge {BUSY} lists no toxic" in target.is_clean(applied)
    assert through(system).status == 200


@pytest.mark.parametrize("effect", INVISIBLE, ids=repr)
def test_a_fault_too_small_for_one_request_is_proven_by_what_the_proxy_counted(target, effect):
    applied = target.apply(effect)
    assert "not to be seen in one request" in applied.proof[0]
    assert "connections 0" not in applied.proof[1]
    target.undo(applied)
    assert target.is_clean(applied)


@pytest.mark.parametrize("effect", IDLE_TOXICS, ids=repr)
def test_a_limit_that_nothing_on_the_edge_reaches_is_without_effect(system, effect):
    target = LocalTarget(system, seen_within_s=0.3)
    with pytest.raises(WithoutEffect):
        target.apply(effect)
    assert not system.crossing.client.proxies()[BUSY].toxics


@pytest.mark.parametrize(
    "effect",
    [
        Delay(edge=IDLE, latency_ms=100),
        Refuse(edge=IDLE),
        Corrupt(edge=IDLE),
        Corrupt(edge=IDLE, way="request"),
        *QUIET,
    ],
    ids=repr,
)
def test_an_edge_without_traffic_is_harmed_and_the_proof_says_that_the_request_was_ours(target, effect):
    applied = target.apply(effect)
    assert applied.proof[1].endswith("nothing of its own crossed meanwhile, the request was ours")
    target.undo(applied)
    assert target.is_clean(applied)


def closed_or_still(*, edge, service):
    """Faults at which no byte can be counted: it is asked whether there was traffic before."""
    return Refuse(edge=edge), Blackhole(edge=edge), Kill(service=service), Pause(service=service)


@pytest.mark.parametrize(
    "effect",
    [
        Delay(edge=IDLE, latency_ms=100),
        Cut(edge=IDLE),
        *QUIET,
        *closed_or_still(edge=IDLE, service="two"),
    ],
    ids=repr,
)
def test_a_fault_where_nothing_passes_was_not_exercised_by_our_own_look(target, effect):
    applied = target.apply(effect)
    exercised = target.exercised(applied)
    target.undo(applied)
    assert target.is_clean(applied)
    assert not exercised


@pytest.mark.parametrize(
    "effect",
    [
        Delay(edge=BUSY, latency_ms=30),
        Throttle(edge=BUSY, rate_kib_s=4),
        Slice(edge=BUSY, slice_bytes=20),
        Reset(edge=BUSY),
        *closed_or_still(edge=BUSY, service="one"),
    ],
    ids=repr,
)
def test_a_fault_on_an_edge_with_traffic_of_its_own_is_exercised(system, target, until, effect):
    before = traffic(system)
    until(lambda: traffic(system) > before)
    applied = target.apply(effect)
    until(lambda: target.exercised(applied))
    target.undo(applied)


def test_the_other_edges_and_the_way_past_the_edge_are_not_touched(system, target):
    applied = target.apply(Refuse(edge=BUSY))
    assert through(system).end == "refused"
    assert through(system, IDLE).status == 200
    assert through(system, "driver-one").status == 200
    assert pass_through(system.ports["one"], "/healthz", within_s=1.0).status == 200
    target.undo(applied)


def test_a_clean_look_finds_an_undo_that_did_nothing(system):
    class Liar(LocalTarget):
        def undo(self, applied, /):  # noqa: ARG002
            return True

    target = Liar(system, seen_within_s=0.3)
    applied = target.apply(Refuse(edge=BUSY))
    target.undo(applied)
    with pytest.raises(Unsafe, match=f"edge {BUSY}: the proxy lists {applied.handle}"):
        target.is_clean(applied)
    system.crossing.client.reset()


def test_an_edge_whose_callee_hangs_is_not_clean(system):
    target = LocalTarget(system, seen_within_s=0.3)
    applied = target.apply(Delay(edge=IDLE, latency_ms=100))
    target.undo(applied)
    paused = target.apply(Pause(service="two"))
    with pytest.raises(Unsafe, match=f"edge {IDLE}: a fresh request is silent"):
        target.is_clean(applied)
    target.undo(paused)
    assert target.is_clean(applied)


class Meddled(LocalSystem):
    """A system in which somebody removes what was added, at once."""

    def __init__(self, real):
        self.__dict__.update(real.__dict__)
        outer = real.crossing.client

        class Client(type(outer)):
            def __init__(self):
                self.__dict__.update(outer.__dict__)

            def add(self, edge, toxic):
                state = super().add(edge, toxic)
                super().remove(edge, toxic.name)
                return state

        class Crossing(type(real.crossing)):
            def __init__(self):
                self.__dict__.update(real.crossing.__dict__)
                self._client = Client()

        self.crossing = Crossing()


def test_a_fault_removed_before_its_proof_has_no_effect(system):
    with pytest.raises(WithoutEffect, match="the toxic is gone, and not by us"):
        LocalTarget(Meddled(system)).apply(Cut(edge=BUSY))


def test_a_fault_removed_behind_our_back_no_longer_holds_and_needs_no_undo(system, target):
    applied = target.apply(Delay(edge=BUSY, latency_ms=100))
    system.crossing.client.remove(BUSY, applied.handle)
    assert not target.holds(applied)
    assert target.undo(applied) is False
    assert target.is_clean(applied)


def test_a_fault_ends_by_itself_when_nobody_renews(system, until):
    target = LocalTarget(system)
    seen = system.crossing.client.events()[-1].seq
    applied = target.apply(Refuse(edge=BUSY))
    until(lambda: not target.holds(applied))
    events = [(one.event, one.toxic) for one in system.crossing.client.events(seen)]
    assert events == [("added", applied.handle), ("expired", applied.handle)]
    assert target.is_clean(applied)


def test_an_edge_that_is_none_is_refused_with_those_that_are(system):
    with pytest.raises(
        Refused, match="no edge 'one-three' in this arm of tiny; there are: driver-one, two-one"
    ):
        LocalTarget(system).apply(Cut(edge="one-three"))


def test_what_the_world_sends_is_not_this_targets_and_is_looked_at_by_the_witnesss_edge(system):
    target, effect = LocalTarget(system), Mutate(mutation="drop", field="amount")
    with pytest.raises(Refused, match="the driver does it"):
        target.apply(effect)
    sham = NullTarget(target)
    proof = sham.is_clean(sham.apply(effect))
    assert "edge driver-one lists no toxic" in proof


def test_a_record_of_a_kill_or_a_pause_names_the_process_that_is_hit(system):
    target, row = LocalTarget(system), system.service("one")
    pause = target.prepare(Pause(service="one"))
    assert (pause.verb, pause.pid, pause.start_ticks) == ("continue_process", row.pid, row.start_ticks)
    assert pause.arguments["token"] == system.run_token
    kill = target.prepare(Kill(service="one"))
    assert kill.verb == "start_service"
    assert kill.arguments["ready_port"] == system.ports["one"]
    assert system.service("one") == row  # nothing was touched


def test_a_process_that_is_not_the_one_of_the_record_gets_no_signal(system, until):
    target = LocalTarget(system)
    prepared = target.prepare(Pause(service="one"))
    os.kill(prepared.pid, signal.SIGKILL)
    until(lambda: system.service("one").state == "ready" and system.service("one").pid != prepared.pid)
    with pytest.raises(WithoutEffect, match="no signal was sent"):
        target.apply(Pause(service="one"))


@pytest.fixture(scope="module")
def stream(tmp_path_factory):
    """A server that speaks no HTTP; ``writer`` sends records to it, ``idle`` no more than signs of life."""
    folder = tmp_path_factory.mktemp("stream")
    program = ("{python}", "{system}/line_talker.py")
    talks = {"writer": ("a record " * 20, "0.02"), "idle": ("PING", "0.3")}
    callers = {
        name: Service(command=(*program, f"{{edge:{name}-server}}", *said), readiness=TCP, after=("server",))
        for name, said in talks.items()
    }
    described = System(
        version=1,
        name="stream",
        services={"server": Service(command=program, readiness=TCP), **callers},
        edges={f"{name}-server": Edge(source=name, to="server") for name in callers},
        workload=Workload(
            archetype="stream", service="server", subjects=Subjects(records="in", decisions="out")
        ),
    )
    here = Path(__file__).parent
    place = SystemPlace(system=described, system_dir=here, template=folder, state_dir=folder / "state")
    with LocalSystem(place) as started:
        yield started


@pytest.mark.parametrize(
    "effect",
    [
        Delay(edge="writer-server", latency_ms=100),
        Cut(edge="writer-server"),
        Refuse(edge="writer-server"),
        Blackhole(edge="writer-server"),
    ],
)
def test_a_fault_on_a_streams_edge_is_proven_on_a_connection_that_was_there(stream, effect, until):
    def counters():
        return stream.crossing.client.proxies()["writer-server"].counters

    until(lambda: counters().open)  # the writer is back from the fault before
    before = counters().bytes_upstream
    until(lambda: counters().open and counters().bytes_upstream > before + 500)
    target = LocalTarget(stream)
    applied = target.apply(effect)
    assert "of those there before the fault 1" in applied.proof[1]
    assert target.undo(applied)
    assert target.is_clean(applied)


@pytest.mark.parametrize("effect", [Delay(edge="idle-server", latency_ms=100), Cut(edge="idle-server")])
def test_a_fault_on_a_streams_edge_that_no_record_meets_has_no_effect_and_is_gone(stream, effect):
    target = LocalTarget(stream, seen_within_s=0.7)
    with pytest.raises(WithoutEffect, match="no record crossed a connection that it touched"):
        target.apply(effect)
    assert not stream.crossing.client.proxies()[effect.edge].toxics
