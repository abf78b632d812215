"""What the learner leaves out of all that it learns and compares: a value of a column, durable.

Comes in: a column of the features and the value that stands for a missing one. Goes out: the table in force.
The store is asked first, memory follows, so that a restarted learner goes on as before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from reference_pipeline.door import BadRequest
from reference_pipeline.examples import Examples
from reference_pipeline.inpath import Acts
from reference_pipeline.ports import Store

_NAME = "quarantines"  # named value: JSON object, column -> value
_TABLE = msgspec.json.Decoder(dict[str, float])


class Quarantines:
    """The table of one learner; ``features`` name the columns of the rows in ``examples``."""

    def __init__(self, store: Store, examples: Examples, features: Sequence[str], acts: Acts) -> None:
        self._store = store
        self._examples = examples
        self._columns = {name: number for number, name in enumerate(features)}
        self._acts = acts
        self._table: Mapping[str, float] = {}

    @property
    def table(self) -> Mapping[str, float]:
        """Column -> the value that is left out."""
        return self._table

    def recover(self) -> None:
        """Take up what an earlier life left out."""
        self._use(_TABLE.decode(self._store.find("values", _NAME) or b"{}"))

    def set(self, column: str, value: float) -> None:
        """Leave rows in which ``column`` has ``value`` out from now on.

        Raises:
            BadRequest: 404 where there is no such column.
            StoreFailed: nothing has changed.
        """
        if column not in self._columns:
            raise BadRequest(f"no column {column[:60]!r} in the features", 404)
        if self._table.get(column) != value:
            self._keep({**self._table, column: value})
            self._acts.note("quarantine_set", f"{column} = {value:g}", effect=False)

    def remove(self, column: str) -> None:
        """Take all rows of ``column`` in again; nothing where none is left out.

        Raises:
            StoreFailed: nothing has changed.
        """
        if column in self._table:
            self._keep({name: value for name, value in self._table.items() if name != column})
            self._acts.note("quarantine_removed", column[:60], effect=False)

    def _keep(self, table: Mapping[str, float]) -> None:
        self._store.commit([], {_NAME: msgspec.json.encode(table)})
        self._use(table)

    def _use(self, table: Mapping[str, float]) -> None:
        self._table = table
        self._examples.left_out = {self._columns[name]: value for name, value in table.items()}
