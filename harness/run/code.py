"""What decides a run besides its plan: the code of the harness and of the system, versions of libraries.

Comes in: the folder of a system. Goes out: one hash, the same wherever the same code lies.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec

import harness

WATCHED = ("aiohttp", "msgspec", "numpy", "scikit-learn", "scipy", "uvicorn")
"""Distributions whose versions go into the manifest: those that a figure may depend on."""
_NO_CODE = frozenset(("__pycache__", "node_modules", "reports"))
_SUFFIXES = (".py", ".yaml", ".json")
"""Costs of services are JSON beside the code, and decide outcomes as code does."""


def code_sha256(system_dir: Path) -> str:
    """Hash all code of the harness and of the system by path and content, as 64 hex digits.

    Runs of one hash may be put into one table; others may differ for reasons that nobody sees.
    """
    digest = hashlib.sha256(msgspec.json.encode(versions(), order="sorted"))
    for folder in (Path(harness.__file__).parent, system_dir):
        for path in sorted(_files(folder)):
            data = path.read_bytes()
            digest.update(f"{path.relative_to(folder).as_posix()} {len(data)}\n".encode() + data)
    return digest.hexdigest()


def versions() -> dict[str, str]:
    """List the versions that a figure may depend on; what is not installed is left out."""
    found = {"hormesis": harness.__version__}
    for name in WATCHED:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def _files(folder: Path) -> Iterator[Path]:
    """What may be code: not what is hidden, an environment, or made by runs."""
    for place, folders, names in os.walk(folder):
        folders[:] = [
            name
            for name in folders
            if name[0] != "." and name not in _NO_CODE and not Path(place, name, "pyvenv.cfg").exists()
        ]
        paths = (Path(place, name) for name in names)
        yield from (path for path in paths if path.suffix in _SUFFIXES and path.is_file())
