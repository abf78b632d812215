"""Writes the static site of a store into a folder.

Comes in: a store, a folder. Goes out: files, and their number. What an earlier site left there is replaced;
a folder that holds anything else is refused, so that nothing of the user's is lost.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from harness.archive.entries import entries, read_document
from harness.archive.entry import Entry
from harness.archive.reading import read_pairs
from harness.archive.site import index, page_of, pairs_page
from harness.errors import Refused
from harness.report.html import render

MANIFEST = "hormesis-site.txt"
"""Lists the files of a site, so that the next one can take away what it does not write."""
_FILE = re.compile(r"index\.html|campaigns/[a-z0-9][a-z0-9-]{2,63}\.html")


def publish(store: Path, out: Path) -> int:
    """Write the site of ``store`` into ``out``; gives how many pages. Refused where ``out`` is not ours."""
    old = _old(out)
    written = []
    try:
        for name, text in _pages(store):
            path = out / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            written.append(name)
        for name in old - set(written):
            (out / name).unlink(missing_ok=True)
        (out / MANIFEST).write_text("".join(f"{name}\n" for name in sorted(written)), encoding="utf-8")
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Refused(f"cannot write {error.filename or out}: {why}") from error
    return len(written)


def _pages(store: Path) -> Iterator[tuple[str, str]]:
    """One page after the other: documents of a long store do not fit into memory together."""
    listed = entries(store)
    yield "index.html", index(listed)
    for entry in listed:
        name = page_of(entry)
        if name:
            yield name, _page(store / entry.id, entry)


def _page(folder: Path, entry: Entry) -> str:
    if entry.kind == "pairs":
        _, table, verdict = read_pairs(folder)
        return pairs_page(table, verdict)
    return render(read_document(folder))


def _old(out: Path) -> set[str]:
    """Files of the site that is there; Refused where there is something else."""
    try:
        if not out.exists():
            return set()
        if not any(out.iterdir()):
            return set()
        listed = (out / MANIFEST).read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise Refused(f"{out} holds something else: name a folder that is empty or not there") from error
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(f"cannot look at {out}: {error}") from error
    found = {name for name in listed if _FILE.fullmatch(name)}
    linked = [name for name in (*found, "campaigns") if os.path.islink(out / name)]
    if linked:
        raise Refused(f"{out / linked[0]} is a link, and links are not followed: name another folder")
    return found
