"""What a caller sees of a death, a stop, a cut and a power failure, as on real connections."""

from __future__ import annotations

import asyncio

from harness.simulation.kernel import Kernel
from harness.simulation.network import Answer, Call, Network, NetworkError
from harness.simulation.processes import Process

EVERY_S, TIMEOUT_S, WORK_S = 0.05, 2.0, 0.02


class World:
    """A server, and a client that calls it every 50 ms with a timeout of 2 s."""

    def __init__(self):
        self.kernel = Kernel(seed=1)
        self.network = Network(self.kernel, latency_s=0.001)
        self.done = 0
        self.seen = []
        self.server = Process(self.kernel, "server", self._serve)
        self.client = Process(self.kernel, "client", self._call)
        self.server.start()
        self.client.start()

    async def _serve(self, life):
        async def handle(route, body):
            self.done += 1
            await asyncio.sleep(WORK_S)
            return Answer(200, route.encode() + body, {})

        self.network.serve(life, handle)
        await asyncio.sleep(1e9)

    async def _call(self, life):
        while True:
            began_s, before = life.time(), self.done
            try:
                call = Call("POST /x ", b"body", "client-server")
                answer = await self.network.call(life, "server", call, TIMEOUT_S)
                said = "ok" if answer.body == b"POST /x body" else "changed"
            except NetworkError as error:
                said = error.kind + (" sent" if error.sent else "")
            self.seen.append((began_s, said, life.time() - began_s, self.done > before))
            await asyncio.sleep(EVERY_S)

    def story(self, *acts, until_s=9.0):
        """Do the acts at their instants; gives what was not as usual, in order, and what came after it."""
        for at_s, act in acts:
            self.kernel.at(at_s, act)
        self.kernel.run(until_s=until_s)
        self.client.close()
        self.server.close()
        told = [said for _, said, lasted_s, _ in self.seen if said != "ok" or lasted_s > 0.1]
        assert self.seen[-1][1] == "ok", "the story ends well"
        return told


def test_as_usual_every_call_is_answered_on_one_connection():
    world = World()
    assert world.story() == []
    lasted = {round(lasted_s, 4) for _, _, lasted_s, _ in world.seen[1:]}
    assert lasted == {WORK_S + 0.002}
    assert round(world.seen[0][2], 4) == WORK_S + 0.004, "the first one connects"


def test_a_kill_is_one_reset_then_refusals_until_it_is_back():
    world = World()
    told = world.story((1.03, world.server.kill), (1.5, world.server.start))
    assert told[0] == "reset sent"
    assert set(told[1:]) == {"refused"}
    assert len(told) > 5


def test_a_short_stop_is_one_late_answer_and_a_long_one_timeouts():
    short = World()
    assert short.story((1.03, short.server.stop), (2.0, short.server.go_on)) == ["ok"]
    long = World()
    told = long.story((1.03, long.server.stop), (6.0, long.server.go_on))
    assert told[:2] == ["timeout sent", "timeout sent"], "its kernel still accepts connections"
    assert set(told[2:]) <= {"timeout sent", "ok"}


def both_ways(network):
    network.cut("client", "server")
    network.cut("server", "client")


def healed(network):
    network.heal("client", "server")
    network.heal("server", "client")


def test_a_partition_is_a_timeout_then_no_connection_and_ends_at_a_kernels_own_pace():
    world = World()
    told = world.story((1.03, lambda: both_ways(world.network)), (5.0, lambda: healed(world.network)))
    assert told[0] == "timeout sent"
    assert set(told[1:-1]) <= {"connect_timeout"}
    assert told[-1] in ("connect_timeout", "ok"), "a request that was lost is sent again after one second"


def test_where_answers_alone_are_lost_the_callee_has_done_it():
    world = World()
    told = world.story(
        (1.03, lambda: world.network.cut("server", "client")),
        (5.0, lambda: world.network.heal("server", "client")),
    )
    assert told[0] == "timeout sent"
    (first,) = [done for _, said, _, done in world.seen if said == "timeout sent"][:1]
    assert first is True


