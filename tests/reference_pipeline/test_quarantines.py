"""What is left out is in no window, in this life and the next, until it is taken in again."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from reference_pipeline.door import BadRequest
from reference_pipeline.examples import LOGS, Example, Examples, Label, as_bytes
from reference_pipeline.inpath import Acts
from reference_pipeline.ports import StoreFailed
from reference_pipeline.quarantines import Quarantines
from reference_pipeline.stores import SqliteStore

FEATURES = ("amount", "hour")


class Still:
    """A clock that stands still."""

    def now_s(self) -> float:
        return 1.0

    async def rest_s(self, seconds: float, /) -> float:
        await self.sleep_s(seconds)
        return seconds

    async def sleep_s(self, seconds: float, /) -> None:
        raise AssertionError(f"nothing here waits, and not for {seconds} s")


def _life(store: SqliteStore) -> tuple[Examples, Quarantines, Acts]:
    examples, acts = Examples(store, len(FEATURES)), Acts(Still())
    examples.recover()
    quarantines = Quarantines(store, examples, FEATURES, acts)
    quarantines.recover()
    return examples, quarantines, acts


def _fill(examples: Examples) -> None:
    """Ten rows; the amount of every second one is 9999."""
    rows = {str(n): np.array([9999.0 if n % 2 else float(n), float(n)]) for n in range(10)}
    examples.take({key: Example(as_bytes(row), False, 0.1, "1.0.0", False) for key, row in rows.items()}, 10)
    examples.label([Label(key, 0) for key in rows])


def test_rows_with_the_value_are_in_no_window_and_the_cursor_goes_past_them(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "learner.db", LOGS)) as store:
        examples, quarantines, acts = _life(store)
        _fill(examples)
        quarantines.set("amount", 9999.0)
        assert examples.newest(100).rows[:, 1].tolist() == [0, 2, 4, 6, 8]
        first = examples.window(0, 4)
        assert (first.rows[:, 1].tolist(), first.last) == ([0, 2], 4)
        assert [act.act for act in acts.page(0, 10)] == ["quarantine_set"]
        again, _, _ = _life(store)
        assert len(again.newest(100).label) == 5
        quarantines.remove("amount")
        assert len(examples.newest(100).label) == 10
        assert len(_life(store)[0].newest(100).label) == 10


def test_the_same_again_is_no_act_and_none_there_is_fine(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "learner.db", LOGS)) as store:
        _, quarantines, acts = _life(store)
        quarantines.remove("amount")
        for _ in range(2):
            quarantines.set("amount", 1.0)
        quarantines.set("amount", 2.0)
        assert dict(quarantines.table) == {"amount": 2.0}
        assert len(acts.page(0, 10)) == 2


def test_a_column_that_is_not_there_is_404(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "learner.db", LOGS)) as store:
        with pytest.raises(BadRequest, match="no column") as caught:
            _life(store)[1].set("colour", 1.0)
        assert caught.value.status == 404


def test_what_cannot_be_written_is_not_in_force(tmp_path: Path) -> None:
    with closing(SqliteStore(tmp_path / "learner.db", LOGS)) as store:
        examples, quarantines, _ = _life(store)
        _fill(examples)
        with closing(sqlite3.connect(tmp_path / "learner.db", isolation_level=None)) as other:
            other.execute("DROP TABLE log_values")
        with pytest.raises(StoreFailed):
            quarantines.set("amount", 9999.0)
        assert len(examples.newest(100).label) == 10
