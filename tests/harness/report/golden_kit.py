"""The first screen of the five verdict words as pictures, and how they are made anew.

After a change of the page that is meant, make them again and look at each:
``PYTHONPATH=. .venv/bin/python -m tests.harness.report.golden_kit``
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from harness.report import html
from tests.harness.report.chromium_kit import Pixels, screenshot, write_png
from tests.harness.report.conftest import build

WORDS = ("PASS", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE")
GOLDEN = Path(__file__).parent / "golden"
SIZE = (1200, 860)
FONT = "* { font-family: 'DejaVu Sans', sans-serif !important; }"


def first_screen(word: str, folder: Path) -> Pixels:
    """The page of a campaign that ended with ``word``, as far as a reader sees it without scrolling."""
    source = html.render(build(word=word, n=10, faults=2, arms=("none", "bare")))
    return screenshot(source.replace("</style>", f"{FONT}</style>"), folder, SIZE)


def main() -> None:
    """Write all pictures."""
    GOLDEN.mkdir(exist_ok=True)
    for word in WORDS:
        with tempfile.TemporaryDirectory() as folder:
            data = write_png(first_screen(word, Path(folder)))
        (GOLDEN / f"{word.lower()}.png").write_bytes(data)


if __name__ == "__main__":
    main()
