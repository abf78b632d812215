"""Messages of a simulated wire as the bytes of HTTP/1.1, and back. Pure.

Comes in: a route and a body, or an answer. Goes out: one whole message; or what whole bytes say, None while
they are not whole.
"""

from __future__ import annotations

from harness.simulation.network import Answer

_END = b"\r\n\r\n"


def request_bytes(route: str, body: bytes) -> bytes:
    """Write a request; ``route`` is "POST /decide".

    >>> request_bytes("GET /healthz", b"")
    b'GET /healthz HTTP/1.1\\r\\nHost: simulated\\r\\nContent-Length: 0\\r\\n\\r\\n'
    """
    return f"{route} HTTP/1.1\r\nHost: simulated\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


def answer_bytes(answer: Answer) -> bytes:
    """Write an answer with its headers."""
    lines = [f"HTTP/1.1 {answer.status} .", *(f"{name}: {value}" for name, value in answer.headers.items())]
    head = "\r\n".join([*lines, f"Content-Length: {len(answer.body)}"])
    return head.encode() + _END + answer.body


def read_request(data: bytes) -> tuple[str, bytes] | None:
    """Read a whole request as route and body.

    >>> read_request(request_bytes("POST /x", b"body"))
    ('POST /x', b'body')
    """
    read = _read(data)
    if read is None:
        return None
    first, _, body = read
    return first.rpartition(" ")[0], body


def read_answer(data: bytes) -> Answer | None:
    """Read a whole answer; names of headers come in lower case.

    >>> read_answer(answer_bytes(Answer(200, b"{}", {"x-boot-id": "one.1"})))
    Answer(status=200, body=b'{}', headers={'x-boot-id': 'one.1', 'content-length': '2'})
    """
    read = _read(data)
    if read is None:
        return None
    first, headers, body = read
    return Answer(int(first.split(" ")[1]), body, headers)


def _read(data: bytes) -> tuple[str, dict[str, str], bytes] | None:
    head, found, body = data.partition(_END)
    if not found:
        return None
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if len(body) < int(headers["content-length"]):
        return None
    return first, headers, body
