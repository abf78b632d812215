"""The work of the child that fits: a job's folder in, an artefact and its result in the same folder.

Next to ``jobs``, which is all that the learner itself needs: no training library is imported there.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable
from typing import cast

import msgspec
import numpy as np
from numpy.typing import NDArray

from reference_pipeline.adaptation import TREES, TooFewLabels, adapt, refuse_few
from reference_pipeline.arrays import unpacked
from reference_pipeline.checkpoints import Checkpoint, newest_checkpoint, save_checkpoint
from reference_pipeline.folders import Folder
from reference_pipeline.jobs import (
    ARTEFACT_FILE,
    DATA_FILE,
    JOB_FILE,
    PARENT_FILE,
    RESULT_FILE,
    Job,
    Result,
    Spending,
)
from reference_pipeline.rollout import Comparison, compare, losses
from reference_pipeline.scoring import Model, Trees, dump_model, load_model
from reference_pipeline.training import Champion, Labelled, train_champion

HOLDOUT_SHARE = 0.2  # the newest rows, which no tree sees: metrics are of what comes after the training rows
CHECKPOINT_EVERY = 4  # trees
GATE_LEVEL = 1e-3  # that a model no worse than its parent is called worse


def run_job(folder: Folder, *, cpu_s: Callable[[], float], go_on: Callable[[], None]) -> Result:
    """Fit the job of ``folder``, from its newest checkpoint on, and write the result.

    ``cpu_s`` gives the processor time of this process, in seconds, which is written down after each tree;
    ``go_on`` is called after each tree, and raises where nobody waits for the result any more.
    """
    spending = Spending(folder, cpu_s)
    spending.note()
    job = msgspec.json.decode(_there(folder, JOB_FILE), type=Job)
    parent = load_model(_there(folder, PARENT_FILE), job.parent_sha256)
    done = newest_checkpoint(folder)

    def spent_and_wanted() -> None:
        spending.note()
        go_on()

    try:
        adapted = _fitted(folder, job, parent, begun=done, after_tree=spent_and_wanted)
    except TooFewLabels as error:
        result = Result(why=str(error))
    else:
        folder.write(ARTEFACT_FILE, adapted.artefact)
        why = holdout_gate(folder, job, parent, adapted.artefact)
        result = Result(
            why=why,
            sha256=hashlib.sha256(adapted.artefact).hexdigest(),
            metrics=dict(adapted.metrics),
            lineage=dict(adapted.lineage),
            resumed_at=done.step if done else 0,
        )
    spending.note()
    folder.write(RESULT_FILE, msgspec.json.encode(result))
    return result


def holdout_gate(folder: Folder, job: Job, parent: Model, artefact: bytes) -> str:
    """Say why the model is not worth a place in the registry: it is proven worse than its parent; else "".

    Both decide the newest rows, which no tree has seen. A model from nothing has no such gate: the recipes
    that ask for one bring their own.
    """
    if job.kind == "anew":
        return ""
    _, holdout = _rows(folder)
    model = load_model(artefact, hashlib.sha256(artefact).hexdigest())
    costs = job.spec.costs
    ours, theirs = (
        losses(
            one.score(holdout.rows) >= one.threshold,
            np.asarray(holdout.label, dtype=np.float64),
            missed=costs.missed_fraud,
            annoyed=costs.declined_good,
        )
        for one in (model, parent)
    )
    told = compare(Comparison(), theirs, ours)
    if told.word(level=GATE_LEVEL) != "worse":
        return ""
    return f"on the newest {told.rows} rows it loses more than {parent.version}"


def _there(folder: Folder, name: str) -> bytes:
    """Read what the learner wrote before it asked for the fit."""
    data = folder.read(name)
    if data is None:
        raise FileNotFoundError(f"this is no job: there is no {name}")
    return data


def _rows(folder: Folder) -> tuple[Labelled, Labelled]:
    """Read the rows to learn from, and the newest ones that are held out."""
    arrays = unpacked(io.BytesIO(_there(folder, DATA_FILE)))
    rows, label = cast("NDArray[np.float64]", arrays["rows"]), cast("NDArray[np.int8]", arrays["label"])
    split = len(label) - int(len(label) * HOLDOUT_SHARE)
    return Labelled(rows[:split], label[:split]), Labelled(rows[split:], label[split:])


def _fitted(
    folder: Folder, job: Job, parent: Model, *, begun: Checkpoint | None, after_tree: Callable[[], None]
) -> Champion:
    def kept(number: int, trees: Trees) -> None:
        if number % CHECKPOINT_EVERY == 0:
            save_checkpoint(folder, number, _unfinished(parent, trees))
        after_tree()

    recent, holdout = _rows(folder)
    lineage = {
        "source": "labels",
        "kind": job.kind,
        "key": job.key,
        "after": str(job.after),
        "last": str(job.last),
    }
    if job.kind == "anew":
        refuse_few(recent)
        lineage["parent"] = parent.version
        return train_champion(recent, holdout, spec=job.spec, version=job.version, lineage=lineage)
    return adapt(
        parent,
        recent,
        holdout,
        spec=job.spec,
        version=job.version,
        lineage=lineage,
        trees=TREES if job.kind == "adapt" else 0,
        begun=load_model(begun.data, hashlib.sha256(begun.data).hexdigest()).trees if begun else None,
        kept=kept,
    )


def _unfinished(parent: Model, trees: Trees) -> bytes:
    """Encode a model like any other, of which nobody knows the version."""
    return dump_model(
        trees,
        version=parent.version,
        threshold=parent.threshold,
        features=parent.features,
        metrics={},
        lineage={},
    )
