"""What the proxy is told and what it tells: SPEC.json, toxics, states of edges, events.

Comes in: JSON from the runner or from a client of Toxiproxy. Goes out: frozen structs, checked once here;
whatever is wrong is a ``msgspec.ValidationError`` that names the attribute.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Literal

import msgspec

Way = Literal["upstream", "downstream"]
"""Direction of bytes: ``upstream`` is caller to callee, ``downstream`` back."""

WAYS: tuple[Way, ...] = ("upstream", "downstream")

Kind = Literal[
    "latency",
    "bandwidth",
    "cut",
    "blackhole",
    "refuse",
    "reset_peer",
    "slicer",
    "corrupt",
    "wrong_body",
    "timeout",
]

BODIES = ("html", "empty", "truncated", "status")
TTL_S_MAX = 900.0

# Kind -> attribute -> the least value it may have; None in ``NEEDED`` terms: see there.
ATTRIBUTES: Mapping[str, Mapping[str, float]] = {
    "latency": {"latency": 0.0, "jitter": 0.0},
    "bandwidth": {"rate": 0.001},
    "slicer": {"size": 1.0, "delay": 0.0},
    "timeout": {"timeout": 0.0},
    "wrong_body": {"body": 0.0},
}
NEEDED = {"latency": "latency", "bandwidth": "rate", "slicer": "size", "timeout": "timeout"}


class _Told(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class EdgeSpec(_Told, frozen=True, kw_only=True):
    """One edge: callers connect to ``listen``, the callee listens on ``upstream``; ports of 127.0.0.1."""

    name: str
    listen: int
    upstream: int

    def __post_init__(self) -> None:
        if not all(0 < port < 65536 for port in (self.listen, self.upstream)):
            raise ValueError(f"ports of edge {self.name!r} must be 1..65535")


class Spec(_Told, frozen=True, kw_only=True):
    """SPEC.json. ``socket`` is the path of the control socket; ``control`` a loopback port for it as well."""

    seed: int
    socket: str
    edges: tuple[EdgeSpec, ...]
    lease_s: float = 0.8
    control: int | None = None

    def __post_init__(self) -> None:
        for what in ("name", "listen"):
            values = [getattr(edge, what) for edge in self.edges]
            if len(set(values)) != len(values):
                raise ValueError(f"two edges have the same {what}: {values}")


class ToxicSpec(_Told, frozen=True, kw_only=True):
    """One toxic as it is asked for. Lengths in ``attributes`` are milliseconds, ``rate`` is KiB/s.

    ``stream`` names the way; ``toxicity`` the share of connections (of chunks or answers for ``corrupt`` and
    ``wrong_body``). ``leased``: it ends when nobody renews the lease.

    >>> ToxicSpec(name="slow", type="latency", attributes={"latency": 100}).number("jitter")
    0.0
    """

    type: Kind
    name: str = ""
    stream: Literal["upstream", "downstream", "both"] = "downstream"
    toxicity: float = 1.0
    attributes: dict[str, float | str] = msgspec.field(default_factory=dict)
    ttl_s: float = TTL_S_MAX
    leased: bool = False

    def __post_init__(self) -> None:
        if not self.name:
            # Toxiproxy's rule for a toxic without a name; its clients count on it.
            msgspec.structs.force_setattr(self, "name", f"{self.type}_{self.stream}")
        if not 0.0 <= self.toxicity <= 1.0:
            raise ValueError(f"toxicity is {self.toxicity}; it is a share, 0 to 1")
        if not 0.0 < self.ttl_s <= TTL_S_MAX:
            raise ValueError(f"ttl_s is {self.ttl_s}; it must be above 0 and at most {TTL_S_MAX:g}")
        _check_attributes(self.type, self.attributes)

    def number(self, attribute: str) -> float:
        """Give a numeric attribute; 0.0 where it was not set."""
        value = self.attributes.get(attribute, 0.0)
        return 0.0 if isinstance(value, str) else float(value)

    def body(self) -> str:
        """Give what replaces an answer (``wrong_body``)."""
        return str(self.attributes.get("body", BODIES[0]))

    def ways(self) -> tuple[Way, ...]:
        """Give the directions it acts on."""
        return WAYS if self.stream == "both" else (self.stream,)


class DelayStats(_Told, frozen=True, kw_only=True):
    """Measured delay of what has passed a toxic, in milliseconds; zeros where ``count`` is 0."""

    count: int = 0
    min: float = 0.0
    mean: float = 0.0
    max: float = 0.0


class ToxicCounters(_Told, frozen=True, kw_only=True):
    """How much of the traffic one toxic has touched since it was added; ``held_bytes`` are held now.

    ``changed``: of those that pass a toxic unharmed as often as not, chunks to which it did what it is for:
    left in more than one piece (``slicer``), had to wait for the wire for 1 ms or more (``bandwidth``).
    ``kept``: of the connections, those that were there before the toxic; ``kept_bytes`` crossed on them.
    """

    connections: int = 0
    kept: int = 0
    kept_bytes: int = 0
    chunks: int = 0
    changed: int = 0
    bytes: int = 0
    held_bytes: int = 0
    delay_ms: DelayStats = DelayStats()


class EdgeCounters(_Told, frozen=True, kw_only=True):
    """Traffic of one edge since the proxy started, and of its toxics by name."""

    connections: int
    open: int
    bytes_upstream: int
    bytes_downstream: int
    toxics: dict[str, ToxicCounters]


class EdgeState(_Told, frozen=True, kw_only=True):
    """One edge as it is now; ``generation`` counts its changes, ``enabled`` is false while it refuses."""

    name: str
    listen: str
    upstream: str
    enabled: bool
    toxics: tuple[ToxicSpec, ...]
    generation: int
    counters: EdgeCounters


class ProxyEvent(_Told, frozen=True, kw_only=True):
    """One line of the log. ``expired`` says in ``detail`` by what: its own time (ttl) or the lease."""

    seq: int
    at_s: float
    edge: str
    event: Literal["added", "removed", "expired", "refused"]
    toxic: str
    detail: str


def _check_attributes(kind: str, attributes: Mapping[str, float | str]) -> None:
    known = ATTRIBUTES.get(kind, {})
    if unknown := set(attributes) - set(known):
        takes = ", ".join(known) or "none"
        raise ValueError(f"{kind} takes no attribute {', '.join(sorted(unknown))}; it takes: {takes}")
    needed = NEEDED.get(kind)
    if needed is not None and needed not in attributes:
        raise ValueError(f"{kind} needs the attribute {needed}")
    for name, value in attributes.items():
        if name == "body":
            if value not in BODIES:
                raise ValueError(f"body is {value!r}; there are: {', '.join(BODIES)}")
        elif isinstance(value, str) or not math.isfinite(value) or value < known[name]:
            raise ValueError(f"{name} is {value!r}; it must be a number of at least {known[name]:g}")
