"""What the healer asks of its outside, as small protocols. All calls raise ``CallFailed`` alone.

Comes in: the deploy's own platform client. Goes out: typed answers of platform, gateway and services.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Protocol

import msgspec

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
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


class KnownRows(msgspec.Struct, frozen=True, kw_only=True):
    """Labelled decisions as columns, oldest first; ``last`` is the cursor of the newest of them.

    ``newest``: that of the newest there is. ``decided_declined``: share of declined rows among those decided
    lately, labelled or not.
    """

    last: int
    newest: int
    decided_declined: float
    label: tuple[Share, ...]
    declined: tuple[bool, ...]
    model: tuple[str, ...]
    degraded: tuple[bool, ...]


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What each version would have lost on the same labelled rows, in [0, 1] a row.

    ``golden``: golden rows, and how many of them it decides wrongly. ``refused``: versions that could not be
    asked, and why.
    """

    last: int
    losses: dict[str, tuple[Share, ...]]
    golden: dict[str, tuple[int, int]] = {}
    refused: dict[str, str] = {}


class TrainingState(msgspec.Struct, frozen=True, kw_only=True):
    """How a training stands; ``version`` once it is published, ``why`` where it failed."""

    state: Literal["waiting", "published", "failed"]
    version: str = ""
    why: str = ""
    last: int = 0
    cpu_s: float = 0.0


class ModelVersion(msgspec.Struct, frozen=True, kw_only=True):
    """One version of the registry, in the order in which they were put there."""

    version: str
    metrics: dict[str, float]
    lineage: dict[str, str]


class Experience(Protocol):
    """What the learner knows of decisions and labels."""

    async def known(self, after: int, limit: int, /) -> KnownRows:
        """Labelled decisions above the cursor ``after``."""
        ...

    async def compare(self, versions: Sequence[str], after: int, /) -> Compared:
        """Losses of ``versions`` on labelled rows above the cursor ``after``, a page of them."""
        ...

    async def train(self, key: str, kind: str, after: int, /) -> TrainingState:
        """Begin the training ``key``, or tell how it stands."""
        ...


class Models(Protocol):
    """What the registry has, and what it says is served."""

    async def champion(self) -> str:
        """The full version that is served."""
        ...

    async def versions(self) -> Sequence[ModelVersion]:
        """All versions, oldest first."""
        ...

    async def promote(self, version: str, was: str, /) -> None:
        """Let ``version`` be served from now on; the same again is no change.

        Raises:
            CallRejected: neither it nor ``was`` is served: somebody else was quicker.
        """
        ...


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
