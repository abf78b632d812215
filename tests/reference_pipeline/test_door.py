"""Metrics of a service: what the library's own counters would say, and no clock of theirs is read."""

from __future__ import annotations

import asyncio

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

from reference_pipeline.door import _BUCKETS_S, Door, _Metrics, json_reply
from reference_pipeline.ports import Ports, Request

ANSWERED = [
    ("GET /readyz", 200, 0.0004),
    ("POST /decide", 200, 0.001),
    ("POST /decide", 200, 0.0012),
    ("POST /decide", 503, 7.5),
    ("other", 404, 0.2),
]


def test_the_text_is_that_of_the_librarys_own_counters_without_the_instants_of_their_making() -> None:
    registry = CollectorRegistry()
    count = Counter("pipeline_requests", "Requests answered.", ("route", "status"), registry=registry)
    took = Histogram(
        "pipeline_request_seconds", "Time to answer.", ("route",), buckets=_BUCKETS_S, registry=registry
    )
    ours = _Metrics(lambda: {"depth": 3.0, "seen_total": 4.0})
    for route, status, took_s in ANSWERED:
        ours.count(route, status, took_s)
        count.labels(route, str(status)).inc()
        took.labels(route).observe(took_s)
    theirs = generate_latest(registry).decode().splitlines()
    told = ours.text().decode().splitlines()
    signals = [line for line in told if line.startswith(("pipeline_depth", "pipeline_seen_total"))]
    assert signals == ["pipeline_depth 3.0", "pipeline_seen_total 4.0"]
    assert [line for line in theirs if "_created" not in line] == told[: -len(signals) * 3]
    assert any("_created" in line for line in theirs), "this is about what they stamp"


class Still:
    """A clock that stands."""

    now_s = staticmethod(lambda: 5.0)


def test_answers_are_counted_by_route_and_status() -> None:
    async def well(_: Request) -> object:
        return json_reply(200, {})

    ports = Ports(service="one", boot_id="one.1", call=None, store=None, clock=Still(), spawn=None)  # type: ignore[arg-type]
    door = Door(ports, {"GET /well": well})  # type: ignore[dict-item]

    async def ask() -> bytes:
        for route in ("GET /well", "GET /well", "GET /nothing"):
            await door.handle(route, b"")
        return (await door.handle("GET /metrics", b"")).body

    text = asyncio.run(ask()).decode()
    assert 'pipeline_requests_total{route="GET /well",status="200"} 2.0' in text
    assert 'pipeline_requests_total{route="other",status="404"} 1.0' in text
    assert 'pipeline_request_seconds_bucket{le="0.001",route="GET /well"} 2.0' in text
