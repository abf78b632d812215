"""The gateway's switches for a healer: names that missing fields are read from, a canary's share; durable.

Comes in: a field and the name that records have instead, or a share of the traffic. Goes out: what holds
now. The store is asked first, memory follows, so that a restarted gateway goes on as before.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

import msgspec

from reference_pipeline.inpath import Acts
from reference_pipeline.ports import Clock, Store, StoreFailed
from reference_pipeline.records import FeatureSpec

_MAPPINGS = "mappings"  # named value: JSON object, field -> name in the record
_TABLE = msgspec.json.Decoder(dict[str, str])
_CANARY = "canary"  # named value: a number
CANARY_LEASE_S = 30.0


class Mappings:
    """The table of renamed fields of one gateway."""

    def __init__(self, store: Store, spec: FeatureSpec, acts: Acts) -> None:
        self._store = store
        self._acts = acts
        self._fields = frozenset(field.name for field in spec.fields)
        self._table: dict[str, str] = _TABLE.decode(store.find("values", _MAPPINGS) or b"{}")

    @property
    def table(self) -> Mapping[str, str]:
        """Field -> the name it is read from where it is missing."""
        return self._table

    def problem(self, field: str, source: str) -> str:
        """Say why ``field`` cannot be read from ``source``; empty if it can."""
        if field not in self._fields:
            return f"{field[:60]!r} is no field of the contract: {', '.join(sorted(self._fields))}"
        if source in self._fields or source == "id":
            return f"{source!r} is a field of its own; it cannot stand for {field!r}"
        return "" if source else "from is empty"

    def set(self, field: str, source: str) -> None:
        """Read ``field`` from ``source`` from now on.

        Raises:
            StoreFailed: nothing has changed.
        """
        changed = self._table.get(field) != source
        if changed:
            self._keep({**self._table, field: source})
        self._acts.note("mapping_set", f"{field} from {source}", effect=changed)

    def remove(self, field: str) -> bool:
        """Take a mapping back; False if there was none.

        Raises:
            StoreFailed: nothing has changed.
        """
        changed = field in self._table
        if changed:
            self._keep({name: source for name, source in self._table.items() if name != field})
        self._acts.note("mapping_removed", field[:60], effect=changed)
        return changed

    def _keep(self, table: dict[str, str]) -> None:
        self._store.commit([], {_MAPPINGS: msgspec.json.encode(table)})
        self._table = table


class Canary:
    """Which share of the traffic the second scorer gets beside what the configuration gives it.

    It has a lease: a healer that died in the middle of a rollout must not leave it there.
    """

    def __init__(self, store: Store, acts: Acts, clock: Clock) -> None:
        self._store = store
        self._acts = acts
        self._clock = clock
        self._share = float(store.find("values", _CANARY) or 0.0)
        self._until_s = clock.now_s() + CANARY_LEASE_S

    @property
    def share(self) -> float:
        """The share that holds now; 0 once nobody has asked for it for ``CANARY_LEASE_S``."""
        if self._share and self._clock.now_s() >= self._until_s:
            self._share = 0.0
            self._acts.note("canary_over", "nobody has asked for it any more", effect=True)
            with suppress(StoreFailed):  # else its lease begins anew with the next life
                self._keep(0.0)
        return self._share

    def set(self, share: float) -> None:
        """Give it ``share``, in [0, 1], from now on.

        Raises:
            StoreFailed: nothing has changed.
        """
        changed = share != self.share
        if changed:
            self._keep(share)
            self._share = share
        self._until_s = self._clock.now_s() + CANARY_LEASE_S
        self._acts.note("canary_set", f"{share:g}", effect=changed)

    def _keep(self, share: float) -> None:
        self._store.commit([], {_CANARY: repr(share).encode()})
