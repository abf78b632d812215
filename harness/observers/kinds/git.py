"""A ref of a Git repository, read as Git keeps it in files: loose, else packed; HEAD leads to another."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from harness.observers.fetch import Unseen

LEADS_ON = "ref: "
STEPS_MAX = 5
DIGITS = 12
_COMMIT = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?")


@dataclass(frozen=True, slots=True)
class GitRef:
    """``ref`` of the repository in ``folder``: bare, with a work tree, or a linked work tree itself."""

    folder: Path
    ref: str

    def look(self) -> str | None:
        """Give the first digits of the commit; None where there is no such ref."""
        try:
            return self._commit()
        except (OSError, ValueError) as error:
            raise Unseen(f"{type(error).__name__}: {getattr(error, 'strerror', None) or error}") from error

    def _commit(self) -> str | None:
        own = _git_folder(self.folder)
        shared = own / _word(own / "commondir", ".")
        if (shared / "reftable").is_dir():
            raise Unseen("its refs are kept as a reftable, which is not read here")
        name = self.ref
        for _ in range(STEPS_MAX):
            text = _loose(own if name == "HEAD" else shared, name) or _packed(shared, name)
            if text is None:
                return None
            if not text.startswith(LEADS_ON):
                if not _COMMIT.fullmatch(text):
                    raise Unseen(f"{name} names no commit")
                return text[:DIGITS]
            name = text.removeprefix(LEADS_ON)
        raise Unseen(f"{self.ref} leads on more than {STEPS_MAX} times")


def _git_folder(folder: Path) -> Path:
    """Find what holds HEAD: the folder itself, its ``.git``, or what a file of that name leads to."""
    inside = folder / ".git"
    found = folder / inside.read_text().strip().removeprefix("gitdir: ") if inside.is_file() else inside
    for place in (found, folder):
        if (place / "HEAD").is_file():
            return place
    raise Unseen("there is no repository")


def _word(file: Path, default: str) -> str:
    return file.read_text().strip() if file.is_file() else default


def _loose(folder: Path, name: str) -> str | None:
    file = folder / name
    if not file.is_file():
        return None
    if text := file.read_text().strip():
        return text
    raise Unseen(f"{name} is empty: half written, or broken")


def _packed(folder: Path, name: str) -> str | None:
    for line in _word(folder / "packed-refs", "").splitlines():
        commit, _, named = line.partition(" ")
        if named == name:
            return commit
    return None
