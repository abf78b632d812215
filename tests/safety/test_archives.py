"""SR-24: nothing unpacks an archive onto a disk; what is packed is read in memory, and a bomb is refused."""

from __future__ import annotations

import ast
import gzip
import io
import os
import struct
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest

from harness.campaign.parts import held
from harness.errors import Untrustworthy
from reference_pipeline.arrays import MEMBERS_MAX, read_arrays, write_arrays
from reference_pipeline.errors import BadTemplate
from tests.harness.campaign.rows_kit import question
from tests.style.source import PACKAGES, Source, parse, sources

ARCHIVES = {"tarfile", "zipfile", "gzip", "bz2", "lzma", "zstandard", "py7zr", "rarfile"}
UNPACKING = {"unpack_archive", "extractall", "extract", "decompress", "decompressobj", "GzipFile", "ZipFile"}


def unpacked_by(source: Source) -> set[str]:
    """Names of what unpacks, as the file uses them."""
    return {
        node.attr
        for node in ast.walk(source.tree)
        if isinstance(node, ast.Attribute) and node.attr in UNPACKING
    }


def test_what_unpacks_stands_in_two_files_and_neither_writes_what_it_unpacks():
    """SR-24: there is no import of bundles; a history is copied as a folder."""
    found = {source.path: unpacked_by(source) for source in sources(*PACKAGES) if unpacked_by(source)}
    assert found == {"harness/campaign/parts.py": {"GzipFile"}, "reference_pipeline/arrays.py": {"ZipFile"}}
    assert unpacked_by(parse("a.py", "import tarfile\ntarfile.open('x').extractall('/')"))


def archives_of(source: Source) -> set[str]:
    """Modules of archives that the file imports."""
    imports = [node for node in ast.walk(source.tree) if isinstance(node, ast.Import | ast.ImportFrom)]
    named = [alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names]
    return ARCHIVES & {*named, *(node.module or "" for node in imports if isinstance(node, ast.ImportFrom))}


def test_no_other_file_knows_an_archive():
    """SR-24: by its imports; an error of one may be caught."""
    found = {source.path: archives_of(source) for source in sources(*PACKAGES) if archives_of(source)}
    assert archives_of(parse("a.py", "from tarfile import open")) == {"tarfile"}
    assert found == {
        "harness/campaign/parts.py": {"gzip"},
        "reference_pipeline/arrays.py": {"zipfile"},
        "reference_pipeline/scoring.py": {"zipfile"},  # to name its error
    }


def gzip_bomb(path: Path) -> None:
    """96 MiB of nothing in 96 KiB."""
    path.write_bytes(gzip.compress(bytes(1024**2)) * 96)


def sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(10 * 1024**3)


def device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def pipe(path: Path) -> None:
    os.mkfifo(path)


READER = """
import sys
from pathlib import Path
from harness.campaign.parts import Parts
from harness.errors import Untrustworthy
def peak_kib():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before, refused = peak_kib(), 0
for chunk in range(4):
    try:
        Parts(Path(sys.argv[1])).read(chunk)
    except Untrustworthy:
        refused += 1
print(refused, peak_kib() - before)
"""


def test_parts_that_are_bombs_are_refused_in_little_memory(tmp_path):
    """SR-24: packed 1,000 times, 10 GB of a sparse file, an endless device, a pipe that nobody feeds."""
    with held(tmp_path, question()) as parts:
        for chunk, put in enumerate((gzip_bomb, sparse, device, pipe)):
            put(tmp_path / "parts" / f"{chunk:07d}.jsonl.gz")
            with pytest.raises(Untrustworthy, match=rf"000000{chunk}\.jsonl\.gz"):
                parts.read(chunk)
    words = [sys.executable, "-c", READER, str(tmp_path)]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=120)
    refused, grown_kib = map(int, done.stdout.split())
    assert refused == 4
    assert grown_kib < 192 * 1024, "64 MiB may be unpacked, and copied once"


def npz(path: Path, name: str, data: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr(name, data)


def claiming(shape: tuple[int, ...]) -> bytes:
    """An array that says that it is larger than it is."""
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "<f8", "fortran_order": False, "shape": shape})
    return file.getvalue() + bytes(8)


def too_much(path: Path) -> None:
    """Its directory says 1 GiB and a byte, as that of a real one would."""
    npz(path, "a.npy", bytes(1024))
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 1024**3 + 1)
    path.write_bytes(data)


def too_many(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as packed:
        for number in range(MEMBERS_MAX + 1):
            packed.writestr(f"{number}.npy", b"")


def claim(path: Path) -> None:
    npz(path, "a.npy", claiming((10**9, 10**3)))


def negative(path: Path) -> None:
    npz(path, "a.npy", claiming((-1,)))


def objects(path: Path) -> None:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": "|O", "fortran_order": False, "shape": (1,)})
    npz(path, "a.npy", file.getvalue() + b"\x80\x04}\x94.xxx")


def no_array(path: Path) -> None:
    npz(path, "../../a.npy", b"text")


@pytest.mark.parametrize("put", [too_much, too_many, claim, negative, objects, no_array])
def test_arrays_that_would_not_fit_are_refused_before_memory_is_taken(tmp_path, put):
    """SR-24: also one whose head alone says that it is 8 TB."""
    put(tmp_path / "a.npz")
    with pytest.raises(BadTemplate, match=r"a\.npz cannot be read"):
        read_arrays(tmp_path / "a.npz")


def test_arrays_of_ours_are_read(tmp_path):
    write_arrays(tmp_path / "a.npz", {"a": np.zeros((3, 2)), "b": np.array(["x"])}, packed=True)
    assert {name: one.shape for name, one in read_arrays(tmp_path / "a.npz").items()} == {
        "a": (3, 2),
        "b": (1,),
    }
