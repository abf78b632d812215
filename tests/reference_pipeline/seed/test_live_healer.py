"""The arm's healer as a real process beside a platform of the test; nothing else runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from reference_pipeline.healing.config import HealerConfig
from tests.ports import free_port
from tests.reference_pipeline.running import ask, until

pytestmark = [pytest.mark.live, pytest.mark.slow]


class Platform(ThreadingHTTPServer):
    """Notes the path and token of what is asked of it."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.asked: list[tuple[str, str | None]] = []


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Platform)
        self.server.asked.append((self.path, self.headers["authorization"]))
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def serving(server: Platform) -> Iterator[Platform]:
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def healer(folder: Path, template: Path, platform: Platform) -> Iterator[str]:
    """The healer's process, its services all silent; gives its address."""
    silent = f"http://127.0.0.1:{free_port()}"
    names = (name.upper().replace("-", "_") for name in HealerConfig().services)
    port = free_port()
    environment = {
        "PATH": os.environ["PATH"],
        "HEALING": "seed",
        "SERVICE": "healer",
        "PORT": str(port),
        "STATE_DIR": str(folder),
        "TEMPLATE_DIR": str(template),
        "PLATFORM_URL": f"http://127.0.0.1:{platform.server_port}",
        "PLATFORM_TOKEN": "of-a-healer",
        **{f"EDGE_HEALER_{name}_URL": silent for name in names},
    }
    command = [sys.executable, "-m", "reference_pipeline.deploy.local", "healer"]
    process = subprocess.Popen(command, env=environment)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        try:
            process.wait(10)
        finally:
            process.kill()


def test_services_that_stay_silent_are_restarted_through_the_platform(
    tmp_path: Path, small_template: Path
) -> None:
    """Three probes of each, then one restart of each, with the platform's token; and a journal of it."""
    services = HealerConfig().services
    with serving(Platform()) as platform, healer(tmp_path, small_template, platform) as url:
        until(lambda: ask(f"{url}/healthz").status == 200)
        until(lambda: len(platform.asked) >= len(services), within_s=90.0)
        journal = ask(f"{url}/journal").json
    asked = [(f"/v1/services/{name}/restart?grace_s=0", "Bearer of-a-healer") for name in services]
    assert platform.asked == asked
    assert {line["line"]["subject"] for line in journal["lines"]} == set(services)
