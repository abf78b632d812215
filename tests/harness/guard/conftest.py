"""Real processes to hurt, real records, and a guardian in a process of its own."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from harness.guard.folders import mark
from harness.guard.processes import start_ticks
from harness.guard.records import Record, ourselves
from harness.guard.shell import monotonic_s

VARIABLE, TOKEN = "HORMESIS_RUN", f"{os.getpid():064x}"  # tests side by side end what carries theirs


@pytest.fixture
def carrier() -> Iterator[Callable[..., subprocess.Popen[bytes]]]:
    """Start a process that waits and carries ``token``; ended with the test."""
    started: list[subprocess.Popen[bytes]] = []

    def start(
        token: str = TOKEN, program: str = "import signal; signal.pause()", words: Sequence[str] = ()
    ) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-S", "-c", program, *words], env={VARIABLE: token})
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.wait()


@pytest.fixture
def record() -> Callable[..., Record]:
    """Make a record of this process: ``record(verb, **arguments)``."""

    def make(verb: str, *, record_id: str = "r1-1", run: str = "c/r1", **arguments: str | int) -> Record:
        return Record(
            id=record_id,
            run=run,
            target="local",
            episode=0,
            fault="process.pause",
            verb=verb,
            arguments=arguments,
            promise_s=3.0,
            expires_s=monotonic_s() + 60.0,
            opened=f"2026-01-01T00:00:00.000+00:00 {record_id}",
            owner=ourselves(),
        )

    return make


@pytest.fixture
def state_folder(tmp_path) -> Path:
    """A state folder of this process, as a runner makes it."""
    folder = tmp_path / f"hormesis-{os.getpid()}-abcd_123"
    folder.mkdir(mode=0o700)
    mark(folder)
    return folder


@pytest.fixture
def of() -> Callable[..., dict[str, str | int]]:
    """Arguments that name a process as the verbs want it."""

    def name(process: subprocess.Popen[bytes], token: str = TOKEN) -> dict[str, str | int]:
        return {
            "pid": process.pid,
            "start_ticks": start_ticks(process.pid),
            "variable": VARIABLE,
            "token": token,
        }

    return name


@pytest.fixture
def stopped(carrier, until) -> Callable[..., subprocess.Popen[bytes]]:
    """Start a carrier and stop it, as a pause does."""

    def stop(token: str = TOKEN) -> subprocess.Popen[bytes]:
        process = carrier(token)
        until(lambda: f"{VARIABLE}={token}".encode() in Path(f"/proc/{process.pid}/environ").read_bytes())
        os.kill(process.pid, signal.SIGSTOP)
        until(lambda: state(process.pid) == "T")
        return process

    return stop


def state(pid: int) -> str:
    """State letter of a process."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


@pytest.fixture
def state_of() -> Callable[[int], str]:
    """The state letter of a process."""
    return state


class OnSocket(ThreadingHTTPServer):
    """An HTTP server on a unix socket."""

    address_family = socket.AF_UNIX

    def server_bind(self) -> None:
        self.socket.bind(self.server_address)

    def get_request(self):
        connection, _ = self.socket.accept()
        return connection, ("local", 0)


@pytest.fixture
def server() -> Iterator[Callable[..., ThreadingHTTPServer]]:
    """Serve ``routes`` ("GET /x" -> status and JSON text) on loopback, or on the unix socket ``path``.

    What was asked is in ``asked``.
    """
    opened: list[ThreadingHTTPServer] = []

    def serve(routes: dict[str, tuple[int, str]], path: Path | None = None) -> ThreadingHTTPServer:
        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                asked.append((f"{self.command} {self.path}", self.headers.get("Authorization", "")))
                status, text = routes.get(f"{self.command} {self.path}", (404, ""))
                self.send_response(status)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            do_GET = do_POST = do_DELETE = answer  # noqa: N815 (the names of the base class)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        asked: list[tuple[str, str]] = []
        server = (
            ThreadingHTTPServer(("127.0.0.1", 0), Handler) if path is None else OnSocket(str(path), Handler)
        )
        server.asked = asked  # type: ignore[attr-defined]
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        opened.append(server)
        return server

    yield serve
    for server in opened:
        server.shutdown()
        server.server_close()