def test_a_host_without_power_is_silent_and_a_stale_connection_is_given_up():
    world = World()

    def fails():
        world.network.darken("server")
        world.server.kill()

    def is_back():
        world.network.light("server")
        world.server.start()

    told = world.story((1.03, fails), (2.0, is_back))
    assert told[0] == "timeout sent", "no reset: its kernel is dead too"
    assert "reset sent" not in told


def test_a_death_behind_a_cut_leaves_a_half_open_connection():
    world = World()
    told = world.story(
        (1.03, lambda: both_ways(world.network)),
        (1.3, world.server.kill),
        (1.5, world.server.start),
        (1.8, lambda: healed(world.network)),
    )
    assert told[0] == "timeout sent"


def test_connections_are_forgotten_with_their_ends():
    world = World()
    for number in range(50):
        world.kernel.run(until_s=number + 0.5)
        world.server.kill()
        world.server.start()
    assert len(world.client.life.on_death) <= 1
    assert len(world.network._idle) <= 1


def test_what_waits_for_a_busy_processor_is_done_though_its_caller_has_given_up():
    kernel, done, said = Kernel(seed=1), [], []
    network = Network(kernel, latency_s=0.001)

    async def serve(life):
        async def handle(route, body):
            done.append((route, round(life.time(), 3)))
            return Answer(200, b"", {})

        network.serve(life, handle, lambda route, size: 1.0)
        await asyncio.sleep(1e9)

    async def call(life):
        for route in ("GET /first", "GET /second"):
            try:
                await network.call(life, "server", Call(route), 0.5)
            except NetworkError as error:
                said.append(error.kind)

    server, client = Process(kernel, "server", serve), Process(kernel, "client", call)
    server.start()
    client.start()
    kernel.run(until_s=5.0)
    client.close()
    server.close()
    assert said == ["timeout", "timeout"]
    assert done == [("GET /first", 1.003), ("GET /second", 2.003)]


def test_what_waits_while_its_callee_is_stopped_is_done_in_the_order_in_which_it_came():
    kernel, done = Kernel(seed=1), []
    network = Network(kernel, latency_s=0.001)

    async def serve(life):
        async def handle(route, body):
            done.append((int(body), round(life.time(), 3)))
            return Answer(200, b"", {})

        network.serve(life, handle, lambda route, size: 0.02)
        await asyncio.sleep(1e9)

    async def call(life):
        for number in range(20):
            _ = life.create_task(network.call(life, "server", Call("GET /x", b"%d" % number), 9.0))
            await asyncio.sleep(0.01)
        await asyncio.sleep(1e9)

    server, client = Process(kernel, "server", serve), Process(kernel, "client", call)
    server.start()
    client.start()
    kernel.at(0.05, server.stop)
    kernel.at(0.15, server.go_on)
    kernel.run(until_s=9.0)
    client.close()
    server.close()
    assert [number for number, _ in done] == list(range(20))
    assert done[-1][1] == 0.503, "twenty times 20 ms, and what it stood still"


def test_what_came_to_a_stopped_callee_is_done_one_after_the_other_when_it_goes_on():
    kernel, done = Kernel(seed=1), []
    network = Network(kernel, latency_s=0.001)

    async def serve(life):
        async def handle(route, body):
            done.append(round(life.time(), 3))
            return Answer(200, b"", {})

        network.serve(life, handle, lambda route, size: 0.1)
        await asyncio.sleep(1e9)

    async def call(life):
        await asyncio.gather(
            *(network.call(life, "server", Call("GET /x"), 9.0) for _ in range(3)), return_exceptions=True
        )

    server, client = Process(kernel, "server", serve), Process(kernel, "client", call)
    server.start()
    kernel.run(until_s=0.5)
    server.stop()
    client.start()
    kernel.at(4.0, server.go_on)
    kernel.run(until_s=9.0)
    client.close()
    server.close()
    assert done == [4.1, 4.2, 4.3]
