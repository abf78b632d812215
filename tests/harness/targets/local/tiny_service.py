"""A service small enough to read: answers health and readiness, and misbehaves as its environment says.

TINY_HEALTH: ``boot`` (a new boot id), ``plain`` (200 without one), ``same`` (always the same one).
TINY_START: ``crash`` ends at once with code 3; ``deaf`` runs without listening, ``deaf-again`` from the
second start on; ``daemon`` leaves a grandchild in a session of its own, ``orphan`` one that serves too.
TINY_CALLS: it calls every edge of its own, again and again, and does not mind what comes back.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import secrets
import signal
import socket
import sys
import threading
import urllib.request
from pathlib import Path


def main() -> int:
    name, start = os.environ.get("SERVICE", "tiny"), os.environ.get("TINY_START", "")
    sys.stdout.write(f"{name} starts in {os.getcwd()}\n")
    sys.stdout.flush()
    Path("environment.json").write_text(json.dumps(dict(os.environ)), encoding="utf-8")
    if start == "crash":
        sys.stderr.write("cannot: the \x1b[31mmodel\x1b[0m is missing\n")
        return 3
    if start == "daemon":
        leave_a_daemon()
    again = Path("started").exists()
    Path("started").touch()
    if start == "deaf" or (start == "deaf-again" and again):
        signal.pause()
    if os.environ.get("TINY_CALLS"):
        urls = [url for name, url in os.environ.items() if name.startswith("EDGE_")]
        threading.Thread(target=call_again, args=(urls,), daemon=True).start()
    serve(int(os.environ["PORT"]), name)
    return 0


def leave_a_daemon() -> None:
    pid = os.fork()
    if pid == 0:
        os.setsid()
        Path("daemon").write_text(str(os.getpid()), encoding="utf-8")
        signal.pause()


def call_again(urls: list[str]) -> None:
    pause = threading.Event()
    while not pause.wait(0.02):
        for url in urls:
            call(url)


def call(url: str) -> None:
    try:
        with urllib.request.urlopen(url + "/healthz", timeout=0.3) as reply:
            reply.read()
    except (OSError, ValueError, http.client.HTTPException):
        return  # that is what an edge under a fault does


def serve(port: int, name: str) -> None:
    health = os.environ.get("TINY_HEALTH", "boot")
    boot_id = {"boot": secrets.token_hex(8), "same": "always-the-same"}.get(health)
    document = {"service": name} | ({"boot_id": boot_id} if boot_id else {})
    body = json.dumps(document).encode()
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen(64)
        if os.environ.get("TINY_START") == "orphan" and os.fork() == 0:
            os.setsid()
        while True:
            connection, _ = listener.accept()
            # A thread each: a connection whose bytes a fault holds must not keep the others waiting.
            threading.Thread(target=answer, args=(connection, body), daemon=True).start()


def answer(connection: socket.socket, body: bytes) -> None:
    with connection, contextlib.suppress(OSError):  # the caller may hang up first
        connection.settimeout(1.0)
        request = b""
        while b"\r\n\r\n" not in request and (piece := connection.recv(65536)):
            request += piece
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        connection.sendall(head.encode() + b"Connection: close\r\n\r\n" + body)


if __name__ == "__main__":
    sys.exit(main())
