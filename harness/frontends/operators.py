"""The operator file: what may be hurt on this machine, said by whoever owns it and not by an experiment.

Comes in: the environment, the work trees of a command. Goes out: ``Limits`` of a target, or ``Refused``.
The file is ``HORMESIS_OPERATOR_FILE``, else the first of ``/etc/hormesis/targets.toml`` and
``~/.config/hormesis/targets.toml`` that is there. One that lies in a work tree, or that others may write,
is refused: whoever sends a change could write it.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Literal

import msgspec

from harness.errors import Refused
from harness.experiment.model import System
from harness.plan.safety import LOCAL, NO_OPERATOR, Limits
from harness.run.root import work_tree
from harness.shell import environment

VARIABLE = "HORMESIS_OPERATOR_FILE"
_PLACES = ("/etc/hormesis/targets.toml", "~/.config/hormesis/targets.toml")
_BYTES_MAX = 64 * 1024


class OperatorFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file as TOML: ``[targets.local]`` with ``faults`` and ``max_targets``."""

    targets: dict[Literal["local"], Limits]


def operator_limits(target: str, *files: Path) -> Limits:
    """What the operator allows on ``target``; without a file what holds for everybody.

    ``files``: what is asked for, experiments and systems; the operator file lies outside of their work
    trees and of the one that this process stands in. A virtual clock hurts nothing, and needs nobody's leave.
    """
    path = _place()
    if path is None or target != LOCAL:
        return NO_OPERATOR
    for tree in {work_tree(Path.cwd()), *map(work_tree, files)}:
        if path.is_relative_to(tree):
            raise Refused(f"the operator file {path} lies in the work tree {tree}: keep it outside")
    try:
        found = msgspec.toml.decode(_read(path), type=OperatorFile)
    except OSError as error:
        raise Refused(f"the operator file {path} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Refused(f"the operator file {path} is wrong, so nothing is allowed: {error}") from error
    if LOCAL not in found.targets:
        raise Refused(
            f"the operator file {path} allows nothing on target {target}: it has no [targets.local]"
        )
    return found.targets[LOCAL]


def parts_of(system: System) -> int:
    """How many services and edges a system has, of which a share may be hurt at a time."""
    return len(system.services) + len(system.all_edges)


def _place() -> Path | None:
    if named := environment(VARIABLE):
        return Path(named).resolve()
    home = environment("HOME") or "/nonexistent"
    places = (Path(place.replace("~", home, 1)) for place in _PLACES)
    return next((place.resolve() for place in places if place.exists()), None)


def _read(path: Path) -> bytes:
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode) or found.st_size > _BYTES_MAX:
            raise Refused(f"the operator file {path} is no plain file of at most {_BYTES_MAX} bytes")
        if found.st_uid not in (0, os.geteuid()) or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise Refused(f"the operator file {path} may be written by others; make it its owner's alone")
        return file.read()
