"""One training as files in a folder, so that the process that fits can be killed at any point.

Comes in: a job, the bytes of its parent model, labelled rows. Goes out: an artefact with its metrics, or why
there is none. The learner writes ``job.json``, ``parent.npz`` and ``data.npz``; the child that fits reads
them, leaves checkpoints, and writes ``result.json`` last. A folder with a result is done; one without is
taken up again from its newest checkpoint, and gives the same bytes as if nothing had happened.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Literal

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.folders import Folder
from reference_pipeline.records import FeatureSpec

JOB_FILE, PARENT_FILE, DATA_FILE, RESULT_FILE, ARTEFACT_FILE = (
    "job.json",
    "parent.npz",
    "data.npz",
    "result.json",
    "artefact.npz",
)
SPENT_FILE, LOCK_FILE = "cpu_s.log", "lock"
Kind = Literal["adapt", "recalibrate", "anew"]
"""On top of the parent by more trees, or by its constant alone; or from nothing, as the arm ``seed`` does."""


class Job(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What to fit: ``kind`` on top of ``parent`` (full version), to be called ``version`` (semantic).

    ``after`` and ``last``: the cursors of labelled examples that the rows lie between, for the lineage.
    """

    key: str
    kind: Kind
    parent: str
    parent_sha256: str
    version: str
    after: int
    last: int
    spec: FeatureSpec


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """How it went: ``why`` is empty where there is an artefact. What it cost is in another file."""

    why: str = ""
    sha256: str = ""
    metrics: dict[str, float] = {}
    lineage: dict[str, str] = {}
    resumed_at: int = 0


def write_job(
    folder: Folder, job: Job, parent: bytes, *, rows: NDArray[np.float64], label: NDArray[np.float64]
) -> None:
    """Write what the child needs; ``job.json`` last, so that a folder with one is whole."""
    folder.write(PARENT_FILE, parent)
    buffer = io.BytesIO()
    np.savez(buffer, rows=rows, label=label)
    folder.write(DATA_FILE, buffer.getvalue())
    folder.write(JOB_FILE, msgspec.json.encode(job))


def read_job(folder: Folder) -> Job | None:
    """Read the job of ``folder``; None where it was not written whole."""
    data = folder.read(JOB_FILE)
    return None if data is None else msgspec.json.decode(data, type=Job)


def read_result(folder: Folder) -> Result | None:
    """Read how the job of ``folder`` went; None where it is not over."""
    data = folder.read(RESULT_FILE)
    return None if data is None else msgspec.json.decode(data, type=Result)


class Spending:
    """What a fit costs, written down bit by bit: a child that is killed has cost what it has cost.

    ``used_s`` gives the processor time of this process, in seconds. A line is what came on top of the last.
    """

    def __init__(self, folder: Folder, used_s: Callable[[], float]) -> None:
        self._folder = folder
        self._used_s = used_s
        self._told_s = 0.0

    def note(self) -> None:
        """Write down what was used since the last note."""
        used_s = self._used_s()
        self._folder.append(SPENT_FILE, f"{used_s - self._told_s:.4f}\n".encode("ascii"))
        self._told_s = used_s


def spent_s(folder: Folder) -> float:
    """Processor time that the job of ``folder`` has cost in all its lives, in seconds.

    A last line that was cut off is left out.
    """
    lines = (folder.read(SPENT_FILE) or b"").decode("ascii").split("\n")[:-1]
    return sum(map(float, lines))
