"""A line of the user's file with carets under what is wrong, made safe for a terminal.

Comes in: the text, a position. Goes out: two lines of text that ``Problem.excerpt`` carries.
Tabs, wide letters and long lines keep the caret under the right column; a character that a
terminal would obey (escape codes, direction marks) is shown as a replacement sign.
"""

from __future__ import annotations

import re
import unicodedata

# What libyaml takes for a line end; str.splitlines would also split at form feeds.
LINE_END = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
COLUMNS = 100
NEAR = 4 * COLUMNS  # letters on either side that are looked at: a line may have a million
TAB = "    "
ELLIPSIS = "…"


def lines_of(text: str) -> tuple[str, ...]:
    """Split ``text`` into lines exactly as the YAML reader counts them."""
    return tuple(LINE_END.split(text))


def quoted(text: object, columns: int = 60) -> str:
    """Write a word of the user's for a message: in quotes, on one line, clipped, harmless.

    >>> print(quoted("procss.kill"), quoted("x" * 90, columns=8))
    'procss.kill' 'xxxxxxx…'
    """
    shown = "".join(_shown(letter) for letter in str(text).replace("\n", " ")[: columns + 1])
    return f"'{shown[: columns - 1] + ELLIPSIS if len(shown) > columns else shown}'"


def excerpt(lines: tuple[str, ...], line: int, column: int, width: int, *, label: str = "") -> str:
    """Show ``line`` with ``width`` carets from ``column`` (both from 1); empty if there is no such line.

    >>> print(excerpt(("kind: procss.kill",), 1, 7, 11, label="unknown"))
        1 | kind: procss.kill
          |       ^^^^^^^^^^^ unknown
    """
    if not 1 <= line <= len(lines):
        return ""
    source = lines[line - 1]
    start = min(max(column - 1, 0), len(source))
    end = min(max(start + width, start + 1), max(len(source), start + 1))
    left = max(0, start - NEAR)
    cells = [_shown(letter) for letter in source[left : start + NEAR]]
    start, end = start - left, end - left
    before = sum(map(_columns, cells[:start]))
    carets = max(1, sum(map(_columns, cells[start:end])))
    shown, before, carets = _clip(cells, before, carets)
    margin = f"{line:>5} | "
    under = " " * (len(margin) - 2) + "| "
    return f"{margin}{shown}\n{under}{' ' * before}{'^' * carets} {label}".rstrip()


def _shown(letter: str) -> str:
    if letter == "\t":
        return TAB
    return letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}"


def _columns(cell: str) -> int:
    """Terminal columns of one shown character (0 for a combining mark, 2 for a wide letter)."""
    if cell == TAB:
        return len(TAB)
    if unicodedata.combining(cell):
        return 0
    return 2 if unicodedata.east_asian_width(cell) in "WF" else 1


def _clip(cells: list[str], before: int, carets: int) -> tuple[str, int, int]:
    """Cut a long line to a window around the carets; returns text, caret's column, caret count."""
    total = sum(map(_columns, cells))
    if total <= COLUMNS:
        return "".join(cells), before, carets
    first = max(0, min(before - COLUMNS // 3, total - COLUMNS))
    shown, at = [], 0
    from_column = None
    for cell in cells:
        if first <= at and at + _columns(cell) <= first + COLUMNS:
            from_column = at if from_column is None else from_column
            shown.append(cell)
        at += _columns(cell)
    left = ELLIPSIS if first > 0 else ""
    right = ELLIPSIS if first + COLUMNS < total else ""
    offset = before - (from_column or 0)
    return f"{left}{''.join(shown)}{right}", offset + len(left), min(carets, COLUMNS - offset)
