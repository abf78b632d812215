"""What all services answer alike: routing, health, readiness, signals, metrics, broken requests.

Comes in: route and body. Goes out: the reply of the service's own handler, or of one of the four
common routes. Counting happens here, so that a handler holds only its own matter.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from urllib.parse import parse_qsl

import msgspec
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from reference_pipeline.errors import PipelineError
from reference_pipeline.ports import Handler, Ports, Reply, Request

BODY_MAX_BYTES = 1 << 20
_PAGE_MAX = 10_000
_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0)
_METRICS_HEADERS = {"content-type": "text/plain; version=0.0.4; charset=utf-8"}
_INTEGER_MAX = 2**63 - 1

Signals = Callable[[], Mapping[str, float]]


class BadRequest(PipelineError):
    """The caller sent something that is no such request; ``status`` says which kind."""

    def __init__(self, message: str, status: int = 400) -> None:
        super().__init__(message)
        self.status = status


class Door:
    """Finds the handler of a route; ``routes`` maps "POST /decide" or "GET /aliases/*" to it."""

    def __init__(
        self,
        ports: Ports,
        routes: Mapping[str, Handler],
        *,
        why_not_ready: Callable[[], str] = lambda: "",
        signals: Signals = dict,
        body_max_bytes: int = BODY_MAX_BYTES,
    ) -> None:
        self._ports = ports
        self._why_not_ready = why_not_ready
        self._signals = signals
        self._body_max_bytes = body_max_bytes
        known = {"service": ports.service, "boot_id": ports.boot_id, "started_s": ports.clock.now_s()}
        self._health = json_reply(200, known)  # asked for all the time, and always the same
        self._metrics = _Metrics(signals)
        self._places: dict[str, tuple[str, str, str]] = {}
        self._routes = {
            **routes,
            "GET /healthz": self._healthz,
            "GET /readyz": self._readyz,
            "GET /signals": self._signals_now,
            "GET /metrics": self._metrics_now,
        }

    async def handle(self, route: str, body: bytes) -> Reply:
        """Answer one request; an error that the pipeline raises on purpose becomes its status."""
        asked, _, query = route.partition("?")
        name, path, rest = self._places.get(asked) or self._find(asked)
        started_s = self._ports.clock.now_s()
        try:
            if len(body) > self._body_max_bytes:
                raise BadRequest(f"the body is above {self._body_max_bytes} bytes", 413)
            handler = self._routes.get(name)
            if handler is None:
                raise BadRequest(f"no route {asked.partition(' ')[0]} {path[:100]}", 404)
            reply = await handler(Request(path, rest, _read(query) if query else {}, body))
        except BadRequest as error:
            reply = json_reply(error.status, {"error": str(error)})
        except PipelineError as error:
            reply = json_reply(503, {"error": f"{type(error).__name__}: {error}"})
        self._metrics.count(name or "other", reply.status, self._ports.clock.now_s() - started_s)
        return reply

    def _find(self, asked: str) -> tuple[str, str, str]:
        """Name of the route, path and its last part where that is free; one without a free part is kept."""
        method, _, path = asked.partition(" ")
        if asked in self._routes:
            self._places[asked] = asked, path, ""
            return self._places[asked]
        parent, _, rest = path.rpartition("/")
        below = f"{method} {parent}/*"
        return (below, path, rest) if below in self._routes else ("", path, "")

    async def _healthz(self, _: Request) -> Reply:
        return self._health

    async def _readyz(self, _: Request) -> Reply:
        if why := self._why_not_ready():
            return json_reply(503, {"ready": False, "why": why})
        return json_reply(200, {"ready": True})

    async def _signals_now(self, _: Request) -> Reply:
        return json_reply(200, self._signals())

    async def _metrics_now(self, _: Request) -> Reply:
        return Reply(200, self._metrics.text(), _METRICS_HEADERS)


@lru_cache(maxsize=256)
def _read(query: str) -> Mapping[str, str]:
    """Read a query; whoever looks again and again asks with the same one, mostly."""
    return dict(parse_qsl(query))


def json_reply(status: int, content: object) -> Reply:
    """Encode ``content`` as the body of a reply."""
    return Reply(status, msgspec.json.encode(content))


def page(request: Request) -> tuple[int, int]:
    """Read ``after`` (default 0) and ``limit`` (default and at most 10,000) of a listing.

    Raises:
        BadRequest: one of them is no whole number, or out of range.
    """
    try:
        after, limit = int(request.query.get("after", "0")), int(request.query.get("limit", _PAGE_MAX))
    except ValueError:
        raise BadRequest("after and limit are whole numbers") from None
    if not 0 <= after <= _INTEGER_MAX or limit < 1:
        raise BadRequest("after is at least 0, limit at least 1")
    return after, min(limit, _PAGE_MAX)


@dataclass(slots=True)
class _Took:
    """How long a route took: answers by bucket, and seconds together."""

    buckets: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS_S) + 1))
    seconds: float = 0.0


class _Metrics(Collector):
    """Prometheus text of one service; families are made at scrape time only.

    Counted here and not by that library's own counters: those stamp each new series with the wall clock,
    which a service reads through its port or not at all.
    """

    def __init__(self, signals: Signals) -> None:
        self._signals = signals
        self._registry = CollectorRegistry()
        self._registry.register(self)
        self._answered: Counter[tuple[str, int]] = Counter()
        self._took: dict[str, _Took] = {}

    def count(self, route: str, status: int, took_s: float) -> None:
        """Count one answered request."""
        self._answered[route, status] += 1
        took = self._took.get(route)
        if took is None:
            took = self._took[route] = _Took()
        took.buckets[bisect_left(_BUCKETS_S, took_s)] += 1
        took.seconds += took_s

    def collect(self) -> Iterable[Metric]:
        """Give requests and times, then the signals, as counters where the name ends in ``_total``."""
        answered = CounterMetricFamily("pipeline_requests", "Requests answered.", labels=("route", "status"))
        for (route, status), number in self._answered.items():
            answered.add_metric((route, str(status)), number)
        yield answered
        took = HistogramMetricFamily("pipeline_request_seconds", "Time to answer.", labels=("route",))
        for route, one in self._took.items():
            took.add_metric((route,), _cumulated(one.buckets), one.seconds)
        yield took
        for name, value in self._signals().items():
            kind = CounterMetricFamily if name.endswith("_total") else GaugeMetricFamily
            yield kind(f"pipeline_{name}", f"Signal {name}.", value=value)

    def text(self) -> bytes:
        """Write everything in the text format."""
        return generate_latest(self._registry)


def _cumulated(counts: Iterable[int]) -> list[tuple[str, float]]:
    """Numbers up to each bound, as the text format has them."""
    bounds = [*(repr(bound_s) for bound_s in _BUCKETS_S), "+Inf"]
    return [(bound, float(number)) for bound, number in zip(bounds, accumulate(counts), strict=True)]
