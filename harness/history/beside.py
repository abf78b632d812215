"""Small files that lie beside a campaign's runs. In: a folder and a name. Out: bytes."""

from __future__ import annotations

from pathlib import Path

from harness.errors import Untrustworthy
from harness.history.plain import Folder, NotPlain


def read_beside(folder: Path, name: str) -> bytes | None:
    """Read a small file that lies beside a campaign's runs, None where there is none.

    Raises Untrustworthy where there is something else of that name.
    """
    try:
        with Folder(folder) as opened:
            return opened.read(name) if opened.holds(name) else None
    except (OSError, NotPlain) as error:
        raise Untrustworthy(f"{folder / name} cannot be read: {error}") from error
