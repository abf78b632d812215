"""Harm on an edge: a toxic of the fault proxy, proven by its counters and by a request through the edge.

Comes in: an ``EdgeEffect``. Goes out: ``Applied``. An edge without traffic of its own (a slot of weight 0) is
harmed all the same; then the request is ours, and the proof says so.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from harness.errors import Refused, Unsafe
from harness.experiment.model import TCP
from harness.faults.effects import Blackhole, Corrupt, Cut, EdgeEffect, Refuse, Slice, Throttle
from harness.proxy.client import ProxyGone
from harness.proxy.spec import EdgeState, ToxicCounters
from harness.targets.base import Applied, Prepared, Proof, WithoutEffect
from harness.targets.local.evidence import VISIBLE_S, added_s, did, is_visible, meets_records, shows
from harness.targets.local.ground import Ground, Probe
from harness.targets.local.looks import asked
from harness.targets.local.passage import Passage
from harness.targets.local.toxics import share_of, toxic_of
from harness.targets.local.undo import undo_of

POLL_S = 0.01
# Below the lease of 0.8 s, so that a look never outlasts it even where nobody else renews.
PATIENCE_S = 0.6
# The kernel, not a process, completes a handshake; and what is held is counted by the proxy as well.
SILENT_S = 0.2
QUICK_S = 0.25
"""A healthy health route answers in a few ms; on a busy machine one of many looks is quicker than this."""
GOOD_LOOKS = 5
"""How many requests in a row must pass where the fault hit only a share of them."""
PADDING_BYTES_MAX = 8000


class EdgeHarm:
    """Harm on the edges of a started system. ``seen_within_s`` bounds every look for a proof."""

    def __init__(self, ground: Ground, seen_within_s: float) -> None:
        self._ground = ground
        self._clock = ground.clock
        self._seen_within_s = seen_within_s
        self._count = 0
        self._at_proof: dict[str, tuple[ToxicCounters, int]] = {}
        # Bytes of an edge when we began, or at our last look: what comes on top is its own.
        self._ours = {name: one.counters.bytes_upstream for name, one in self._states().items()}
        self._busy: dict[str, bool] = {}

    def prepare(self, effect: EdgeEffect) -> Prepared:
        """Name the toxic that will be added, and how that is undone; ``Refused`` if there is no such edge."""
        ground = self._ground
        if effect.edge not in ground.edges:
            known = ", ".join(ground.edges)
            raise Refused(f"no edge '{effect.edge}' in this arm of {ground.system.name}; there are: {known}")
        self._count += 1
        handle = f"hormesis-{self._count}"
        verb, arguments = undo_of(effect, ground.facts(handle))
        return Prepared(effect=effect, verb=verb, arguments=arguments, handle=handle)

    def apply(self, effect: EdgeEffect, prepared: Prepared) -> Applied:
        """Add the toxic and prove it; where that fails it is removed again."""
        toxics, handle = self._ground.toxics, prepared.handle
        before = self._state(effect.edge)
        self._busy[handle] = self._had_traffic(before)
        self._ground.renew()
        asked_at_s = self._clock.now_s()
        toxics.add(effect.edge, toxic_of(effect, handle))
        effective_at_s = self._clock.now_s()
        try:
            proof = self._prove(effect, handle, before)
        except BaseException:
            toxics.remove(effect.edge, handle)
            raise
        return Applied(
            effect=effect,
            pid=0,
            start_ticks=0,
            boot_id="",
            asked_at_s=asked_at_s,
            effective_at_s=effective_at_s,
            proof=proof,
            handle=handle,
        )

    def undo(self, effect: EdgeEffect, handle: str) -> bool:
        """Remove the toxic; False if it was gone already."""
        return bool(handle) and self._ground.toxics.remove(effect.edge, handle)

    def holds(self, effect: EdgeEffect, handle: str) -> bool:
        """Say whether the proxy still lists the toxic."""
        return handle in {toxic.name for toxic in self._state(effect.edge).toxics}

    def exercised(self, effect: EdgeEffect, handle: str) -> bool:
        """Say whether traffic of the edge's own met the toxic since its proof; asked before the undo.

        Passing a slicer in one piece, or a limit of bandwidth at once, is not met. A closed or deaf port
        meets connections that nobody can count: there it is asked whether the edge had traffic of its own
        until then.
        """
        counted = self._state(effect.edge).counters.toxics.get(handle)
        if counted is None or isinstance(effect, Refuse | Blackhole):
            return self._busy.get(handle, False)
        at_proof, ours = self._at_proof.get(handle, (ToxicCounters(), 0))
        return counted.chunks > at_proof.chunks + ours and did(effect, counted, at_proof)

    def reach(self, service: str) -> bool:
        """Say whether ``service`` was in use: traffic into it, or out of it where no edge leads into it.

        Edges of what an arm adds, such as a healer's, are no use. Without any edge it cannot be told: True.
        """
        system, states = self._ground.system, self._states()
        added = {name for switch in system.arms.values() for name in switch.services}
        edges = {name: edge for name, edge in system.all_edges.items() if edge.source not in added}
        into = [name for name, edge in edges.items() if edge.to == service and name in states]
        out = [name for name, edge in edges.items() if edge.source == service and name in states]
        known = into or out
        return not known or any(self._had_traffic(states[name]) for name in known)

    def _looked(self, edge: str) -> EdgeState:
        """Read an edge's state after a request of ours, which is no traffic of its own."""
        state = self._state(edge)
        self._ours[edge] = state.counters.bytes_upstream
        return state

    def _had_traffic(self, state: EdgeState) -> bool:
        return state.counters.bytes_upstream > self._ours.get(state.name, 0)

    def look_at(self, edge: str, effect: EdgeEffect | None = None) -> Proof:
        """Look at the edge from outside; ``Unsafe`` if it is not as it should be.

        The proxy is asked what it lists, and fresh requests must be answered with 200, quickly.
        """
        good, needed = 0, GOOD_LOOKS if effect and share_of(effect) < 1.0 else 1
        quick_s = _quick_s(effect)
        until_s = self._clock.now_s() + self._seen_within_s
        while good < needed:
            why = self._why_not_clean(edge, quick_s)
            good = 0 if why else good + 1
            if why and self._clock.now_s() > until_s:
                raise Unsafe(f"edge {edge}: {why}")
            if why:
                self._clock.sleep_until(self._clock.now_s() + POLL_S)
        times = f"{needed} fresh requests in a row are" if needed > 1 else "a fresh request is"
        passed = f"{times} answered with 200 through it, within {quick_s:.3f} s"
        return (f"edge {edge} lists no toxic", passed)

    def _why_not_clean(self, edge: str, quick_s: float) -> str:
        seen = self._ground.pass_edge(edge, Probe(route=self._health(edge), within_s=1.0))
        state = self._looked(edge)
        toxics = [toxic.name for toxic in state.toxics]
        if toxics:
            return f"the proxy lists {', '.join(toxics)}"
        if seen.end != "answered" or not self._answers_well(edge, seen):
            return f"a fresh request is {seen.end}, status {seen.status}"
        slow = f"a fresh request takes {seen.took_s:.3f} s, more than {quick_s:.3f} s"
        return slow if seen.took_s > quick_s else ""

    def _prove(self, effect: EdgeEffect, handle: str, before: EdgeState) -> Proof:
        until_s = self._clock.now_s() + self._seen_within_s
        words, looks, given_up = "", 0, 0
        while True:
            direct, seen = self._passages(effect)
            looks, given_up = looks + 1, given_up + (seen.end in ("silent", "partial"))
            visible = is_visible(effect, direct)
            words = words or (shows(effect, seen, direct) if visible else "")
            after = self._looked(effect.edge)
            if handle not in after.counters.toxics:
                raise WithoutEffect(f"edge {effect.edge}: the toxic is gone, and not by us")
            if (words or not visible) and self._is_touched(effect, handle, after):
                # A look that was given up may still cross, there and back, and is not the edge's own.
                ours = 0 if isinstance(effect, Cut) else 2 * given_up
                self._at_proof[handle] = (after.counters.toxics[handle], ours)
                return (_told(effect, words), self._counted(effect, handle, before, after=after, looks=looks))
            if self._clock.now_s() > until_s:
                raise WithoutEffect(f"edge {effect.edge}: {self._missing(effect, handle, after, seen=seen)}")
            self._ground.renew()
            self._clock.sleep_until(self._clock.now_s() + POLL_S)

    def _passages(self, effect: EdgeEffect) -> tuple[Passage, Passage]:
        """One request past the edge, and the same through it."""
        callee = self._ground.system.all_edges[effect.edge].to
        probe = Probe(
            route=self._health(effect.edge),
            within_s=PATIENCE_S,
            padding_bytes=_padding_bytes(effect),
            body_bytes=64 if isinstance(effect, Corrupt) else 0,
        )
        direct = self._ground.pass_by(callee, probe)
        patience_s = SILENT_S if isinstance(effect, Cut | Blackhole) else PATIENCE_S
        return direct, self._ground.pass_edge(effect.edge, replace(probe, within_s=patience_s))

    def _health(self, edge: str) -> str:
        system = self._ground.system
        return asked(system.services[system.all_edges[edge].to].health_route)

    def _answers_well(self, edge: str, seen: Passage) -> bool:
        """200, or any answer of a service that names no route of its own, in whatever protocol."""
        system = self._ground.system
        names_none = system.services[system.all_edges[edge].to].health_route == TCP
        return bool(seen.answer) if names_none else seen.status == 200

    def _is_touched(self, effect: EdgeEffect, handle: str, state: EdgeState) -> bool:
        """A closed or deaf port touches no connection that the proxy could count.

        Where records cross the edge, a connection that was there before must have been met.
        """
        counters = state.counters.toxics[handle]
        if self._carries_records(effect):
            return meets_records(effect, counters) and did(effect, counters, ToxicCounters())
        known = isinstance(effect, Refuse | Blackhole) or counters.connections > 0
        return known and did(effect, counters, ToxicCounters())

    def _carries_records(self, effect: EdgeEffect) -> bool:
        """Whether this is the edge of a stream's reader or writer: its records cross a kept connection."""
        workload = self._ground.system.workload
        to = self._ground.system.all_edges[effect.edge].to
        return workload.archetype == "stream" and to == workload.service

    def _counted(
        self, effect: EdgeEffect, handle: str, before: EdgeState, *, after: EdgeState, looks: int
    ) -> str:
        counters = after.counters.toxics[handle]
        text = f"touched by the proxy: connections {counters.connections}, bytes {counters.bytes}"
        if self._carries_records(effect):
            text += f"; of those there before the fault {counters.kept}, {counters.kept_bytes} bytes"
        if counters.delay_ms.count:
            text += f", each way held for {counters.delay_ms.mean:.0f} ms on average"
        if after.counters.connections - before.counters.connections > looks or counters.kept_bytes:
            return text
        if before.counters.open:
            return f"{text}; kept connections are open, and their use is counted until the end"
        return f"{text}; nothing of its own crossed meanwhile, the request was ours"

    def _missing(self, effect: EdgeEffect, handle: str, after: EdgeState, *, seen: Passage) -> str:
        counters = after.counters.toxics[handle]
        seen_text = f"a fresh request is {seen.end} in {seen.took_s:.3f} s with status {seen.status}"
        if self._carries_records(effect):
            return (
                f"{seen_text}; on connections that were there before it met {counters.kept_bytes} bytes: "
                "no record crossed a connection that it touched"
            )
        return f"{seen_text}, and {counters.connections} connections were touched"

    def _states(self) -> Mapping[str, EdgeState]:
        return self._ground.toxics.proxies()

    def _state(self, edge: str) -> EdgeState:
        try:
            return self._states()[edge]
        except KeyError as error:
            raise ProxyGone(f"the proxy does not list edge {edge}") from error


def _quick_s(effect: EdgeEffect | None) -> float:
    """Half of what the fault added where that is less, so that a fault of 100 ms is not taken for none."""
    least_s = added_s(effect) if effect else 0.0
    return min(QUICK_S, max(0.05, least_s / 2)) if least_s >= VISIBLE_S else QUICK_S


def _padding_bytes(effect: EdgeEffect) -> int:
    """Make the request long enough to be slowed down for 0.15 s, or to be cut."""
    match effect:
        case Throttle():
            return min(PADDING_BYTES_MAX, int(effect.rate_kib_s * 1024 * 0.15))
        case Slice() if effect.way != "answer":
            return min(PADDING_BYTES_MAX, 2 * effect.slice_bytes)
        case _:
            return 0


def _told(effect: EdgeEffect, words: str) -> str:
    return f"edge {effect.edge}: {words or 'not to be seen in one request, counted by the proxy'}"
