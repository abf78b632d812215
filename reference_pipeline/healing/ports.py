"""What the healer asks of its outside, as small protocols. All calls raise ``CallFailed`` alone.

Comes in: the deploy's own platform client. Goes out: typed answers of platform, gateway and services.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal, Protocol

import msgspec

ServiceState = Literal["stopped", "starting", "ready", "unready", "backoff"]


class PlatformService(msgspec.Struct, frozen=True, kw_only=True):
    """One row of ``GET /v1/services``, as far as the healer needs it; more fields may come."""

    name: str
    state: ServiceState
    boot_id: str = ""


class DeadLetter(msgspec.Struct, frozen=True, kw_only=True):
    """One record in the dead letters: as it came, and why it broke the contract."""

    seq: int
    id: str
    record: dict[str, object]
    why: tuple[str, ...]


class DeadLetters(msgspec.Struct, frozen=True, kw_only=True):
    """One page. ``last`` is the cursor for the next one; it stands still only where nothing is left to read.

    ``rows`` may be empty before the end: what was replayed meanwhile is skipped.
    """

    rows: tuple[DeadLetter, ...]
    last: int


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """Ids that were decided and left the dead letters, and ids that were not: they break the contract still,

    or a hop failed, so asking for them again later may help.
    """

    replayed: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()


class Platform(Protocol):
    """The supervisor, or whatever starts processes here (docs/protocols/supervisor.md)."""

    async def services(self) -> Sequence[PlatformService]:
        """All services as the platform sees them now.

        Raises:
            CallFailed: it did not say so in time (about 1 s).
        """
        ...

    async def restart(self, name: str, key: str, /) -> None:
        """Stop and start ``name``; ``key`` goes out as ``Idempotency-Key``: twice is once.

        Raises:
            CallFailed: unknown whether it was done (give it 10 s: a stopped process takes 2 s to end).
        """
        ...


class GatewaySwitches(Protocol):
    """What the healer may change in the request path; each call may be repeated without harm."""

    async def set_mapping(self, field: str, source: str, /) -> None:
        """Read ``field`` from the name ``source`` in records that lack it, from now on."""
        ...

    async def remove_mapping(self, field: str, /) -> None:
        """Take the mapping of ``field`` back; none there is fine."""
        ...

    async def set_canary(self, share: float, /) -> None:
        """Let the second scorer have this share of the traffic from now on."""
        ...

    async def replay(self, ids: Sequence[str], /) -> Replayed:
        """Decide those of the dead letters ``ids`` (at most 256) that now keep the contract."""
        ...


class Signals(Protocol):
    """What the healer looks at."""

    async def boot_id(self, service: str, deadline_s: float, /) -> str:
        """The boot id that ``service`` answers on its health route; one attempt."""
        ...

    async def numbers(self, service: str, /) -> Mapping[str, float]:
        """The signals of ``service``."""
        ...

    async def dead_letters(self, after: int, limit: int, /) -> DeadLetters:
        """Dead letters not yet replayed with a seq above ``after``, in order."""
        ...
