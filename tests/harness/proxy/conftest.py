"""A real proxy in front of a real echo server and a real HTTP server, for the tests of its sockets."""

from __future__ import annotations

import contextlib
import http.server
import json
import socket
import socketserver
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.proxy.client import ProxyClient
from tests.ports import free_ports

ANSWER = json.dumps({"words": ["some", "answer", "of", "a", "service"], "number": 12345}).encode()
LEASE_S = 0.4
PATIENCE_S = 10.0


class Echo(socketserver.BaseRequestHandler):
    """Sends back what it gets; after the caller's end one last word, then its own end."""

    def handle(self):
        while data := self.request.recv(1 << 16):
            self.request.sendall(data)
        self.request.sendall(b"bye")


class Answers(http.server.BaseHTTPRequestHandler):
    """Keep-alive HTTP/1.1: ``/`` has a length, ``/chunks`` comes in chunks."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
        if self.path == "/chunks":
            parts = [ANSWER[:7], ANSWER[7:]]
            body = b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
            self.wfile.write(head + b"Transfer-Encoding: chunked\r\n\r\n" + body)
        else:
            self.wfile.write(head + b"Content-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)

    def do_HEAD(self):
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(ANSWER))

    def log_message(self, *words):
        """Say nothing."""


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request, client_address):
        """A reset connection is what these tests do."""
        if not isinstance(sys.exc_info()[1], ConnectionError):
            super().handle_error(request, client_address)


@dataclass(frozen=True)
class Running:
    client: ProxyClient
    ports: dict[str, int]
    control: int
    token: str
    socket: Path

    def connect(self, edge="echo"):
        return socket.create_connection(("127.0.0.1", self.ports[edge]), timeout=PATIENCE_S)

    def talking(self, edge="echo"):
        """A connection through which something has gone both ways."""
        caller = self.connect(edge)
        caller.sendall(b"hello")
        assert receive(caller, 5) == b"hello"
        return caller

    def counters(self, edge="echo", toxic="t"):
        return self.client.proxies()[edge].counters.toxics[toxic]


def receive(caller, count):
    data = b""
    while len(data) < count and (more := caller.recv(count - len(data))):
        data += more
    return data


@pytest.fixture(scope="session")
def _proxy() -> Iterator[Running]:
    with contextlib.ExitStack() as stack:
        upstreams = {}
        for name, handler in {"echo": Echo, "http": Answers}.items():
            server = stack.enter_context(Server(("127.0.0.1", 0), handler))
            threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
            stack.callback(server.shutdown)
            upstreams[name] = server.server_address[1]
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="hormesis-")))
        first, second, third, control = free_ports(4)
        ports = {"echo": first, "http": second, "nobody": third}
        upstreams["nobody"] = free_ports(1)[0]
        edges = [{"name": n, "listen": ports[n], "upstream": upstreams[n]} for n in ports]
        path = folder / "proxy" / "control"
        spec = {"seed": 7, "socket": str(path), "lease_s": LEASE_S, "edges": edges, "control": control}
        (folder / "spec.json").write_text(json.dumps(spec), "utf-8")
        process = stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-m", "harness.proxy", str(folder / "spec.json")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
        )
        ready = json.loads(process.stdout.readline())
        yield Running(ProxyClient(path, ready["token"]), ports, control, ready["token"], path)
        process.stdin.close()
        assert process.wait(PATIENCE_S) == 0
        assert not path.exists()


@pytest.fixture
def proxy(_proxy, until) -> Iterator[Running]:
    """The running proxy, clean before and after, and without a connection of the test before."""
    _proxy.client.reset()
    until(lambda: not any(edge.counters.open for edge in _proxy.client.proxies().values()))
    yield _proxy
    _proxy.client.reset()


@pytest.fixture
def read():
    """Receive exactly so many bytes, fewer at the end of the stream."""
    return receive


@pytest.fixture
def answer():
    """The body of every answer of the HTTP server."""
    return ANSWER
