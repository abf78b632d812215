"""Failures as files: a schedule, all that it was played with, and how it failed; played again for ever after.

Comes in: a shrunk failure. Goes out: ``<hash>.json``, and later whether it fails so, otherwise, or
no more. A file whose failure was mended says so in ``mended``, with the reason; then it must not fail again.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from harness.errors import Refused, Untrustworthy
from harness.experiment.model import Arm
from harness.run.writing import write_whole
from harness.search.limits import Limits
from harness.search.outcome import Outcome, Signature
from harness.search.schedule import Schedule
from harness.search.wording import schedule_text

KERNEL = 2
"""Version of the simulated world: digests of two of them are never compared. Raise it where events differ."""


class Regression(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file. ``experiment`` and ``simulation`` name the system, ``knobs`` and ``prepared`` its world.

    ``prepared``: hash of what ``prepare`` made; where it differs, the digest is not compared. ``mended``: why
    it fails no more, "" = it does. ``local``: what became of it on real processes, or why it is not played
    there; whoever keeps a file for ever after writes that by hand.
    """

    version: Literal[1] = 1
    kernel: int = KERNEL
    harness_version: str
    experiment: str
    simulation: str = ""
    knobs: dict[str, str | int | float | bool] | None = None
    prepared: str
    seed: int
    arm: Arm
    limits: Limits
    schedule: Schedule
    signature: Signature
    detail: str
    digest: str
    mended: Annotated[str, msgspec.Meta(max_length=500)] = ""
    local: Annotated[str, msgspec.Meta(max_length=500)] = ""


def name_of(regression: Regression) -> str:
    """Name the file by what is played and how it fails, not by what else is told."""
    played = (regression.experiment, regression.simulation, regression.knobs, regression.seed, regression.arm)
    told = msgspec.json.encode((*played, regression.schedule, regression.signature), order="deterministic")
    return f"{hashlib.blake2b(told, digest_size=6).hexdigest()}.json"


def write(regression: Regression, folder: Path) -> Path:
    """Write the file, whole or not at all; one of the same failure is replaced.

    Raises:
        Untrustworthy: it cannot be written; says what would be lost.
    """
    file = folder / name_of(regression)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(file, msgspec.json.format(msgspec.json.encode(regression), indent=1) + b"\n")
    except OSError as error:
        found = f"{regression.signature.invariant} breaks under {schedule_text(regression.schedule)}"
        raise Untrustworthy(f"{file} cannot be written ({error}), and this was found: {found}") from error
    return file


def read(file: Path) -> Regression:
    """Read a file; ``Refused`` says what is wrong with it."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=Regression)
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"{file} is no regression: {error}") from error


def prepared_hash(template: Path) -> str:
    """Hash what ``prepare`` says that it made: its manifest, "" where there is none."""
    manifest = template / "manifest.json"
    return hashlib.sha256(manifest.read_bytes()).hexdigest()[:16] if manifest.is_file() else ""


def why_not(regression: Regression, outcome: Outcome, *, prepared: str, harness_version: str) -> str:
    """Say why the file does not hold any more; "" where it does.

    A digest that differs where nothing else does is told: the world is not the one it was.
    """
    if outcome.void:
        return f"nothing can be said of the episode: {outcome.void}"
    broken = ", ".join(sorted(f"{one.invariant} ({one.stuck})" for one in outcome.signatures()))
    if regression.mended:
        return _not_mended(regression, outcome, broken)
    if regression.signature not in outcome.signatures():
        return (
            f"{regression.signature.invariant} ({regression.signature.stuck}) does not break any more, but "
            f"{broken or 'nothing'}; say why in 'mended', or find out"
        )
    same = (prepared, harness_version, KERNEL) == (
        regression.prepared,
        regression.harness_version,
        regression.kernel,
    )
    if same and outcome.digest != regression.digest:
        return f"it fails, and its world has the digest {outcome.digest}, not {regression.digest}"
    return ""


def _not_mended(regression: Regression, outcome: Outcome, broken: str) -> str:
    """Why what was mended is not proven to be so; what nothing meets proves nothing."""
    if broken:
        return f"it fails again, by {broken}, and was mended: {regression.mended}"
    if not any(one.met for one in outcome.met):
        return "nothing meets any fault of it: it proves nothing any more; change its schedule, or remove it"
    return ""
