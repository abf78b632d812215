"""What a fresh request through an edge shows of a fault on it, and what the proxy's counters do. Pure.

Comes in: the effect, a passage by the edge and one directly to the callee; or counters. Goes out: words for
the proof, or "" where this pair of passages shows nothing. The callee's own slowness is never taken for the
fault: what the edge adds is counted, not what the request took.
"""

from __future__ import annotations

from typing import assert_never

from harness.faults.effects import (
    Blackhole,
    Corrupt,
    Cut,
    Delay,
    EdgeEffect,
    Refuse,
    Reset,
    Slice,
    Throttle,
    WrongBody,
)
from harness.proxy.spec import ToxicCounters
from harness.targets.local.passage import Passage

VISIBLE_S = 0.02
"""What a fault must at least add before one request can show it on a busy machine."""


def added_s(effect: EdgeEffect, request_bytes: int = 0, answer_bytes: int = 0) -> float:
    """How much longer a request of these sizes takes at least, in seconds; 0.0 = not a matter of time.

    >>> added_s(Delay(edge="a", latency_ms=400, jitter_ms=100)), added_s(Refuse(edge="a"))
    (0.3, 0.0)
    >>> added_s(Slice(edge="a", slice_bytes=10, pause_ms=10, way="answer"), 500, 100)
    0.09
    """
    match effect:
        case Delay():
            return max(0.0, effect.latency_ms - effect.jitter_ms) / 1e3
        case Throttle():
            return (request_bytes + answer_bytes) / (effect.rate_kib_s * 1024.0)
        case Slice():
            request = 0 if effect.way == "answer" else request_bytes
            answer = 0 if effect.way == "request" else answer_bytes
            pauses = sum(max(0, -(-count // effect.slice_bytes) - 1) for count in (request, answer))
            return pauses * effect.pause_ms / 1e3
        case _:
            return 0.0


def is_visible(effect: EdgeEffect, direct: Passage) -> bool:
    """Say whether a request like ``direct`` can show the effect at all; else only the proxy's counters can.

    >>> is_visible(Corrupt(edge="a", way="request"), Passage(end="answered", took_s=0.1))
    False
    """
    match effect:
        case Delay() | Throttle() | Slice():
            return added_s(effect, direct.sent_bytes, len(direct.answer)) >= VISIBLE_S
        case Corrupt():
            return effect.way != "request"  # what the callee was asked is not seen in what it answers
        case _:
            return True


def did(effect: EdgeEffect, now: ToxicCounters, since: ToxicCounters) -> bool:
    """Say whether a toxic did to what passed it since then what it is for, where passing it is not enough.

    A slicer must have cut a chunk, a limit of bandwidth have let one wait. ``since``: earlier counters of the
    same toxic.

    >>> did(Slice(edge="a", slice_bytes=10_000), ToxicCounters(chunks=9), ToxicCounters())
    False
    """
    return now.changed > since.changed if isinstance(effect, Slice | Throttle) else True


RECORD_BYTES_MIN = 64
"""Fewer bytes may be a sign of life between client and server (PING and PONG: 12)."""


def meets_records(effect: EdgeEffect, counters: ToxicCounters) -> bool:
    """Say whether a toxic met records of a stream, which cross connections that were there before it.

    >>> meets_records(Cut(edge="a"), ToxicCounters(connections=1, chunks=2, bytes=500))
    False
    >>> meets_records(Reset(edge="a"), ToxicCounters(connections=1, kept=1))
    True
    """
    if isinstance(effect, Refuse | Reset):
        return counters.kept > 0  # it was ended
    return counters.kept_bytes >= RECORD_BYTES_MIN


def shows(effect: EdgeEffect, seen: Passage, direct: Passage) -> str:
    """Say in words how ``seen`` differs from ``direct`` as the effect wants it; "" if it does not.

    Shape: both asked the same route with the same bytes, ``direct`` past the edge.
    """
    match effect:
        case Delay() | Throttle() | Slice():
            return _slower(seen, direct, added_s(effect, direct.sent_bytes, len(direct.answer)))
        case Cut():
            return f"accepted, and no byte within {seen.took_s:.2g} s" if seen.end == "silent" else ""
        case Blackhole():
            no_handshake = seen.end == "no handshake"
            return f"no answer to a SYN within {seen.took_s:.2g} s" if no_handshake else ""
        case Refuse():
            return "a new connection is refused" if seen.end == "refused" else ""
        case Reset():
            return "a new connection is reset at its first byte" if seen.end == "reset" else ""
        case Corrupt():
            return _corrupted(seen, direct)
        case WrongBody():
            return _replaced(effect, seen, direct)
        case _:
            assert_never(effect)


def _slower(seen: Passage, direct: Passage, least_s: float) -> str:
    """Time that the edge adds; a request that was given up shows that it is slower than that."""
    if seen.end not in ("answered", "silent", "partial"):
        return ""
    whole = seen.end == "answered"
    # Given up early shows slowness only where the callee itself had answered long before.
    added = seen.took_s >= least_s and seen.took_s - direct.took_s >= least_s / 2
    if not (added if whole else direct.end == "answered" and direct.took_s < seen.took_s / 2):
        return ""
    how = f"took {seen.took_s:.3f} s" if whole else f"was not answered within {seen.took_s:.3f} s"
    return f"a request {how}, {direct.took_s:.3f} s past the edge"


def _corrupted(seen: Passage, direct: Passage) -> str:
    if not (seen.answer and direct.body) or len(seen.body) != len(direct.body):
        return ""
    differing = sum((a ^ b).bit_count() for a, b in zip(seen.body, direct.body, strict=True))
    return f"an answer of {len(seen.body)} bytes has wrong bits: {differing}" if differing else ""


def _replaced(effect: WrongBody, seen: Passage, direct: Passage) -> str:
    match effect.body:
        case "html":
            right = seen.status == 200 and b"<html" in seen.body.lower() and seen.body != direct.body
        case "empty":
            right = seen.status == 200 and not seen.body and bool(direct.body)
        case "truncated":
            shorter = len(seen.body) < len(direct.body)
            right = seen.status == 200 and shorter and direct.body.startswith(seen.body)
        case "status":
            right = seen.status == 502 and direct.status != 502
        case _:
            assert_never(effect.body)
    return f"an answer is {effect.body}: status {seen.status}, {len(seen.body)} bytes" if right else ""
