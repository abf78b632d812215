"""A program that was not written for us: ``loop_server.py PORT``; no /readyz, no /healthz, no boot id.

It says on ``/where`` who it is, which environment it has, and ends on ``POST /end``.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        there = self.path == "/where"
        found = {"pid": os.getpid(), "pythonpath": os.environ.get("PYTHONPATH", "")}
        body = json.dumps(found).encode() if there else b"nothing"
        self.send_response(200 if there else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
