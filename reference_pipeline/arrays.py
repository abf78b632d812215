"""Named arrays in one file of the template (npz without pickles), written and read in one way."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import BadTemplate


def write_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]], *, packed: bool = False) -> None:
    """Write ``arrays``; the same arrays give the same bytes. ``packed``: smaller and slower."""
    write = np.savez_compressed if packed else np.savez
    with path.open("wb") as file:
        write(file, **dict(arrays))  # type: ignore[arg-type]  # no array is called allow_pickle


def read_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read what :func:`write_arrays` wrote.

    Raises:
        BadTemplate: the file is missing or damaged.
    """
    try:
        # Opened here: np.load leaves its own file open when the zip is torn.
        with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
            return {name: arrays[name] for name in arrays.files}
    except (
        OSError,
        EOFError,
        ValueError,
        AttributeError,
        TypeError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise BadTemplate(f"{path} cannot be read: {error}; prepare the template anew") from error
