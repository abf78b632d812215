"""JSON from strangers: one decoding function, one error, whatever the bytes are."""

from __future__ import annotations

from typing import TypeVar

import msgspec

from reference_pipeline.errors import PipelineError

T = TypeVar("T")


class NotUnderstood(PipelineError):
    """Bytes that are no such JSON: syntax, UTF-8, nesting, a field missing or of another type."""


def decoded(decoder: msgspec.json.Decoder[T], body: bytes) -> T:
    """Decode ``body``.

    Raises:
        NotUnderstood: in place of the three unrelated classes that the decoder raises.

    >>> decoded(msgspec.json.Decoder(list[int]), b"[1, 2]")
    [1, 2]
    """
    try:
        return decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise NotUnderstood(str(error)) from error
