"""The fault proxy beside no proxy, HAProxy and Toxiproxy: what it costs, and whether 100 ms are 100 ms.

Comes in: nothing but the machine. One server of our own (``asyncio.Protocol``, echo and bulk) stands behind
all contestants; rounds are interleaved and begin with another contestant each time, so that a slow minute of
the machine hits all alike. Goes out: medians over rounds with spread, ratios per round, and the bars. What is
not there (HAProxy without the program, Toxiproxy without Go or its module) is named absent, with the reason.
``python -m benchmarks.proxy PORT`` is the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import io
import json
import os
import selectors
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from harness.proxy.client import ProxyClient
from harness.proxy.spec import ToxicSpec

NAME = "proxy"
SEED = 19
FORECAST_S = 170.0
TOXIPROXY = "github.com/Shopify/toxiproxy/v2/cmd/server@v2.12.0"
BUILD_S_MAX = 240.0
MESSAGE = b"m" * 200  # about a small HTTP request
BULK_BYTES = 100 * 1_000_000
LATENCY_MS = 100.0
LANDS_BELOW_MS = 103.0
NAP_S = 0.02
BLOCK = b"b" * (1 << 18)


@dataclass(frozen=True)
class Contestant:
    """One way to the server: the port to call, and how to put 100 ms onto it (None: it cannot)."""

    port: int
    slow: Callable[[], None] | None = None
    fast: Callable[[], None] | None = None


@dataclass(frozen=True)
class Size:
    """How much is done."""

    rounds: int
    echoes: int
    crowd_s: float
    slow_echoes: int


FULL, SHORT = Size(6, 2000, 1.5, 40), Size(2, 200, 0.2, 3)


class Server(asyncio.Protocol):
    """Echo; a message that begins with ``bulk`` is answered by ``BULK_BYTES`` bytes."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._left = 0
        self._open = True

    def data_received(self, data: bytes) -> None:
        """Answer."""
        if data.startswith(b"bulk"):
            self._left = BULK_BYTES
            self._send()
        else:
            self._transport.write(data)

    def pause_writing(self) -> None:
        """The buffer is full."""
        self._open = False

    def resume_writing(self) -> None:
        """There is room again."""
        self._open = True
        self._send()

    def _send(self) -> None:
        while self._left and self._open:
            block = BLOCK[: self._left]
            self._left -= len(block)
            self._transport.write(block)


