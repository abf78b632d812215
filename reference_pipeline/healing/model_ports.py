"""What the healer asks of learner and registry, as small protocols. All calls raise ``CallFailed`` alone.

Comes in: the answers of ``learner_service`` and ``registry_service``. Goes out: typed values.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Protocol

import msgspec

from reference_pipeline.healing.raw_rows import RawBatches
from reference_pipeline.healing.refused_fields import RefusedBatches
from reference_pipeline.healing.sliced_rows import SlicedRows
from reference_pipeline.healing.version_scores import VersionScores

Share = Annotated[float, msgspec.Meta(ge=0, le=1)]


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


class RowBatch(msgspec.Struct, frozen=True, kw_only=True):
    """Decided rows as components, empty where nothing is known; ``version`` scored most of them."""

    number: int
    phase: int
    rows: tuple[float, ...]
    version: str
    scores: tuple[float, ...]


class RowBatches(msgspec.Struct, frozen=True, kw_only=True):
    """One page; ``last``: the number of the newest batch there is.

    ``serving``: the version that scored most of the newest hundred rows, "" where none did.
    """

    batches: tuple[RowBatch, ...]
    last: int
    serving: str = ""


class Experience(Protocol):
    """What the learner knows of decisions and labels."""

    async def known(self, after: int, limit: int, /) -> KnownRows:
        """Labelled decisions above the cursor ``after``."""
        ...

    async def slices(self, after: int, limit: int, /) -> SlicedRows:
        """Labelled decisions above the cursor ``after`` by parts, also those that are left out."""
        ...

    async def batches(self, after: int, limit: int, /) -> RowBatches:
        """Batches of decided rows with a number above ``after``."""
        ...

    async def raw_batches(self, after: int, limit: int, /) -> RawBatches:
        """Batches of decided rows as they are, the newest ones only."""
        ...

    async def leave_out(self, column: str, value: float, /) -> None:
        """Learn and compare without rows in which ``column`` has ``value``; the same again is no change."""
        ...

    async def take_in(self, column: str, /) -> None:
        """Learn and compare with all rows of ``column`` again; none left out is fine."""
        ...

    async def refused(self, after: int, limit: int, /) -> RefusedBatches:
        """Accepted records by the hundred, numbers above ``after``: what the contract refused of them."""
        ...

    async def version_scores(self, version: str, /) -> VersionScores:
        """Tell what the scores of ``version`` look like on stored rows; it is made where it is not there."""
        ...

    async def compare(self, versions: Sequence[str], after: int, /) -> Compared:
        """Losses of ``versions`` on labelled rows above the cursor ``after``, a page of them."""
        ...

    async def train(self, key: str, kind: str, after: int, /) -> TrainingState:
        """Begin the training ``key``, or tell how it stands."""
        ...

    async def drop(self, key: str, /) -> TrainingState:
        """Give up the training ``key``; one that is over stays as it is, and says so."""
        ...


class Models(Protocol):
    """What the registry has, and what it says is served."""

    async def aliases(self) -> Mapping[str, str]:
        """Where aliases point: ``champion`` at the full version that serves, ``candidate`` at one offered."""
        ...

    async def versions(self) -> Sequence[ModelVersion]:
        """All versions, oldest first."""
        ...

    async def set_canary(self, version: str, /) -> None:
        """Let the second scorer serve ``version``; the same again is no change."""
        ...

    async def promote(self, version: str, was: str, /) -> None:
        """Let ``version`` be served from now on; the same again is no change.

        Raises:
            CallRejected: neither it nor ``was`` is served: somebody else was quicker.
        """
        ...
