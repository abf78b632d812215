"""Named arrays in one file (npz without pickles), written and read in one way, whoever may have packed it."""

from __future__ import annotations

import math
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from reference_pipeline.errors import BadTemplate

MEMBERS_MAX, UNPACKED_BYTES_MAX = 10_000, 1024**3
"""A template has some 30 arrays of 40 MB together: what unpacks to more is a bomb."""


def write_arrays(path: Path, arrays: Mapping[str, NDArray[np.generic]], *, packed: bool = False) -> None:
    """Write ``arrays``; the same arrays give the same bytes. ``packed``: smaller and slower."""
    write = np.savez_compressed if packed else np.savez
    with path.open("wb") as file:
        write(file, **dict(arrays))  # type: ignore[arg-type]  # no array is called allow_pickle


def unpacked(file: BinaryIO) -> dict[str, NDArray[np.generic]]:
    """Read all arrays of an open npz.

    Raises:
        ValueError, OSError, EOFError, zipfile.BadZipFile, zlib.error: it is damaged, or would be larger in
            memory than any file of ours is.
    """
    with zipfile.ZipFile(file) as packed:
        members = packed.infolist()
        whole = sum(member.file_size for member in members)
        if len(members) > MEMBERS_MAX or whole > UNPACKED_BYTES_MAX:
            raise ValueError(
                f"{len(members)} arrays of {whole} bytes; at most {MEMBERS_MAX} of {UNPACKED_BYTES_MAX}"
            )
        for member in members:
            _check_claim(packed, member)
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _check_claim(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Memory is taken for what an array's head says, before a byte of it is read."""
    with packed.open(member) as file:
        if np.lib.format.read_magic(file) != (1, 0):
            raise ValueError(f"{member.filename} is no array of the format 1.0")
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        there = member.file_size - file.tell()
        if math.prod(shape) * dtype.itemsize != there:
            raise ValueError(f"{member.filename} says that it is {shape} of {dtype} and holds {there} bytes")


def read_arrays(path: Path) -> dict[str, NDArray[np.generic]]:
    """Read what :func:`write_arrays` wrote.

    Raises:
        BadTemplate: the file is missing or damaged.
    """
    try:
        # Opened here: np.load leaves its own file open when the zip is torn.
        with path.open("rb") as file:
            return unpacked(file)
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
