"""The pipeline as real processes on loopback, for tests: started, asked, killed and ended by pid."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from tests.ports import free_port

T = TypeVar("T")
SWITCH_TOKEN = "a secret of healer and gateway"
SHOWN = {"Authorization": f"Bearer {SWITCH_TOKEN}"}
SERVICES = ("registry", "features", "scorer-a", "scorer-b", "gateway", "delivery")
BY_NAME = ("learner",)  # started where a test names it
EDGES = {
    "GATEWAY_FEATURES": "features",
    "GATEWAY_SCORER_A": "scorer-a",
    "GATEWAY_SCORER_B": "scorer-b",
    "DELIVERY_GATEWAY": "gateway",
    "SCORER_A_REGISTRY": "registry",
    "SCORER_B_REGISTRY": "registry",
    "LEARNER_GATEWAY": "gateway",
    "LEARNER_REGISTRY": "registry",
}
RECORD = {
    "customer_id": 1,
    "terminal_id": 2,
    "amount": 12.5,
    "channel": "web",
    "category": "fuel",
    "card_age_days": 100.0,
    "event_time_s": 1000.0,
}


def record(key: str, **changed: object) -> dict[str, object]:
    """A record that keeps the contract, but for what is ``changed``."""
    return {"id": key, **RECORD, **changed}


def until(look: Callable[[], T], within_s: float = 30.0) -> T:
    """Look until the answer is true; the last answer is in the message if it never is."""
    end_s = time.monotonic() + within_s
    pace = threading.Event()
    while not (seen := look()):
        assert time.monotonic() < end_s, f"not within {within_s} s: {seen!r}"
        pace.wait(0.02)
    return seen


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; status 0 means that there was none."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str,
    body: bytes | None = None,
    method: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answer:
    """One request through a fresh connection."""
    request = urllib.request.Request(url, data=body, method=method, headers=dict(headers or {}))
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return Answer(reply.status, reply.read(), dict(reply.headers))
    except urllib.error.HTTPError as error:
        with error:
            return Answer(error.code, error.read(), dict(error.headers))
    except (OSError, http.client.HTTPException):  # nobody listens, or who answered died while it did
        return Answer(0)


class Pipeline:
    """All services of one state folder; those in ``elsewhere`` are replaced by another URL."""

    def __init__(
        self,
        folder: Path,
        template: Path,
        elsewhere: Mapping[str, str] | None = None,
        *,
        healing: str = "off",
    ) -> None:
        self.folder = folder
        self.healing = healing
        self.template = template
        own = {name: f"http://127.0.0.1:{free_port()}" for name in (*SERVICES, *BY_NAME)}
        self.urls = own | dict(elsewhere or {})
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, *names: str) -> None:
        """Start ``names`` (default all) and wait until each is ready."""
        self._spawn(names or SERVICES)
        for name in names or SERVICES:
            until(lambda name=name: self.get(name, "/readyz").status == 200)

    def start_unready(self, name: str) -> None:
        """Start one service and wait until it says that it tried and is not ready."""
        self._spawn([name])
        until(lambda: (ready := self.get(name, "/readyz")).status == 503 and b"yet" not in ready.body)

    def launch(self, name: str) -> None:
        """Start one service and wait for nothing."""
        self._spawn([name])

    def _spawn(self, names: Iterable[str]) -> None:
        for name in names:
            self.folder.mkdir(parents=True, exist_ok=True)
            with (self.folder / f"{name}.log").open("ab") as log:
                self.processes[name] = subprocess.Popen(
                    [sys.executable, "-m", "reference_pipeline.deploy.local", name.partition("-")[0]],
                    env=self._environment(name),
                    stdout=log,
                    stderr=log,
                )

    def kill(self, name: str) -> None:
        """SIGKILL, and wait until it is gone."""
        self.processes[name].kill()
        self.processes.pop(name).wait(10)

    def stop(self) -> list[int]:
        """SIGTERM to all; their exit codes."""
        for process in self.processes.values():
            process.terminate()
        codes = []
        for process in self.processes.values():
            try:
                codes.append(process.wait(10))
            finally:
                process.kill()
        self.processes.clear()
        return codes

    def get(self, name: str, path: str) -> Answer:
        return ask(self.urls[name] + path)

    def post(self, name: str, path: str, content: object) -> Answer:
        return ask(self.urls[name] + path, json.dumps(content).encode(), headers=SHOWN)

    def put(self, name: str, path: str, content: object) -> Answer:
        return ask(self.urls[name] + path, json.dumps(content).encode(), "PUT", SHOWN)

    def decide(self, *records: Mapping[str, object]) -> Answer:
        return self.post("gateway", "/decide", {"records": records})

    def listed(self, name: str, path: str, limit: int = 1000) -> list[dict[str, Any]]:
        """Everything that a listing has, page by page."""
        rows: list[dict[str, Any]] = []
        after = 0
        while True:
            page = self.get(name, f"{path}?after={after}&limit={limit}").json
            rows += page["ids"]
            after = page["last"]
            if page["end"]:
                return rows

    def ids(self, name: str, path: str) -> list[str]:
        return [row["id"] for row in self.listed(name, path)]

    def in_sink(self, wanted: Iterable[str]) -> bool:
        with contextlib.suppress(json.JSONDecodeError):  # delivery may be starting
            return set(wanted) <= set(self.ids("delivery", "/audit/sink"))
        return False

    def signal(self, name: str, signal: str) -> float:
        return self.get(name, "/signals").json[signal]

    def _environment(self, name: str) -> dict[str, str]:
        kept = {key: os.environ[key] for key in ("PATH", "HOME", "PYTHONPATH") if key in os.environ}
        edges = {f"EDGE_{edge}_URL": self.urls[to] for edge, to in EDGES.items()}
        return {
            **kept,
            **edges,
            "OMP_NUM_THREADS": "1",
            "OPENBLAS_NUM_THREADS": "1",
            "PORT": self.urls[name].rpartition(":")[2],
            "STATE_DIR": str(self.folder / name),
            "TEMPLATE_DIR": str(self.template),
            "SERVICE": name,
            "SWEEP_AFTER_S": "0.5",
            "HEALING": self.healing,
            "SWITCH_TOKEN": SWITCH_TOKEN,
        }
