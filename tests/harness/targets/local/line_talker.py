"""A server that speaks first and no HTTP; with an address it also keeps a connection to another one.

``line_talker.py [HOST:PORT WORD EVERY_S]``, PORT in the environment. What it does not know ends a connection,
as a NATS server ends that of an HTTP client.
"""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import threading

REST = threading.Event()


def serve(caller: socket.socket) -> None:
    with caller:
        caller.sendall(b"INFO hello\r\n")
        while said := caller.recv(4096):
            if said.startswith(b"GET"):
                caller.sendall(b"-ERR what?\r\n")
                return
            caller.sendall(b"+OK\r\n")


def talk(address: tuple[str, int], word: bytes, every_s: float) -> None:
    while True:
        with contextlib.suppress(OSError):
            keep_talking(address, word, every_s)
        REST.wait(0.05)


def keep_talking(address: tuple[str, int], word: bytes, every_s: float) -> None:
    with socket.create_connection(address) as line:
        while True:
            line.sendall(word)
            line.recv(4096)
            REST.wait(every_s)


if len(sys.argv) > 1:
    host, _, port = sys.argv[1].partition(":")
    talker = (host, int(port)), sys.argv[2].encode(), float(sys.argv[3])
    threading.Thread(target=talk, args=talker, daemon=True).start()
door = socket.create_server(("127.0.0.1", int(os.environ["PORT"])), backlog=100)
while True:
    threading.Thread(target=serve, args=(door.accept()[0],), daemon=True).start()
