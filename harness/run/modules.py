"""Where modules of a system are imported from, once the operator consented to what the instrument would run.

Comes in: an experiment. Goes out: folders as PYTHONPATH has them; every command that imports or calls code of
a system asks here first, so that none does it without a consent.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from harness import shell
from harness.errors import Refused
from harness.experiment.model import Experiment
from harness.run.consent import items_of, require


def import_path(experiment: Experiment) -> str:
    """Where the system's modules are imported from, as PYTHONPATH has it.

    Raises:
        Refused: anybody may add some there, or nobody consented to code that is named there.
    """
    folder = Path(experiment.system_dir)
    refuse_if_shared(folder)
    path = python_path(folder)
    require(items_of(experiment.system, folder, path), Path(experiment.system_file or folder))
    return path


def python_path(system_dir: Path) -> str:
    """Name the folders of modules of the system in ``system_dir``, as PYTHONPATH has them."""
    return os.pathsep.join(filter(None, (str(system_dir.resolve().parent), shell.environment("PYTHONPATH"))))


def refuse_if_shared(system_dir: Path) -> None:
    """Raise Refused where anybody may add modules beside the system in ``system_dir``."""
    folder = system_dir.resolve().parent
    if folder.stat().st_mode & stat.S_IWOTH:
        raise Refused(
            f"modules of the system would be imported from {folder}, which everybody may write into: "
            "move the system's folder into a folder of your own"
        )
