"""Rows on disk are those of the observations' dtype, field by field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec.structs import replace

from harness.driver.sinks import FileSink
from harness.driver.workload import Finding, Reply, Unit
from harness.driver.writer import RowWriter
from harness.history.observations import (
    BAD,
    GOOD,
    LOAD,
    REASONS,
    REFERENCE_DECLINED_BEFORE,
    REFERENCE_DECLINES,
    REFERENCE_KNOWN,
    WITNESS,
    read_rows,
)

UNIT = Unit(number=2**40, id="w7-1", stream=WITNESS, due_s=0.5, weight=2.0, golden="approve", posterior=0.25)
MOVED = replace(UNIT, posterior_before=0.125, reference=0, reference_before=1)


def test_a_row_reads_back_with_every_field_in_its_place(tmp_path: Path) -> None:
    rows = RowWriter(FileSink(tmp_path / "o"))
    finding = Finding(
        BAD,
        "golden",
        207,
        0.25,
        2**64 - 1,
        "v",
        accepted=True,
        dead_letter=True,
        declined=True,
        probability=0.75,
    )
    rows.add(MOVED, finding, due_s=1.0, reply=Reply(1.25, 1.5), version=3, boot=2**32 - 1)
    rows.close()
    (row,) = read_rows((tmp_path / "o").read_bytes())
    got = {name: row[name].item() for name in row.dtype.names}
    assert got == {
        "unit": 2**40,
        "due": 1.0,
        "sent": 1.25,
        "ended": 1.5,
        "weight": 2.0,
        "score": 0.25,
        "digest": 2**64 - 1,
        "version": 3,
        "boot": 2**32 - 1,
        "status": 207,
        "attempt": 1,
        "outcome": BAD,
        "reason": REASONS.index("golden"),
        "stream": WITNESS,
        "flags": 15,
        "posterior": 0.25,
        "posterior_before": 0.125,
        "reference": REFERENCE_KNOWN | REFERENCE_DECLINED_BEFORE,
        "probability": 0.75,
    }


def test_what_the_system_as_prepared_would_decide_is_unknown_unless_the_world_says(tmp_path: Path) -> None:
    rows = RowWriter(FileSink(tmp_path / "o"))
    for unit in (UNIT, MOVED, replace(MOVED, reference=1, reference_before=0)):
        rows.add(unit, Finding(GOOD, ""), due_s=1.0, reply=Reply(1.0, 1.0), version=0, boot=0)
    rows.close()
    read = read_rows((tmp_path / "o").read_bytes())
    assert read["reference"].tolist() == [
        0,
        REFERENCE_KNOWN | REFERENCE_DECLINED_BEFORE,
        REFERENCE_KNOWN | REFERENCE_DECLINES,
    ]
    assert np.isnan(read["posterior_before"]).tolist() == [True, False, False]


def test_rows_appear_when_flushed_and_a_second_writer_appends(tmp_path: Path) -> None:
    unit = Unit(1, "l7-1", LOAD, 0.0)
    for _ in range(2):
        rows = RowWriter(FileSink(tmp_path / "o"))
        rows.add(unit, Finding(GOOD, ""), due_s=1.0, reply=Reply(np.nan, 1.0), version=0, boot=0)
        rows.flush()
        rows.close()
    read = read_rows((tmp_path / "o").read_bytes())
    assert read["unit"].tolist() == [1, 1]
    assert np.isnan(read["sent"]).all()
    assert read["flags"].tolist() == [0, 0]
    assert np.isnan(read["posterior"]).all()
    assert np.isnan(read["probability"]).all()
