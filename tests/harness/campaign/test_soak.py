"""Hundreds of chunks through one process: what it holds does not grow with what it has done."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest

from harness.campaign.engine import run_chunks
from harness.campaign.executor import Rows
from harness.campaign.parts import held
from harness.campaign.worker import Chunk
from tests.harness.campaign.campaign_kit import Toy, chunk_of, written
from tests.harness.campaign.rows_kit import question
from tests.harness.campaign.test_engine import Here

CHUNKS = 300
WARM = 60
SLOPE_KB_MAX = 1.0
SLOPE_BLOCKS_MAX = 4.0
"""A chunk here is one run of 24 virtual seconds; whatever is left over from each world is more than that."""


def slope(seen: Sequence[float]) -> float:
    """What is added a chunk, by least squares, after the first ones: caches fill there."""
    warm = np.asarray(seen[WARM:], dtype=np.float64)
    return float(np.polyfit(np.arange(len(warm)), warm, 1)[0])


def resident_kb() -> float:
    return psutil.Process(os.getpid()).memory_info().rss / 1024


@pytest.mark.slow
@pytest.mark.timeout(1200)
def test_a_worker_does_not_grow_with_its_worlds(tmp_path: Path, small_template: Path, record_property):
    """SR-40: resident memory, and Python's own blocks; garbage is collected before each look."""
    work: Chunk = chunk_of(written(tmp_path), small_template, pairs_max=CHUNKS)
    held_kb, blocks = np.zeros(CHUNKS), np.zeros(CHUNKS)
    for chunk in range(CHUNKS):
        (row,) = work(chunk)
        assert row.doubt() == ""
        gc.collect()
        held_kb[chunk], blocks[chunk] = resident_kb(), sys.getallocatedblocks()
    record_property("slope_kb_a_chunk", slope(held_kb))
    record_property("slope_blocks_a_chunk", slope(blocks))
    assert slope(held_kb) < SLOPE_KB_MAX, held_kb[::20]
    assert slope(blocks) < SLOPE_BLOCKS_MAX, blocks[::20]


@pytest.mark.slow
def test_the_merging_process_does_not_grow_with_the_rows(tmp_path: Path, record_property):
    """SR-40: ten pairs a chunk, four runs a pair: a row that stays would be some 300 bytes, 12 kB a chunk."""
    asked = question(pairs_max=CHUNKS * 10, pairs_a_chunk=10)
    held_kb: list[float] = []

    class Watched(Toy):
        def __call__(self, chunk: int) -> Rows:
            held_kb.append(resident_kb())
            return super().__call__(chunk)

    with held(tmp_path, asked) as parts:
        merge = run_chunks(Watched(asked), Here(), parts, tell=lambda _: None, look=lambda: None)
    assert merge.tally.pairs == CHUNKS * 10
    record_property("slope_kb_a_chunk", slope(held_kb))
    assert slope(held_kb) < SLOPE_KB_MAX, held_kb[::20]


def test_a_slope_would_be_seen():
    assert slope([1000.0] * CHUNKS) == pytest.approx(0.0, abs=1e-9)
    assert slope([5.0 * chunk for chunk in range(CHUNKS)]) > SLOPE_KB_MAX
