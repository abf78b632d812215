"""M-17: ingestion retry: exponential back-off, and after three failures an alternative source.

Comes in: two sources. Goes out: a batch and which of them gave it. The clock is passed in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, Literal, TypeVar

from reference_pipeline.ports import Clock

Batch = TypeVar("Batch")

FAILURES = 3
FIRST_WAIT_S = 1.0


@dataclass(frozen=True, slots=True)
class Ingested(Generic[Batch]):
    """A batch and the source that gave it."""

    batch: Batch
    source: Literal["primary", "alternative"]


async def ingest(
    primary: Callable[[], Awaitable[Batch]],
    alternative: Callable[[], Batch],
    clock: Clock,
    *,
    fails_with: type[Exception],
    failures: int = FAILURES,
    first_wait_s: float = FIRST_WAIT_S,
) -> Ingested[Batch]:
    """Ask ``primary`` up to ``failures`` times, then take the batch of ``alternative``.

    The waits between the tries double: 1 s, 2 s. Known defects: it has no memory, so while the
    primary is down every single batch pays all tries and 3 s of waits before it turns aside; the
    alternative is never checked, for freshness or at all; nothing in the batch itself says which it was.

    Raises:
        Exception: whatever ``alternative`` raises; there is no third source.
    """
    for attempt in range(failures):
        try:
            return Ingested(await primary(), "primary")
        except fails_with:
            if attempt + 1 < failures:
                await clock.sleep_s(first_wait_s * 2**attempt)
    return Ingested(alternative(), "alternative")
