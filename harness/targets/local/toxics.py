"""Which effect on an edge is which toxic of the fault proxy. Pure.

Comes in: an ``EdgeEffect`` and a name. Goes out: one ``ToxicSpec`` (docs/protocols/proxy.md), always leased
and always with an end, so that neither a dead runner nor a forgotten undo leaves it there.
"""

from __future__ import annotations

from typing import Literal, assert_never

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
    Way,
    WrongBody,
    lasts_s,
)
from harness.proxy.spec import TTL_S_MAX, Kind, ToxicSpec

Stream = Literal["upstream", "downstream", "both"]
STREAMS: dict[Way, Stream] = {"both": "both", "request": "upstream", "answer": "downstream"}
# A timed effect is undone by the runner on time; the proxy's own end is for when that does not happen.
SLACK_S = 2.0


def toxic_of(effect: EdgeEffect, name: str) -> ToxicSpec:
    """Compile an effect to the toxic that does it.

    >>> toxic = toxic_of(Delay(edge="gateway-features", latency_ms=400, way="request", duration_s=3.0), "t1")
    >>> toxic.type, toxic.stream, toxic.attributes, toxic.ttl_s, toxic.leased
    ('latency', 'upstream', {'latency': 400.0, 'jitter': 0.0}, 5.0, True)
    """
    kind, attributes = _kind(effect)
    return ToxicSpec(
        name=name,
        type=kind,
        stream=STREAMS[_way(effect)],
        toxicity=share_of(effect),
        attributes=attributes,
        ttl_s=min(TTL_S_MAX, (lasts_s(effect) or TTL_S_MAX) + SLACK_S),
        leased=True,
    )


def share_of(effect: EdgeEffect) -> float:
    """The share of connections (of chunks or answers for the last two) that an effect touches.

    >>> share_of(Cut(edge="a", share_ratio=0.3)), share_of(Refuse(edge="a"))
    (0.3, 1.0)
    """
    return effect.share_ratio if isinstance(effect, Cut | Reset | Corrupt | WrongBody) else 1.0


def _way(effect: EdgeEffect) -> Way:
    if isinstance(effect, Delay | Cut | Slice | Corrupt):
        return effect.way
    return "answer" if isinstance(effect, WrongBody) else "both"


def _kind(effect: EdgeEffect) -> tuple[Kind, dict[str, float | str]]:
    match effect:
        case Delay():
            return "latency", {"latency": float(effect.latency_ms), "jitter": float(effect.jitter_ms)}
        case Throttle():
            return "bandwidth", {"rate": float(effect.rate_kib_s)}
        case Cut():
            return "cut", {}
        case Blackhole():
            return "blackhole", {}
        case Refuse():
            return "refuse", {}
        case Reset():
            return "reset_peer", {}
        case Slice():
            return "slicer", {"size": float(effect.slice_bytes), "delay": float(effect.pause_ms)}
        case Corrupt():
            return "corrupt", {}
        case WrongBody():
            return "wrong_body", {"body": effect.body}
        case _:
            assert_never(effect)
