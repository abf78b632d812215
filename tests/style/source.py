"""The tree as the style tests see it: Python files parsed once, and every file git would publish."""

from __future__ import annotations

import ast
import subprocess
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("harness", "reference_pipeline")
Function = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True)
class Source:
    """One Python file: its path from the top of the repository, its text, its tree."""

    path: str
    text: str
    tree: ast.Module

    @property
    def module(self) -> str:
        """Dotted name; a package is named by its folder."""
        return self.path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    @property
    def is_test(self) -> bool:
        """True for everything below tests/."""
        return self.path.startswith("tests/")

    def at(self, node: ast.AST, text: str) -> str:
        """Write a finding the way an editor can jump to."""
        return f"{self.path}:{getattr(node, 'lineno', 1)}: {text}"


@cache
def parse(path: str, text: str) -> Source:
    """Parse one file's text; ``path`` is from the top of the repository."""
    return Source(path, text, ast.parse(text, filename=path))


@cache
def published() -> tuple[str, ...]:
    """Every file that is tracked or would be (not ignored), as paths from the top."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    return tuple(sorted(name for name in set(listed.split("\0")) if name and (ROOT / name).is_file()))


@cache
def sources(*tops: str) -> tuple[Source, ...]:
    """Every published Python file below the folders ``tops``."""
    return tuple(
        parse(name, (ROOT / name).read_text("utf-8"))
        for name in published()
        if name.endswith(".py") and name.startswith(tuple(f"{top}/" for top in tops))
    )


def functions(source: Source) -> list[Function]:
    """Every function and method of a file, nested ones too."""
    return [node for node in ast.walk(source.tree) if isinstance(node, Function)]


def length(function: Function) -> int:
    """Lines from ``def`` to the end, docstring not counted."""
    total = (function.end_lineno or function.lineno) - function.lineno + 1
    first = function.body[0]
    if ast.get_docstring(function, clean=False) is not None:
        total -= (first.end_lineno or first.lineno) - first.lineno + 1
    return total


def dotted(node: ast.AST) -> str:
    """Write a name or an attribute chain as text: ``a.b.c``; anything else is empty."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        inner = dotted(node.value)
        return f"{inner}.{node.attr}" if inner else node.attr
    return ""


def calls(tree: ast.AST) -> list[tuple[ast.Call, str]]:
    """Every call of a tree with the dotted name of what is called."""
    return [(node, dotted(node.func)) for node in ast.walk(tree) if isinstance(node, ast.Call)]
