"""An HTTP program that stamps when it serves: ``own_server.py PORT STAMPS``; a supervisor may fork it, too.

It answers any POST ``{"label": "ok"}`` and any GET ``up``; each of its lives adds a line ``up PID AT_S`` to
STAMPS, the monotonic instant after which connections are accepted. Plain sockets, up in milliseconds; as a
program it takes STARTS_S before, as others do for their libraries: three slots without an answer are no
outage to a witness.
"""

import os
import select
import socket
import sys
import threading
import time

STARTS_S = 0.04
REPLY = b'{"label": "ok"}'
HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n"


def answer(connection: socket.socket) -> None:
    """Answer requests on one connection until it closes."""
    data = b""
    with connection:
        while piece := connection.recv(65536):
            requests, data = whole(data + piece)
            connection.sendall((HEAD % len(REPLY) + REPLY) * requests)


def whole(data: bytes) -> tuple[int, bytes]:
    """How many whole requests there are, and what is left behind them."""
    count = 0
    while (end := data.find(b"\r\n\r\n")) >= 0:
        length = int(data[:end].lower().partition(b"content-length:")[2].split(b"\r\n")[0] or 0)
        if len(data) < end + 4 + length:
            break
        count, data = count + 1, data[end + 4 + length :]
    return count, data


def serve(port: int, stamps: str) -> None:
    """Listen, stamp, answer for ever."""
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(1000)
    stamp(stamps, f"up {os.getpid()} {time.monotonic()!r}")
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=answer_quietly, args=(connection,), daemon=True).start()


def answer_quietly(connection: socket.socket) -> None:
    """A caller that hangs up is none of our business."""
    try:
        answer(connection)
    except OSError:
        connection.close()


def stamp(stamps: str, line: str) -> None:
    """Add a line at once: what was stamped survives a SIGKILL."""
    with open(stamps, "a", encoding="ascii") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    select.select([], [], [], STARTS_S)
    serve(int(sys.argv[1]), sys.argv[2])
