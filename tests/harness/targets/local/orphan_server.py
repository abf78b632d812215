"""A server that leaves orphans: ``orphan_server.py PORT``. Two children answer on one socket.

``/where`` says who. When one of them ends, the parent ends, too, and the other one stays: it answers on and
keeps the port. Whoever is started after that cannot have it, and ends with code 1.
"""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps({"pid": os.getpid()}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


server = HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler)
for _ in range(2):
    if os.fork() == 0:
        server.serve_forever()
os.wait()
