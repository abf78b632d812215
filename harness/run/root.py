"""Where campaigns, prepared systems and failures that were found are kept.

Comes in: the environment. Goes out: a folder, which may not be there yet.
"""

from __future__ import annotations

from pathlib import Path

from harness.shell import environment


def store_root() -> Path:
    """Where campaigns are stored: ``HORMESIS_STORE``, else ``reports/runs`` here."""
    return Path(environment("HORMESIS_STORE") or "reports/runs")
