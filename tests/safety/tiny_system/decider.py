"""The tiny system: a service that approves small amounts, and its world. Started by the real harness."""

from __future__ import annotations

import json
import os
import secrets
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LIMIT = 500.0
MODEL = "1"


def decide(amount: object) -> str:
    """The one right decision."""
    return "decline" if isinstance(amount, float | int) and amount > LIMIT else "approve"


def main() -> int:
    """Serve until killed."""
    boot_id = secrets.token_hex(8)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1
        disable_nagle_algorithm = True

        def reply(self, document: dict[str, object]) -> None:
            body = json.dumps(document).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.send_header("x-boot-id", boot_id)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            self.reply({"service": os.environ["SERVICE"], "boot_id": boot_id, "ready": True})

        def do_POST(self) -> None:
            records = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["records"]
            self.reply({"answers": [self.answer(record) for record in records]})

        def answer(self, record: dict[str, object]) -> dict[str, object]:
            decision = decide(record.get("amount"))
            return {"id": record["id"], "status": 200, "decision": decision, "score": 0.5, "model": MODEL}

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    ThreadingHTTPServer.daemon_threads = True
    ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
    return 0


@dataclass(frozen=True)
class Drawn:
    """What the world offers: amounts, and nothing known of them."""

    records: list[dict[str, object]]
    posterior: object
    label: object


class Amounts:
    """Amounts below and above the limit, by turns of the seed."""

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def draw(self, due_s, /) -> Drawn:
        """One record a due instant."""
        import numpy as np

        count = len(due_s)
        amounts = np.random.default_rng(self._seed).uniform(0, 1000, count)
        records = [{"amount": float(amount)} for amount in amounts]
        return Drawn(records, np.full(count, np.nan), np.full(count, -1, dtype=np.int8))

    def golden(self, count: int, /) -> tuple[list[dict[str, object]], list[str]]:
        """Amounts far from the limit."""
        amounts = [10.0 if place % 2 else 990.0 for place in range(count)]
        return [{"amount": amount} for amount in amounts], [decide(amount) for amount in amounts]


def open_world(*, scenario, seed, template) -> Amounts:
    """Opened by the driver."""
    del scenario, template
    return Amounts(seed)
