"""Looks at a service from outside, over fresh connections: what it answers, whether it is silent.

A kept connection would answer for a process that no longer accepts, so none is reused.
"""

from __future__ import annotations

import http.client
import socket
from dataclasses import dataclass

import msgspec

from harness.experiment.model import TCP

BODY_BYTES_MAX = 1 << 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """``status`` 0: no answer, ``why`` says what happened instead. ``boot_id`` "" if the body has none.

    ``body``: at most its first 64 KiB.
    """

    status: int
    boot_id: str = ""
    why: str = ""
    body: bytes = b""


def boot_id_in(body: bytes) -> str:
    """Read ``boot_id`` from a JSON object, "" if there is none.

    >>> boot_id_in(b'{"boot_id": "a1"}'), boot_id_in(b"ok"), boot_id_in(b'{"boot_id": 3}')
    ('a1', '', '')
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    boot_id = value.get("boot_id", "") if isinstance(value, dict) else ""
    return boot_id if isinstance(boot_id, str) else ""


def asked(route: str) -> str:
    """The route of a request that must be sent: "/" where the service names none of its own."""
    return "/" if route == TCP else route


def look(port: int, route: str, timeout_s: float) -> Answer:
    """GET ``route`` on loopback ``port``; never raises for anything the service can do.

    Where ``route`` is ``TCP``, an accepted connection is an answer with status 200.
    """
    if route == TCP:
        return _accepted(port, timeout_s)
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout_s)
    try:
        connection.request("GET", route)
        reply = connection.getresponse()
        body = reply.read(BODY_BYTES_MAX)
        return Answer(status=reply.status, boot_id=boot_id_in(body), body=body)
    except (OSError, http.client.HTTPException) as error:
        return Answer(status=0, why=f"{type(error).__name__}: {error}")
    finally:
        connection.close()


def _accepted(port: int, timeout_s: float) -> Answer:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=timeout_s).close()
    except OSError as error:
        return Answer(status=0, why=f"{type(error).__name__}: {error}")
    return Answer(status=200)


def refuses(port: int) -> bool:
    """Say whether a fresh connection to loopback ``port`` is refused at once."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1.0):
            return False
    except ConnectionRefusedError:
        return True
    except OSError:
        return False


def silence(port: int, route: str, within_s: float) -> str:
    """Ask ``route`` and wait ``within_s`` for a first byte; "" if it accepts and is silent, else why not."""
    request = f"GET {asked(route)} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n".encode()
    try:
        connection = socket.create_connection(("127.0.0.1", port), timeout=1.0)
    except OSError as error:
        return f"port {port} does not accept: {error}"
    with connection:
        connection.settimeout(within_s)
        try:
            connection.sendall(request)
            got = connection.recv(1)
        except TimeoutError:
            return ""
        except OSError as error:
            return f"port {port} broke the connection: {error}"
    return f"port {port} {'answered' if got else 'closed the connection'}"
