"""Budgets on the tree as a whole: modules that nobody imports, and what a published file may hold."""

from __future__ import annotations

import ast
import re
import statistics
from collections.abc import Iterable, Mapping

from tests.style.source import Source, functions, length

FILE_BYTES = 2**20
MEDIAN_LINES = 8
P90_LINES = 30
MOCKS_PER_KLOC = 2

# Written in pieces, so that this file does not hold what it looks for.
_PROMISES = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "NotImplemented" + "Error")
_REGISTRIES = (
    "pypi" + r"\.org",
    "python" + r"hosted\.org",
    "index" + "-url",
    "--find" + "-links",
    "PIP_" + "INDEX_URL",
)
_TOPS = ("wo" + "rk", "ro" + "ot", "ho" + "me", "Us" + "ers")
UNFINISHED = re.compile(rf"\b({'|'.join(_PROMISES)})\b")
REGISTRY = re.compile("|".join(_REGISTRIES))
MACHINE = re.compile(rf"(?<![\w.:/}}-])/({'|'.join(_TOPS)})/\w")


def unfinished(path: str, text: str) -> list[str]:
    """No promise in place of code."""
    return _matches(path, text, UNFINISHED, "finish it, or leave it out and say so in the limits")


def registry_addresses(path: str, text: str) -> list[str]:
    """Packages are named, never where they come from: that is the user's setting."""
    return _matches(path, text, REGISTRY, "name the package and its version only")


def machine_paths(path: str, text: str) -> list[str]:
    """No path of the machine on which a file was made."""
    return _matches(path, text, MACHINE, "write it relative to the repository, or leave it out")


def _matches(path: str, text: str, pattern: re.Pattern[str], mend: str) -> list[str]:
    return [
        f"{path}:{number}: holds {match.group(0)!r}: {mend}"
        for number, line in enumerate(text.splitlines(), start=1)
        if (match := pattern.search(line))
    ]


def oversized(path: str, size_bytes: int) -> list[str]:
    """A published file is at most 1 MiB."""
    if size_bytes <= FILE_BYTES:
        return []
    return [f"{path}:1: {size_bytes} bytes (at most {FILE_BYTES}): generate it, or keep a sample"]


def imported_modules(source: Source) -> set[str]:
    """Dotted names that a file imports, as written; ``from a import b`` may mean module ``a.b``."""
    names: set[str] = set()
    for node in ast.walk(source.tree):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def orphans(modules: Iterable[Source], named_in: Mapping[str, str]) -> list[str]:
    """Modules that no other module imports and no other file names (an entry, a command, a world).

    ``named_in`` maps the paths of files that may name modules as text to their text.
    """
    everything = list(modules)
    known = {source.path: imported_modules(source) for source in everything}
    for path, text in named_in.items():
        known[path] = known.get(path, set()) | {word.strip(".") for word in re.findall(r"[\w.]+", text)}
    return [
        f"{source.path}:1: nothing imports or starts it: wire it in, or delete it"
        for source in everything
        if not source.path.endswith(("__init__.py", "__main__.py"))
        and not any(source.module in names for path, names in known.items() if path != source.path)
    ]


def function_statistics(everything: Iterable[Source]) -> list[str]:
    """Median at most 8 and p90 at most 30 lines a function."""
    lines = sorted(length(f) for source in everything for f in functions(source))
    if len(lines) < 2:
        return []
    median, p90 = statistics.median(lines), statistics.quantiles(lines, n=10)[-1]
    longest = "the longest functions are the place to start"
    return [
        f"{name} function has {value:g} lines (at most {limit}): {longest}"
        for name, value, limit in (("median", median, MEDIAN_LINES), ("p90", p90, P90_LINES))
        if value > limit
    ]


def too_many_mocks(findings: list[str], test_lines: int) -> list[str]:
    """At most two mocks a thousand lines of tests."""
    return findings if len(findings) > MOCKS_PER_KLOC * test_lines / 1000 else []
