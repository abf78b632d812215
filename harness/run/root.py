"""Where campaigns, prepared systems and failures that were found are kept, and which checkout a file is of.

Comes in: the environment, a path. Goes out: a folder; that of the store may not be there yet.
"""

from __future__ import annotations

import os
from pathlib import Path

from harness.shell import environment


def store_root() -> Path:
    """Where campaigns are stored: ``HORMESIS_STORE``, else ``reports/runs`` here."""
    return Path(environment("HORMESIS_STORE") or "reports/runs")


def work_tree(path: Path) -> Path:
    """The checkout that ``path`` lies in: the nearest folder with ``.git``; none: the folder itself."""
    place = Path(os.path.realpath(path))  # Path.resolve raises where links lead in a circle
    folder = place if place.is_dir() else place.parent
    return next((one for one in (folder, *folder.parents) if (one / ".git").exists()), folder)
