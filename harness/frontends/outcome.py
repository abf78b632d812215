"""How the end of a run is told: the verdict's word first, then the table; or one JSON document.

Comes in: a document, or the name of a stored campaign. Goes out: text.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec

from harness.frontends.streams import tell
from harness.history.store import find_campaign
from harness.report.compose import compose
from harness.report.document import Document
from harness.report.text import render
from harness.run.root import store_root

COLUMNS_MAX = 120


def stored(store: Path | None, name: str) -> Document:
    """Compute the stored campaign ``name`` (an id in the store, or a path) from its record.

    Figures are a campaign's: for one run's folder its whole campaign is computed, and that is said.
    """
    folder = find_campaign(store or store_root(), name)
    if folder.name != Path(name).absolute().name:
        tell(f"{name} is inside campaign {folder.name}: all of its runs are shown")
    return compose(folder)


def table(document: Document) -> str:
    """Write the terminal table for the terminal's width (80 where there is none)."""
    width = min(shutil.get_terminal_size((80, 24)).columns, COLUMNS_MAX)
    return render(document, width).rstrip("\n")


def outcome_json(document: Document, folder: Path, beside: Path | None = None) -> str:
    """Write the one JSON document of ``run --json``: identities, digests, verdict, figures per class.

    ``beside``: the folder of the version that ran beside it.
    """
    verdict = document.verdict
    outcome = {
        "campaign": document.campaign,
        "folder": str(folder),
        "runs": [{"run_id": run.run_id, "history_sha256": run.history_sha256} for run in document.runs],
        "verdict": verdict.word,
        "why": verdict.why,
        "exit_code": verdict.exit_code,
        "report": str(folder / "report.html"),
        **({"beside": str(beside)} if beside is not None else {}),
        "classes": msgspec.to_builtins(document.estimates.classes),
    }
    return msgspec.json.format(msgspec.json.encode(outcome), indent=1).decode()
