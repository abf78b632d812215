"""Toxics on simulated edges are those of the real proxy: met, held, counted and gone as there."""

from __future__ import annotations

import asyncio

import pytest

from harness.errors import Refused
from harness.proxy.spec import ToxicSpec
from harness.simulation.kernel import Kernel
from harness.simulation.network import Answer, Call, Network, NetworkError
from harness.simulation.processes import Life, Process
from harness.targets.simulation.crossing import SimulatedProxy

EDGE = "client-server"
LATENCY_S = 0.001


class World:
    """A server that says what it was asked, and a client that asks it every 0.1 s over one edge."""

    def __init__(self, within_s: float = 0.5) -> None:
        self.kernel = Kernel(seed=1)
        self.network = Network(self.kernel, latency_s=LATENCY_S)
        self.proxy = SimulatedProxy(self.kernel, [EDGE], seed=1, latency_s=LATENCY_S)
        self.network.crossings.update(self.proxy.edges)
        self.asked: list[bytes] = []
        self.seen: list[tuple[str, float]] = []
        self._within_s = within_s
        self.server = Process(self.kernel, "server", self._serve)
        self.client = Process(self.kernel, "client", self._call)
        self.server.start()
        self.client.start()

    async def _serve(self, life: Life) -> None:
        async def handle(_: str, body: bytes) -> Answer:
            self.asked.append(body)
            return Answer(200, b"answer to " + body, {"x-boot-id": "one"})

        self.network.serve(life, handle)
        await life.create_future()

    async def _call(self, life: Life) -> None:
        for number in range(1000):
            began_s = life.time()
            call = Call("POST /x", b"%04d" % number, EDGE)
            try:
                answer = await self.network.call(life, "server", call, self._within_s)
                right = answer.body == b"answer to %04d" % number and answer.status == 200
                said = "ok" if right else f"{answer.status} {answer.body[:20]!r}"
            except NetworkError as error:
                said = error.kind
            self.seen.append((said, round(life.time() - began_s, 4)))
            await asyncio.sleep(0.1)

    def meet(self, toxic: ToxicSpec, seconds: float = 1.0) -> list[tuple[str, float]]:
        """Let time pass with a toxic on the edge; what calls that began meanwhile have met."""
        self.kernel.run(until_s=self.kernel.now_s + 0.55)
        before = len(self.seen)
        self.proxy.add(EDGE, toxic)
        self.kernel.run(until_s=self.kernel.now_s + seconds)
        return self.seen[before:]

    def rest(self, seconds: float = 1.0) -> list[tuple[str, float]]:
        before = len(self.seen)
        self.kernel.run(until_s=self.kernel.now_s + seconds)
        return self.seen[before:]

    def close(self) -> None:
        self.client.close()
        self.server.close()


def toxic(kind: str, stream: str = "both", toxicity: float = 1.0, **attributes: float | str) -> ToxicSpec:
    return ToxicSpec(name="t", type=kind, stream=stream, toxicity=toxicity, attributes=attributes)  # type: ignore[arg-type]


def test_a_latency_is_added_to_each_call_and_ends_with_its_toxic() -> None:
    world = World()
    met = world.meet(toxic("latency", latency=100.0))
    assert {said for said, _ in met} == {"ok"}
    assert {lasted_s for _, lasted_s in met} == {0.102}
    counters = world.proxy.proxies()[EDGE].counters.toxics["t"]
    assert counters.connections == 1
    assert round(counters.delay_ms.mean) == 50, "half of it each way"
    assert world.proxy.remove(EDGE, "t")
    assert set(world.rest()[1:]) == {("ok", 0.002)}
    assert not world.proxy.remove(EDGE, "t")
    world.close()


def test_what_a_cut_holds_arrives_after_it_and_its_caller_is_gone() -> None:
    world = World(within_s=0.3)
    met = world.meet(toxic("cut"))
    assert {said for said, _ in met} == {"timeout"}
    asked = len(world.asked)
    world.proxy.remove(EDGE, "t")
    world.rest(0.01)
    assert len(world.asked) >= asked + len(met), "the callee does what it was asked, late"
    assert {said for said, _ in world.rest()[1:]} == {"ok"}
    assert world.proxy.proxies()[EDGE].counters.open == 1, (
        "a connection that nobody has any more is forgotten"
    )
    world.close()


def test_a_cut_of_answers_alone_lets_the_callee_do_it() -> None:
    world = World(within_s=0.3)
    asked = len(world.asked)
    met = world.meet(toxic("cut", "downstream"))
    assert {said for said, _ in met} == {"timeout"}
    assert len(world.asked) > asked + len(met)
    world.close()


