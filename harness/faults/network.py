"""Network faults: harm on the wire between two services, done by the fault proxy that every edge crosses.

Origin. Latency and bandwidth: a congested link, a busy neighbour, a far region. Partition and black hole:
a firewall rule, a lost route; the caller waits, nothing says no. Refuse and reset: a port closed by a
deploy, a load balancer that drops idle connections. Slice and corrupt: a broken middlebox. Wrong body: a
gateway that answers 200 with an error page, which only a check of the answer's form notices.

Comes in: parameters from an experiment. Goes out: one ``Effect`` on an edge. The table is ``catalog.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec

from harness.faults.effects import (
    Blackhole,
    Body,
    Corrupt,
    Cut,
    Delay,
    Effect,
    Refuse,
    Reset,
    Slice,
    Throttle,
    Way,
    WrongBody,
)
from harness.faults.kind import Duration, EdgeName, FaultKind, FaultProblem, Milliseconds, Share, typed

UNDO = "the toxic is removed from the proxy, and what it held back is delivered"
UNDO_CLOSED = "the toxic is removed from the proxy; the edge's port accepts again"
UNDONE_WITHIN_S = 1.0


class EdgeParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``edge``: as the system file names it, or ``driver-<service>`` of the witness. No duration: sticky."""

    edge: EdgeName
    duration_s: Duration | None = None


class LatencyParameters(EdgeParameters, frozen=True, kw_only=True):
    """``latency_ms`` on the round trip (``way`` both) or one way; ``jitter_ms`` at most as much."""

    latency_ms: Milliseconds
    jitter_ms: Annotated[float, msgspec.Meta(ge=0)] = 0.0
    way: Way = "both"


class BandwidthParameters(EdgeParameters, frozen=True, kw_only=True):
    """``rate_kib_s``: KiB a second through the whole edge, each way."""

    rate_kib_s: Annotated[float, msgspec.Meta(gt=0, le=1_048_576)]


class PartitionParameters(EdgeParameters, frozen=True, kw_only=True):
    """``way``: request (to the callee), answer (back) or both; ``share_ratio`` of the connections."""

    way: Way = "both"
    share_ratio: Share = 1.0


class SliceParameters(EdgeParameters, frozen=True, kw_only=True):
    """Pieces of ``slice_bytes``, ``pause_ms`` apart."""

    slice_bytes: Annotated[int, msgspec.Meta(ge=1, le=65_536)]
    pause_ms: Annotated[float, msgspec.Meta(ge=0, le=60_000)] = 0.0
    way: Way = "both"


class ShareParameters(EdgeParameters, frozen=True, kw_only=True):
    """``share_ratio`` of the connections (reset)."""

    share_ratio: Share = 1.0


class CorruptParameters(ShareParameters, frozen=True, kw_only=True):
    """``share_ratio`` of the chunks; ``way``: answer unless said otherwise."""

    way: Way = "answer"


class WrongBodyParameters(ShareParameters, frozen=True, kw_only=True):
    """``body``: html, empty, truncated (each with 200) or status (502); ``share_ratio`` of the answers."""

    body: Body = "html"


def _compile_latency(parameters: LatencyParameters) -> Delay:
    """Compile ``network.latency``; ``FaultProblem`` where the jitter is larger than the latency.

    >>> _compile_latency(LatencyParameters(edge="gateway-scorer-a", latency_ms=400))
    Delay(edge='gateway-scorer-a', latency_ms=400, jitter_ms=0.0, way='both', duration_s=None)
    """
    if parameters.jitter_ms > parameters.latency_ms:
        raise FaultProblem(
            f"jitter_ms is {parameters.jitter_ms:g}, more than latency_ms, {parameters.latency_ms:g}: "
            "nothing can arrive before it was sent",
            argument="jitter_ms",
        )
    return Delay(**msgspec.structs.asdict(parameters))


def _same(parameters: type[msgspec.Struct], effect: type[Effect]) -> Callable[[msgspec.Struct], Effect]:
    """Compile parameters whose names are those of the effect."""

    def compile_same(given: msgspec.Struct) -> Effect:
        return effect(**msgspec.structs.asdict(given))

    return typed(parameters, compile_same)


ROWS = (
    FaultKind(
        kind="network.latency",
        parameters=LatencyParameters,
        compile=typed(LatencyParameters, _compile_latency),
        what="holds every byte on an edge for some milliseconds",
        proof="a probe's round trip through the edge grew by it, and the proxy counts the bytes it held",
        undo=UNDO,
        undone_within_s=UNDONE_WITHIN_S,
    ),
    FaultKind(
        kind="network.bandwidth",
        parameters=BandwidthParameters,
        compile=_same(BandwidthParameters, Throttle),
        what="lets through at most some KiB a second on an edge",
        proof="the proxy counts bytes it held for the rate, 1 ms a chunk at least",
        undo=UNDO,
        undone_within_s=UNDONE_WITHIN_S,
    ),
    FaultKind(
        kind="network.partition",
        parameters=PartitionParameters,
        compile=_same(PartitionParameters, Cut),
        what="lets nothing pass on an edge, one way or both, while connections stay open",
        proof="a probe through the edge gets no byte, and the proxy counts the bytes it held",
        undo=UNDO,
        undone_within_s=UNDONE_WITHIN_S,
    ),
    FaultKind(
        kind="network.black_hole",
        parameters=EdgeParameters,
        compile=_same(EdgeParameters, Blackhole),
        what="leaves new connections on an edge without any answer, and holds the open ones",
        proof="a new connection to the edge is not established",
        undo=UNDO_CLOSED,
        undone_within_s=UNDONE_WITHIN_S,
    ),
    FaultKind(
        kind="network.refuse",
        parameters=EdgeParameters,
        compile=_same(EdgeParameters, Refuse),
        what="closes an edge's port: open connections are reset, new ones refused",
        proof="a new connection to the edge is refused",
        undo=UNDO_CLOSED,
        undone_within_s=UNDONE_WITHIN_S,
    ),
    FaultKind(
        kind="network.reset",
        parameters=ShareParameters,
        compile=_same(ShareParameters, Reset),
        what="resets a share of the connections on an edge: open ones at once, new ones at the first byte",
        proof="the proxy counts connections it reset",
        undo="the toxic is removed from the proxy; new connections stay",
        undone_within_s=UNDONE_WITHIN_S,
    ),
    FaultKind(
        kind="network.slice",
        parameters=SliceParameters,
        compile=_same(SliceParameters, Slice),
        what="passes bytes on an edge in small pieces with pauses",
        proof="the proxy counts the chunks it cut",
        undo=UNDO,
        undone_within_s=UNDONE_WITHIN_S,
    ),
    FaultKind(
        kind="network.corrupt",
        parameters=CorruptParameters,
        compile=_same(CorruptParameters, Corrupt),
        what="flips one bit in a share of what passes on an edge",
        proof="the proxy counts the chunks it changed",
        undo="the toxic is removed from the proxy; nothing more is changed",
        undone_within_s=UNDONE_WITHIN_S,
    ),
    FaultKind(
        kind="network.wrong_body",
        parameters=WrongBodyParameters,
        compile=_same(WrongBodyParameters, WrongBody),
        what="replaces a share of the answers on an edge: 200 with HTML, with nothing, cut; or a 502",
        proof="the proxy counts the answers it replaced",
        undo="the toxic is removed from the proxy; nothing more is replaced",
        undone_within_s=UNDONE_WITHIN_S,
    ),
)
