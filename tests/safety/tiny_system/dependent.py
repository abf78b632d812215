"""A service that ends where the one that it needs does not answer: what is hit takes a bystander along."""

from __future__ import annotations

import os
import threading
import urllib.request
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


def main() -> int:
    """Serve until the other one does not answer within a second."""
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    tick = threading.Event()
    try:
        while not tick.wait(0.02):
            urllib.request.urlopen(os.environ["EDGE_TWO_ONE_URL"] + "/healthz", timeout=1.0).close()
    except OSError:
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
