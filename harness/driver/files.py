"""The world of a user's own file: its records in order, again and again, and golden units of another file.

Comes in: a ``Spec`` that names the files by content. Goes out: a ``World`` that knows no truth of its
records, and so cannot move.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from harness.driver.judging import decision_word
from harness.driver.spec import Spec
from harness.errors import Refused
from harness.experiment.model import Source
from harness.experiment.units import Golden, Record, read_golden, read_units
from harness.experiment.workloads import is_csv


@dataclass(frozen=True, slots=True)
class Drawn:
    """See ``harness.ports.Offers``."""

    records: Sequence[Record]
    posterior: NDArray[np.float64]
    label: NDArray[np.int8]


@dataclass(frozen=True, slots=True)
class FileWorld:
    """``start``: the place in ``records`` of the first unit, so that other seeds offer other units first."""

    records: Sequence[Record]
    goldens: Sequence[Golden]
    start: int

    def draw(self, due_s: NDArray[np.float64], /) -> Drawn:
        """See ``harness.ports.World``; nothing is known of what is true."""
        count, size = len(due_s), len(self.records)
        records = [self.records[(self.start + place) % size] for place in range(count)]
        return Drawn(records, np.full(count, np.nan), np.full(count, -1, dtype=np.int8))

    def golden(self, count: int, /) -> tuple[Sequence[Mapping[str, object]], Sequence[str]]:
        """See ``harness.ports.World``; the file's own, at most ``count``, none without a file."""
        chosen = self.goldens[:count]
        return [one.unit for one in chosen], [decision_word(one.decision) for one in chosen]


def open_files(spec: Spec) -> FileWorld:
    """Read the files of ``spec``; Refused where they are not what the plan was made of."""
    if spec.units is None:
        raise Refused("no world can be opened: the system file names neither 'workload.units' nor a 'world'")
    records = read_units(_content(spec.units), is_csv=is_csv(spec.units.path))
    goldens = () if spec.check is None else read_golden(_content(spec.check))
    return FileWorld(records, goldens, spec.seed % len(records))


def _content(source: Source) -> bytes:
    content = Path(source.path).read_bytes()
    if hashlib.sha256(content).hexdigest() != source.sha256:
        raise Refused(f"{source.path} is not what it was when the run was planned; run it again")
    return content
