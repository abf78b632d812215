"""What later versions are compared with: recoveries of one campaign, class by class. Pure.

Comes in: outcomes and what they are outcomes of. Goes out: ``Baseline``, which is stored as one JSON file.
Such a file holds its own hash, so that whoever edits it by hand is told.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from harness.errors import Untrustworthy
from harness.experiment.model import Pace
from harness.verdict.outcomes import RunOutcome


class SealedFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that holds the hash of all of the rest as ``sha256``."""

    sha256: str = ""


Sealed = TypeVar("Sealed", bound=SealedFile)


class Kind(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What two campaigns must share so that their times can be compared.

    ``pack_sha256``: world, measuring profile, faults (``experiment.pack``). ``fidelity`` and ``pace``: of
    a virtual clock.
    """

    pack_sha256: str
    system: str
    arm: str
    target: str
    fidelity: str
    pace: Pace
    harness_version: str


class Baseline(SealedFile, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``times_s``: by class, seconds until served again, None = not within the horizon."""

    version: int = 1
    kind: Kind
    campaign: str
    seed: int
    made_utc: str
    times_s: dict[str, tuple[float | None, ...]]


_WHAT = {
    "pack_sha256": "world, measuring profile or faults",
    "system": "system",
    "arm": "arm",
    "target": "target",
    "fidelity": "fidelity",
    "pace": "pace",
    "harness_version": "version of Hormesis",
}


def differences(ours: Kind, theirs: Kind) -> tuple[str, ...]:
    """What keeps two kinds from being compared, in words; empty = nothing does.

    >>> one = Kind(pack_sha256="ab", system="s", arm="none", target="simulation", fidelity="exact",
    ...     pace="dense", harness_version="1")
    >>> differences(one, msgspec.structs.replace(one, pace="sparse"))
    ('another pace (dense, sparse)',)
    """
    pairs = [(what, getattr(ours, name), getattr(theirs, name)) for name, what in _WHAT.items()]
    return tuple(f"another {what} ({a[:12]}, {b[:12]})" for what, a, b in pairs if a != b)


def times_of(runs: Sequence[RunOutcome]) -> dict[str, tuple[float | None, ...]]:
    """Collect what was seen, class by class, in the order of runs; what is void is left out."""
    found: dict[str, list[float | None]] = {}
    for run in runs:
        for one in run.recoveries:
            if not one.void:
                found.setdefault(one.label, []).append(one.time_s)
    return {label: tuple(times) for label, times in sorted(found.items())}


def seal(file: Sealed) -> tuple[Sealed, bytes]:
    """Put the hash into a baseline or ledger; gives it and its bytes, the same for the same content."""
    whole = msgspec.structs.replace(file, sha256=_sha256(file))
    return whole, msgspec.json.format(msgspec.json.encode(whole, order="sorted"), indent=1) + b"\n"


def opened(data: bytes, kind: type[Sealed], name: str) -> Sealed:
    """Read such a file; Untrustworthy where it is none, or a byte was changed after it was written."""
    try:
        file = msgspec.json.decode(data, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Untrustworthy(f"{name} is no {kind.__name__.lower()}: {error}") from error
    if file.sha256 != _sha256(file) or seal(file)[1] != data:
        raise Untrustworthy(f"{name} was changed after it was written; make it anew")
    return file


def _sha256(file: SealedFile) -> str:
    plain = msgspec.structs.replace(file, sha256="")
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
