"""Faults of labels: what turned out to be true is told late, not at all, to a part only, or wrongly.

Origin. Chargebacks take weeks and a feed stops without anybody noticing; only what was declined is looked
into, so that nobody learns of the rest; labelling is outsourced and noisy; and whoever can mark his own
frauds as good teaches the next model to let them pass. Whatever learns from labels learns this, too.

All are done by the driver to the labels of units that are due while the fault is on; the taint ledger knows
each. In an arm where nobody takes labels they are done all the same, and harm nobody.
Comes in: parameters from an experiment. Goes out: one ``Relabel``. The table is ``catalog.py``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

import msgspec

from harness.faults.data import UNDO, UNDONE_WITHIN_S
from harness.faults.effects import Effect, Relabel, Wrong
from harness.faults.kind import (
    Duration,
    FaultKind,
    FaultProblem,
    FieldName,
    LevelName,
    Share,
    typed,
)

PROOF = "the driver counts the units whose label it tells otherwise; the taint ledger names each"


class StopParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The labels of ``share_ratio`` of the units wait until the fault's planned end."""

    share_ratio: Share = 1.0
    duration_s: Duration | None = None


class DelayParameters(StopParameters, frozen=True, kw_only=True):
    """They take ``factor`` times as long."""

    factor: Annotated[float, msgspec.Meta(gt=1, le=1000)] = 2.0


class SelectParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Only what was declined gets a label, besides what the scenario explores."""

    duration_s: Duration | None = None


class PoisonParameters(StopParameters, frozen=True, kw_only=True):
    """Positives whose record's ``field`` is ``level`` are told to be none."""

    field: FieldName
    level: LevelName


def wrong(how: Wrong, *, only: int = -1) -> Callable[[msgspec.Struct], Effect]:
    """Make the compile function of labels told wrongly in the way ``how``; ``only`` those that are that.

    >>> wrong("delay")(DelayParameters(factor=3.0)).factor
    3.0
    """

    def compile_wrong(given: msgspec.Struct) -> Effect:
        if isinstance(given, StopParameters) and not given.share_ratio > 0:
            raise FaultProblem("share_ratio is 0: no label would be touched", argument="share_ratio")
        return Relabel(how=how, only=only, **msgspec.structs.asdict(given))

    return compile_wrong


def _row(
    kind: str, what: str, parameters: type[msgspec.Struct], compile_one: Callable[[msgspec.Struct], Effect]
) -> FaultKind:
    return FaultKind(
        kind=kind,
        parameters=parameters,
        compile=typed(parameters, compile_one),
        what=what,
        proof=PROOF,
        undo=UNDO,
        undone_within_s=UNDONE_WITHIN_S,
    )


ROWS = (
    _row("labels.delay", "labels take longer to become known", DelayParameters, wrong("delay")),
    _row("labels.stop", "no labels come until the fault's planned end", StopParameters, wrong("stop")),
    _row("labels.noise", "labels are told the wrong way round", StopParameters, wrong("flip")),
    _row("labels.selective", "only what was declined gets a label", SelectParameters, wrong("select")),
    _row(
        "labels.poison",
        "positives of one part of the records are told to be none",
        PoisonParameters,
        wrong("flip", only=1),
    ),
)
