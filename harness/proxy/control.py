"""The control interface: who may ask, what may be asked, and what ends by itself.

Comes in: HTTP on a unix socket, and on a loopback port where SPEC.json names one; Toxiproxy's verbs.
Goes out: changes of edges, their states, events. A toxic ends by its own time, and a leased one with the
lease: a runner that dies leaves no fault behind.
"""

from __future__ import annotations

import asyncio
import hmac
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import msgspec
from aiohttp import web

import harness
from harness.proxy.acting import NameTaken
from harness.proxy.callers import foreign
from harness.proxy.edges import Edge
from harness.proxy.spec import ProxyEvent, ToxicSpec

EVENTS_KEPT = 4096
BODY_BYTES_MAX = 1 << 16
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Ends:
    """Edges with toxics that end by themselves, and the log of what was done to them."""

    def __init__(self, edges: Mapping[str, Edge], lease_s: float) -> None:
        self.edges = edges
        self.lease_s = lease_s
        self._loop = asyncio.get_running_loop()
        self._events: deque[ProxyEvent] = deque(maxlen=EVENTS_KEPT)
        self._seq = 0
        self._timers: dict[tuple[str, str], asyncio.TimerHandle] = {}
        self._lease: asyncio.TimerHandle | None = None

    def add(self, edge: Edge, spec: ToxicSpec) -> None:
        """Add a toxic and set its end; ``NameTaken`` if the edge has one of that name."""
        edge.add(spec)
        key = (edge.spec.name, spec.name)
        self._timers[key] = self._loop.call_later(spec.ttl_s, self._expire, *key)
        if spec.leased:
            self.renew()
        self.note("added", edge.spec.name, spec.name, f"{spec.type} generation {edge.generation}")

    def remove(self, edge: Edge, name: str, event: Literal["removed", "expired"], detail: str = "") -> bool:
        """Remove a toxic and note it as ``event``; False if there is none of that name."""
        if not edge.remove(name):
            return False
        self._timers.pop((edge.spec.name, name)).cancel()
        self.note(event, edge.spec.name, name, detail or f"generation {edge.generation}")
        return True

    def reset(self) -> None:
        """Remove all toxics of all edges."""
        for edge in self.edges.values():
            for spec in edge.toxics():
                self.remove(edge, spec.name, "removed")

    def renew(self) -> None:
        """Let leased toxics stay for ``lease_s`` from now."""
        if self._lease is not None:
            self._lease.cancel()
        self._lease = self._loop.call_later(self.lease_s, self._expire_leased)

    def note(self, event: Literal["added", "removed", "expired", "refused"], *names: str) -> None:
        """Append to the log: event, then edge, toxic, detail."""
        self._seq += 1
        edge, toxic, detail = names
        self._events.append(
            ProxyEvent(
                seq=self._seq, at_s=self._loop.time(), edge=edge, event=event, toxic=toxic, detail=detail
            )
        )

    def after(self, seq: int) -> list[ProxyEvent]:
        """Events with a number above ``seq``; the last 4,096 are kept."""
        return [event for event in self._events if event.seq > seq]

    def _expire(self, edge: str, name: str) -> None:
        self.remove(self.edges[edge], name, "expired", "ttl")

    def _expire_leased(self) -> None:
        for edge in self.edges.values():
            for spec in edge.toxics():
                if spec.leased:
                    self.remove(edge, spec.name, "expired", "lease")


class Control:
    """The HTTP interface over ``Ends``."""

    def __init__(self, ends: Ends, token: str) -> None:
        self._ends = ends
        self._bearer = f"Bearer {token}".encode()

    def application(self) -> web.Application:
        """Routes of docs/protocols/proxy.md."""
        app = web.Application(middlewares=[self._guard], client_max_size=BODY_BYTES_MAX)
        toxics = "/proxies/{edge}/toxics"
        app.add_routes(
            [
                web.get("/version", self._version),
                web.get("/proxies", self._proxies),
                web.get("/proxies/{edge}", self._proxy),
                web.get(toxics, self._toxics),
                web.post(toxics, self._add),
                web.get(f"{toxics}/{{name}}", self._toxic),
                web.delete(f"{toxics}/{{name}}", self._remove),
                web.post("/reset", self._reset),
                web.post("/lease", self._renew),
                web.get("/events", self._events),
            ]
        )
        return app

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """403 unless it comes from a program of ours: token, loopback Host, no browser's Origin."""
        given = request.headers.get("Authorization", "").encode()
        why = foreign(request.headers) if hmac.compare_digest(given, self._bearer) else "token"
        if why:
            self._ends.note("refused", "", "", f"{request.method} for its {why}")
            return _error(403, "forbidden")
        return await handler(request)

    async def _version(self, _: web.Request) -> web.Response:
        return _json({"version": harness.__version__})

    async def _proxies(self, _: web.Request) -> web.Response:
        return _json({name: edge.state() for name, edge in self._ends.edges.items()})

    async def _proxy(self, request: web.Request) -> web.Response:
        edge = self._edge(request)
        return _json(edge.state()) if edge else _no_edge()

    async def _toxics(self, request: web.Request) -> web.Response:
        edge = self._edge(request)
        return _json(edge.toxics()) if edge else _no_edge()

    async def _toxic(self, request: web.Request) -> web.Response:
        edge = self._edge(request)
        if edge is None:
            return _no_edge()
        found = [spec for spec in edge.toxics() if spec.name == request.match_info["name"]]
        return _json(found[0]) if found else _error(404, "toxic not found")

    async def _add(self, request: web.Request) -> web.Response:
        edge = self._edge(request)
        if edge is None:
            return _no_edge()
        try:
            spec = msgspec.json.decode(await request.read(), type=ToxicSpec)
            self._ends.add(edge, spec)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return _error(400, str(error))
        except NameTaken as error:
            return _error(409, str(error))
        return _json({**msgspec.structs.asdict(spec), "generation": edge.generation})

    async def _remove(self, request: web.Request) -> web.Response:
        edge = self._edge(request)
        if edge is None:
            return _no_edge()
        removed = self._ends.remove(edge, request.match_info["name"], "removed")
        return web.Response(status=204) if removed else _error(404, "toxic not found")

    async def _reset(self, _: web.Request) -> web.Response:
        self._ends.reset()
        return web.Response(status=204)

    async def _renew(self, _: web.Request) -> web.Response:
        self._ends.renew()
        return _json({"lease_s": self._ends.lease_s})

    async def _events(self, request: web.Request) -> web.Response:
        after = request.query.get("after", "0")
        if not after.isascii() or not after.isdigit() or len(after) > 18:
            return _error(400, "after must be a number")
        return _json(self._ends.after(int(after)))

    def _edge(self, request: web.Request) -> Edge | None:
        return self._ends.edges.get(request.match_info["edge"])


def _json(value: object) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), content_type="application/json")


def _error(status: int, message: str) -> web.Response:
    """Toxiproxy's form of an error."""
    body = msgspec.json.encode({"error": message, "status": status})
    return web.Response(status=status, body=body, content_type="application/json")


def _no_edge() -> web.Response:
    return _error(404, "proxy not found")
