"""What decides a run besides its plan: the code of the harness and of the system, versions of libraries.

Comes in: the folder of a system. Goes out: one hash, the same wherever the same code lies.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

import harness
from harness.run.campaign import versions

_SUFFIXES = (".py", ".yaml", ".json")
"""Costs of services are JSON beside the code, and decide outcomes as code does."""


def code_sha256(system_dir: Path) -> str:
    """Hash all code of the harness and of the system by path and content, as 64 hex digits.

    Runs of one hash may be put into one table; others may differ for reasons that nobody sees.
    """
    digest = hashlib.sha256(msgspec.json.encode(versions(), order="sorted"))
    for folder in (Path(harness.__file__).parent, system_dir):
        files = (path for path in folder.rglob("*") if path.suffix in _SUFFIXES and path.is_file())
        for path in sorted(files):
            data = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()} {len(data)}\n".encode() + data)
    return digest.hexdigest()
