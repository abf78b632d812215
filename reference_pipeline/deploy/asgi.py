"""The ASGI adapter: from an ASGI server's events to ``service.handle`` and back."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, TypeAlias

from reference_pipeline.deploy.guard import Guard
from reference_pipeline.door import json_reply
from reference_pipeline.ports import Reply, Service

Message: TypeAlias = MutableMapping[str, Any]  # as ASGI defines it
App: TypeAlias = Callable[
    [Message, Callable[[], Awaitable[Message]], Callable[[Message], Awaitable[None]]], Awaitable[None]
]
_BODY_MAX_BYTES = 4 << 20  # of any service; each route's own, lower limit answers 413


def asgi(service: Service, guard: Guard) -> App:
    """Wrap ``service`` for an ASGI server with lifespan and websockets off; what ``guard`` refuses is 403."""

    async def app(
        scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        body = await _read(receive)
        if body is None:
            return
        query = scope["query_string"]
        target = scope["raw_path"] + (b"?" + query if query else b"")
        if why := guard.why_not(scope["method"], scope["raw_path"].decode("latin-1"), scope["headers"]):
            reply = json_reply(403, {"error": why})
        else:
            reply = await service.handle(f"{scope['method']} {target.decode('latin-1')}", body)
        await send({"type": "http.response.start", "status": reply.status, "headers": _headers(reply)})
        await send({"type": "http.response.body", "body": reply.body})

    return app


async def _read(receive: Callable[[], Awaitable[Message]]) -> bytes | None:
    """Read the body, cut above the limit; None if the caller went away before its end."""
    chunks = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        if size <= _BODY_MAX_BYTES:
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
        if not message.get("more_body", False):
            return b"".join(chunks)


def _headers(reply: Reply) -> list[tuple[bytes, bytes]]:
    length = (b"content-length", str(len(reply.body)).encode())
    return [length, *((name.encode(), value.encode()) for name, value in reply.headers.items())]
