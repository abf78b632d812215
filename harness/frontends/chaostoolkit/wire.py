"""Faults on the edges of a running proxy: put on with proof, or taken off again and raised.

Comes in: an effect on an edge; the proxy that ``HORMESIS_PROXY`` (the path of its socket) and
``HORMESIS_PROXY_TOKEN`` name. Goes out: what was done, for Chaos Toolkit's journal. A request of our own
crosses the edge, so that there is something to touch; the proof is what the proxy counts, or a connection
that is refused or never established.
"""

from __future__ import annotations

import socket
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from harness.errors import Refused, Unsafe, Untrustworthy
from harness.experiment.excerpt import quoted
from harness.experiment.findings import advice
from harness.faults.effects import Blackhole, EdgeEffect, Refuse, Reset
from harness.shell import environment, monotonic_s, sleep_until

if TYPE_CHECKING:
    from harness.proxy.client import ProxyClient
    from harness.proxy.spec import EdgeState, ToxicCounters, ToxicSpec

PROXY = "HORMESIS_PROXY"
TOKEN = "HORMESIS_PROXY_TOKEN"
OURS = "chaos-"
PROVEN_WITHIN_S = 5.0
KNOCK_S = 0.25
REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"


def hurt_edge(effect: EdgeEffect) -> dict[str, object]:
    """Put ``effect`` on its edge and prove it; with a duration, hold it so long and take it off.

    Raises ``Refused`` where nothing was done, ``Untrustworthy`` where no effect was seen (and it was undone).
    """
    client = _proxy()
    _edge(client, effect.edge)
    toxic = _toxic(effect)
    client.add(effect.edge, toxic)
    done = False
    try:
        proof = _prove(client, effect, toxic.name)
        if effect.duration_s is not None:
            sleep_until(monotonic_s() + effect.duration_s)
        done = effect.duration_s is None
    finally:
        if not done:
            client.remove(effect.edge, toxic.name)
    return {"edge": effect.edge, "toxic": toxic.name, "proof": proof, "duration_s": effect.duration_s}


def restore_edge(edge: str) -> dict[str, object]:
    """Take off what we put on ``edge``; twice is harmless. ``Unsafe`` where the edge still lists it."""
    client = _proxy()
    ours = [toxic.name for toxic in _edge(client, edge).toxics if toxic.name.startswith(OURS)]
    removed = [name for name in ours if client.remove(edge, name)]
    left = [toxic.name for toxic in _edge(client, edge).toxics if toxic.name.startswith(OURS)]
    if left:
        raise Unsafe(f"edge {edge} still has {', '.join(left)} after the undo")
    return {"edge": edge, "removed": removed}


def _proxy() -> ProxyClient:
    from harness.proxy.client import ProxyClient

    path, token = environment(PROXY), environment(TOKEN)
    if not token or not path or not Path(path).is_socket():
        raise Refused(
            f"set {PROXY} to the socket of a running fault proxy and {TOKEN} to what it printed; "
            "or let `hormesis run` start a system by itself. Nothing was injected."
        )
    return ProxyClient(Path(path), token)


def _edge(client: ProxyClient, name: str) -> EdgeState:
    edges = client.proxies()
    if name not in edges:
        raise Refused(f"no edge {quoted(name)}: {advice(name, edges)}. Nothing was injected.")
    return edges[name]


def _toxic(effect: EdgeEffect) -> ToxicSpec:
    """Say an effect in the proxy's words; the proxy ends it by itself if we never do."""
    from harness.targets.local.toxics import toxic_of

    name = f"{OURS}{type(effect).__struct_config__.tag}"
    # Nobody renews a lease under plain `chaos run`; its own end stays.
    return msgspec.structs.replace(toxic_of(effect, name), leased=False)


def _prove(client: ProxyClient, effect: EdgeEffect, name: str) -> str:
    """Let requests of ours cross the edge until the effect is seen; ``Untrustworthy`` where it is not."""
    port = int(_edge(client, effect.edge).listen.rpartition(":")[2])
    until_s = monotonic_s() + PROVEN_WITHIN_S
    while monotonic_s() < until_s:
        seen = _knock(port)
        if isinstance(effect, Refuse) and seen == "refused":
            return "a new connection is refused"
        if isinstance(effect, Blackhole) and seen == "not established":
            return f"a new connection is not established within {KNOCK_S:g} s"
        counters = _edge(client, effect.edge).counters.toxics.get(name)
        if counters is not None and _touched(effect, counters):
            touched = f"{counters.connections} connections, {counters.chunks} chunks"
            return f"the proxy counts {touched}, {counters.held_bytes} bytes held"
    raise Untrustworthy(
        f"no effect was seen on {effect.edge} in {PROVEN_WITHIN_S:g} s; it was taken off again"
    )


def _touched(effect: EdgeEffect, counters: ToxicCounters) -> bool:
    """Whether anything that crossed the edge was changed, held or reset, and not only looked at."""
    if isinstance(effect, Reset):
        return counters.connections > 0
    return counters.chunks > 0 or counters.held_bytes > 0


def _knock(port: int) -> str:
    """Send one request through the edge; say how far it came."""
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=KNOCK_S)
    except ConnectionRefusedError:
        return "refused"
    except TimeoutError:
        return "not established"
    with connection:
        try:
            connection.sendall(REQUEST)
            return "answered" if connection.recv(1) else "closed"
        except TimeoutError:
            return "no answer"
        except OSError:
            return "reset"