def test_a_port_that_refuses_resets_what_is_there_and_a_black_hole_answers_no_handshake() -> None:
    world = World()
    assert {said for said, _ in world.meet(toxic("refuse"))} == {"refused"}
    assert not world.proxy.proxies()[EDGE].enabled
    world.proxy.remove(EDGE, "t")
    assert {said for said, _ in world.rest()} == {"ok"}
    met = world.meet(toxic("blackhole"), 2.0)
    assert [said for said, _ in met] == ["timeout", *["connect_timeout"] * (len(met) - 1)]
    world.close()


def test_a_callee_that_is_gone_is_a_reset_because_the_proxy_has_taken_the_connection() -> None:
    world = World()
    world.rest(0.55)
    world.server.kill()
    assert {said for said, _ in world.rest()} == {"reset"}
    world.close()


def test_a_reset_breaks_new_connections_at_their_first_byte() -> None:
    world = World()
    assert {said for said, _ in world.meet(toxic("reset_peer"))} == {"reset"}
    world.close()


@pytest.mark.parametrize(
    ("body", "said"),
    [("html", "200 b'<!DOCTYPE html><html'"), ("empty", "200 b''"), ("truncated", "200 b'answer '")],
)
def test_an_answer_is_replaced_by_a_wrong_one(body: str, said: str) -> None:
    world = World()
    assert {one for one, _ in world.meet(toxic("wrong_body", body=body))} == {said}
    world.close()


def test_one_bit_of_an_answer_is_wrong() -> None:
    world = World()
    met = world.meet(toxic("corrupt", "downstream"))
    assert all(said.startswith("200 b'") for said, _ in met)
    assert len({said for said, _ in met}) > 1
    world.close()


def test_a_narrow_wire_and_a_slicer_make_calls_longer_and_leave_them_whole() -> None:
    slow, sliced = World(), World()
    narrow = slow.meet(toxic("bandwidth", rate=1.0))
    assert {said for said, _ in narrow} == {"ok"}
    assert all(lasted_s > 0.1 for _, lasted_s in narrow), "some 130 bytes there and back at 1 KiB/s"
    cut = sliced.meet(toxic("slicer", size=20.0, delay=10.0))
    assert {said for said, _ in cut} == {"ok"}
    assert all(lasted_s > 0.05 for _, lasted_s in cut)
    assert sliced.proxy.proxies()[EDGE].counters.toxics["t"].changed > 0
    for world in (slow, sliced):
        world.close()


def test_a_share_means_a_share_of_connections_the_same_for_one_seed() -> None:
    told = []
    for _ in range(2):
        world = World(within_s=0.05)
        told.append([said for said, _ in world.meet(toxic("reset_peer", toxicity=0.5), 20.0)])
        world.close()
    assert told[0] == told[1]
    assert set(told[0]) == {"ok", "reset"}


def test_an_edge_that_is_not_there_is_refused() -> None:
    world = World()
    with pytest.raises(Refused, match="no edge 'other'; there are: client-server"):
        world.proxy.add("other", toxic("cut"))
    world.close()


def test_what_a_toxic_holds_gets_to_a_callee_that_was_stopped_meanwhile_though_its_caller_left() -> None:
    world = World(within_s=0.2)
    world.kernel.run(until_s=0.55)
    world.proxy.add(EDGE, toxic("latency", "upstream", latency=1000.0))
    world.kernel.run(until_s=0.7)
    begun = len(world.asked)
    world.server.stop()
    world.kernel.run(until_s=2.0)
    world.server.go_on()
    world.proxy.remove(EDGE, "t")
    world.kernel.run(until_s=4.0)
    world.close()
    assert len(world.asked) > begun
    assert sorted(world.asked) == [b"%04d" % number for number in range(len(world.asked))], (
        "each once, none lost"
    )


def test_nothing_passes_a_connection_on_which_a_reset_is_on_its_way() -> None:
    world = World()
    world.kernel.run(until_s=0.55)
    while world.kernel.now_s < 5.0 and len(world.seen) < 8:
        world.kernel.run(until_s=world.kernel.now_s + 1e-4)
    # The last answer has just come: the next request goes in 0.1 s, and here it meets a reset under way.
    asked = len(world.asked)
    world.kernel.run(until_s=world.kernel.now_s + 0.1 - 3e-4)
    world.proxy.add(EDGE, toxic("refuse"))
    world.kernel.run(until_s=world.kernel.now_s + 0.05)
    world.close()
    assert world.seen[8][0] == "reset"
    assert len(world.asked) == asked
