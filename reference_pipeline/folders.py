"""A folder of small files that are there whole or not at all, whatever is killed when.

A file has one name in its folder and is read and written in one piece; what is appended alone may be cut off
at its end. The same code works on a real disk and on a simulated one.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol, Self

from reference_pipeline.durable import write_durably


class Folder(Protocol):
    """One folder; it is made with its first file."""

    def inner(self, name: str, /) -> Self:
        """A folder in it."""
        ...

    def names(self) -> list[str]:
        """Names of the files and folders in it, in order."""
        ...

    def read(self, name: str, /) -> bytes | None:
        """All of a file; None where there is none."""
        ...

    def write(self, name: str, data: bytes, /) -> None:
        """Make a file of ``data``, durably and in one step, in place of one that is there."""
        ...

    def append(self, name: str, data: bytes, /) -> None:
        """Add to the end of a file, made if missing; not durable before the next ``write``."""
        ...

    def remove(self, name: str, /) -> None:
        """Remove a file; nothing where there is none."""
        ...


class DiskFolder:
    """A folder of this machine.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as place:
    ...     folder = DiskFolder(Path(place) / "jobs")
    ...     folder.inner("first").write("job.json", b"{}")
    ...     folder.names(), folder.inner("first").read("job.json"), folder.read("none")
    (['first'], b'{}', None)
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def inner(self, name: str, /) -> DiskFolder:
        """See :class:`Folder`."""
        return DiskFolder(self.path / name)

    def names(self) -> list[str]:
        """See :class:`Folder`; what was not written whole is not there."""
        if not self.path.is_dir():
            return []
        return sorted(one.name for one in self.path.iterdir() if one.suffix != ".partial")

    def read(self, name: str, /) -> bytes | None:
        """See :class:`Folder`."""
        try:
            return (self.path / name).read_bytes()
        except FileNotFoundError:
            return None

    def write(self, name: str, data: bytes, /) -> None:
        """See :class:`Folder`."""
        self.path.mkdir(parents=True, exist_ok=True)
        write_durably(self.path / name, data)

    def append(self, name: str, data: bytes, /) -> None:
        """See :class:`Folder`."""
        self.path.mkdir(parents=True, exist_ok=True)
        with (self.path / name).open("ab") as file:
            file.write(data)

    def remove(self, name: str, /) -> None:
        """See :class:`Folder`."""
        (self.path / name).unlink(missing_ok=True)