async def serve(port: int) -> None:
    """Serve until standard input closes."""
    loop = asyncio.get_running_loop()
    over = loop.create_future()
    await loop.create_server(Server, "127.0.0.1", port)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    loop.add_reader(0, over.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await over


def run(full: bool) -> dict[str, object]:
    """Measure all contestants in one run."""
    size = FULL if full else SHORT
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hormesis-bars-")))
        contestants, absent = line_up(stack, folder)
        rounds = [one_round(contestants, size, number) for number in range(size.rounds)]
    return {"rounds": size.rounds, "absent": absent, **_figures(rounds), "bars": _bars(rounds)}


def line_up(stack: contextlib.ExitStack, folder: Path) -> tuple[dict[str, Contestant], dict[str, str]]:
    """Start the server and everybody in front of it; gives them, and who is absent and why."""
    backend, own, control, hap, toxi, toxi_control = _free_ports(6)
    _start(stack, [sys.executable, "-m", "benchmarks.proxy", str(backend)]).readline()
    there = {"direct": Contestant(backend), "own": _own(stack, folder, (own, backend, control))}
    absent: dict[str, str] = {}
    if program := shutil.which("haproxy"):
        there["haproxy"] = _haproxy(stack, folder, program, (hap, backend))
    else:
        absent["haproxy"] = "no haproxy on PATH"
    try:
        there["toxiproxy"] = _toxiproxy(stack, build_toxiproxy(folder), (toxi, backend, toxi_control))
    except (OSError, subprocess.SubprocessError) as error:
        absent["toxiproxy"] = f"not built: {error}"
    for contestant in there.values():
        _until_open(contestant.port)
    for name, why in absent.items():
        print(f"{name}: absent, {why}", flush=True)
    return there, absent


def build_toxiproxy(folder: Path) -> str:
    """Build the pinned Toxiproxy into ``folder``; OSError or SubprocessError where that does not work."""
    if shutil.which("go") is None:
        raise FileNotFoundError("no go on PATH")
    environment = {**os.environ, "GOBIN": str(folder), "GOFLAGS": "-mod=mod"}
    command = ["go", "install", TOXIPROXY]
    subprocess.run(command, env=environment, check=True, capture_output=True, timeout=BUILD_S_MAX, cwd=folder)
    return str(folder / "server")


def one_round(contestants: Mapping[str, Contestant], size: Size, number: int) -> dict[str, dict[str, object]]:
    """Measure each contestant once, beginning with another one each round."""
    names = list(contestants)
    first = number % len(names)
    found: dict[str, dict[str, object]] = {}
    for name in names[first:] + names[:first]:
        one = contestants[name]
        found[name] = {
            "p50_us": _echo_p50_us(one.port, size.echoes),
            "bulk_mb_s": _bulk_mb_s(one.port),
            "crowd_rps": len(_crowd_s(one.port, 32, size.crowd_s)) / size.crowd_s,
        }
        if one.slow is not None and one.fast is not None:
            one.slow()
            found[name]["slow_ms"] = [s * 1e3 for s in _echoes_s(one.port, size.slow_echoes)]
            found[name]["slow_crowd_ms"] = [s * 1e3 for s in _crowd_s(one.port, 20, size.slow_echoes / 20)]
            one.fast()
        print(f"round {number + 1} {name}: {_short(found[name])}", flush=True)
    return found


def _figures(rounds: list[dict[str, dict[str, object]]]) -> dict[str, object]:
    names = list(rounds[0])
    figures: dict[str, object] = {
        name: {
            "p50_us": _spread([_number(r[name], "p50_us") for r in rounds]),
            "added_p50_us": _spread(_added(rounds, name)),
            "bulk_mb_s": _spread([_number(r[name], "bulk_mb_s") for r in rounds]),
            "crowd_32_rps": _spread([_number(r[name], "crowd_rps") for r in rounds]),
            **{key: _tail(_pooled(rounds, name, key)) for key in ("slow_ms", "slow_crowd_ms")},
        }
        for name in sorted(names)
    }
    others = [name for name in sorted(names) if name not in ("own", "direct")]
    ratios = {f"own over {name}": _ratios(rounds, name) for name in others}
    return {"contestants": figures, "ratios_per_round": ratios}


def _bars(rounds: list[dict[str, dict[str, object]]]) -> dict[str, bool]:
    slow, crowd = _pooled(rounds, "own", "slow_ms"), _pooled(rounds, "own", "slow_crowd_ms")
    bars = {
        "100 ms land between 100 and 103 ms at p99": _quantile(slow, 0.99) < LANDS_BELOW_MS,
        "nothing is early": min(slow + crowd) >= LATENCY_MS,
        "added p50 at most Toxiproxy's": False,  # and so where it is not there
        "throughput at least Toxiproxy's": False,
    }
    if "toxiproxy" in rounds[0]:
        added = {name: statistics.median(_added(rounds, name)) for name in ("own", "toxiproxy")}
        bulk = {
            name: statistics.median(_number(r[name], "bulk_mb_s") for r in rounds)
            for name in ("own", "toxiproxy")
        }
        bars["added p50 at most Toxiproxy's"] = added["own"] <= added["toxiproxy"]
        bars["throughput at least Toxiproxy's"] = bulk["own"] >= bulk["toxiproxy"]
    return bars


def _added(rounds: list[dict[str, dict[str, object]]], name: str) -> list[float]:
    return [_number(r[name], "p50_us") - _number(r["direct"], "p50_us") for r in rounds]


def _ratios(rounds: list[dict[str, dict[str, object]]], other: str) -> dict[str, object]:
    keys = ("p50_us", "bulk_mb_s", "crowd_rps")
    return {key: _spread([_number(r["own"], key) / _number(r[other], key) for r in rounds]) for key in keys}


def _pooled(rounds: list[dict[str, dict[str, object]]], name: str, key: str) -> list[float]:
    values: list[float] = []
    for one in rounds:
        found = one[name].get(key, [])
        assert isinstance(found, list)
        values += found
    return values


def _number(found: Mapping[str, object], key: str) -> float:
    value = found[key]
    assert isinstance(value, float)
    return value


def _spread(values: list[float]) -> dict[str, float]:
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def _tail(values: list[float]) -> dict[str, float]:
    if not values:
        return {"n": 0}
    tail = {"min": min(values), "p50": statistics.median(values), "p99": _quantile(values, 0.99)}
    return {"n": len(values), **tail}


def _quantile(values: list[float], share: float) -> float:
    """The nearest rank from above: it never flatters."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _short(found: Mapping[str, object]) -> str:
    text = ", ".join(f"{key} {value:.1f}" for key, value in found.items() if isinstance(value, float))
    slow = found.get("slow_ms")
    return f"{text}, slow p50 {statistics.median(slow):.2f}" if isinstance(slow, list) else text


def _connect(port: int) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", port), timeout=30.0)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return sock


def _echoes_s(port: int, count: int) -> list[float]:
    """Back to back on one connection, after a tenth more for warmth."""
    took_s: list[float] = []
    warm = count // 10 + 1
    with _connect(port) as sock:
        for _ in range(count + warm):
            start_s = time.perf_counter()
            sock.sendall(MESSAGE)
            _receive(sock, len(MESSAGE))
            took_s.append(time.perf_counter() - start_s)
    return took_s[warm:]


def _echo_p50_us(port: int, count: int) -> float:
    return statistics.median(_echoes_s(port, count)) * 1e6


def _bulk_mb_s(port: int) -> float:
    """One body of 100 MB, from the request to its last byte."""
    buffer = bytearray(1 << 20)
    with _connect(port) as sock:
        start_s = time.perf_counter()
        sock.sendall(b"bulk")
        left = BULK_BYTES
        while left and (got := sock.recv_into(buffer)):
            left -= got
        took_s = time.perf_counter() - start_s
    if left:
        raise ConnectionError(f"the body ended {left} bytes early")
    return BULK_BYTES / took_s / 1e6


def _crowd_s(port: int, count: int, lasts_s: float) -> list[float]:
    """``count`` connections, each with one message under way at a time; gives what each answer took."""
    took_s: list[float] = []
    with contextlib.ExitStack() as stack, selectors.DefaultSelector() as selector:
        sent_s: dict[int, float] = {}
        for _ in range(count):
            sock = stack.enter_context(_connect(port))
            selector.register(sock, selectors.EVENT_READ, sock)
            sent_s[sock.fileno()] = time.perf_counter()
            sock.sendall(MESSAGE)
        end_s = time.perf_counter() + lasts_s
        while (now_s := time.perf_counter()) < end_s or len(took_s) < count:
            for key, _ in selector.select(max(0.0, end_s - now_s) + 1.0):
                sock = key.data
                _receive(sock, len(MESSAGE))
                took_s.append(time.perf_counter() - sent_s[sock.fileno()])
                sent_s[sock.fileno()] = time.perf_counter()
                sock.sendall(MESSAGE)
    return took_s


def _receive(sock: socket.socket, count: int) -> None:
    while count:
        got = len(sock.recv(count))
        if not got:
            raise ConnectionError("closed in the middle of a message")
        count -= got


def _own(stack: contextlib.ExitStack, folder: Path, ports: tuple[int, int, int]) -> Contestant:
    own, backend, control = ports
    private = folder / "own"
    private.mkdir(mode=0o700)
    edge = {"name": "edge", "listen": own, "upstream": backend}
    spec = {"seed": SEED, "socket": str(private / "control"), "edges": [edge], "control": control}
    (private / "spec.json").write_text(json.dumps(spec), "utf-8")
    out = _start(stack, [sys.executable, "-m", "harness.proxy", str(private / "spec.json")])
    client = ProxyClient(private / "control", json.loads(out.readline())["token"])
    toxic = ToxicSpec(name="slow", type="latency", stream="both", attributes={"latency": LATENCY_MS})

    def slow() -> None:
        client.add("edge", toxic)

    return Contestant(own, slow, client.reset)


def _haproxy(stack: contextlib.ExitStack, folder: Path, program: str, ports: tuple[int, int]) -> Contestant:
    port, backend = ports
    configuration = (
        "global\n nbthread 1\ndefaults\n mode tcp\n timeout connect 5s\n timeout client 60s\n"
        " timeout server 60s\n"
        f"listen edge\n bind 127.0.0.1:{port}\n server one 127.0.0.1:{backend}\n"
    )
    (folder / "haproxy.cfg").write_text(configuration, "utf-8")
    _start(stack, [program, "-db", "-f", str(folder / "haproxy.cfg")], heard=False)
    return Contestant(port)


def _toxiproxy(stack: contextlib.ExitStack, program: str, ports: tuple[int, int, int]) -> Contestant:
    port, backend, control = ports
    _start(stack, [program, "-host", "127.0.0.1", "-port", str(control)], heard=False)
    _until_open(control)

    def ask(method: str, path: str, body: Mapping[str, object]) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", control, timeout=10.0)
        connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
        reply = connection.getresponse()
        if reply.status >= 300:
            raise OSError(f"Toxiproxy answers {reply.status}: {reply.read()!r}")
        connection.close()

    listen, upstream = f"127.0.0.1:{port}", f"127.0.0.1:{backend}"
    ask("POST", "/proxies", {"name": "edge", "listen": listen, "upstream": upstream, "enabled": True})
    toxic = {"name": "slow", "type": "latency", "attributes": {"latency": int(LATENCY_MS)}}
    return Contestant(
        port,
        lambda: ask("POST", "/proxies/edge/toxics", toxic),
        lambda: ask("POST", "/reset", {}),
    )


def _start(stack: contextlib.ExitStack, command: list[str], *, heard: bool = True) -> IO[str]:
    """Start a process that ends with the stack; gives its output, or loses it where nobody reads on.

    Toxiproxy logs each connection: into a pipe that nobody empties it would stop in the middle.
    """
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE if heard else subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    stack.enter_context(process)
    stack.callback(process.kill)
    return process.stdout if process.stdout is not None else io.StringIO()


def _until_open(port: int) -> None:
    deadline_s = time.monotonic() + 10.0
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1.0).close()
            return
        except OSError:
            if time.monotonic() > deadline_s:
                raise
            time.sleep(NAP_S)


def _free_ports(count: int) -> list[int]:
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in held:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in held]


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
