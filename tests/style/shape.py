"""Budgets on the shape of code. Each check: one file in, findings out; each message names the mend."""

from __future__ import annotations

import ast

from tests.style.source import Function, Source, dotted, functions, length

FUNCTION_LINES = 60
NESTING = 3
POSITIONAL = 4
FILE_LINES = 500
PUBLIC_NAMES = 8
BLOCKS = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
PUBLIC = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)

# Vocabulary modules: a closed union or one stage's types belongs in one file. This list may only shrink.
VOCABULARIES = {
    "harness/history/events.py": "the closed union of events",
    "harness/faults/effects.py": "the closed union of effects",
    "harness/experiment/model.py": "the types of stage 1",
    "reference_pipeline/ports.py": "what a service may ask of its outside, one place",
}


def long_functions(source: Source) -> list[str]:
    """At most 60 lines without docstring."""
    return [
        source.at(
            f,
            f"{f.name} has {length(f)} lines (at most {FUNCTION_LINES}): make a function of a phase",
        )
        for f in functions(source)
        if length(f) > FUNCTION_LINES
    ]


def _depth(node: ast.AST, here: int) -> int:
    deepest = here
    for field, value in ast.iter_fields(node):
        for child in value if isinstance(value, list) else [value]:
            if not isinstance(child, ast.AST) or isinstance(child, SCOPES):
                continue
            # `elif` is an If in the orelse of an If: the same level for a reader.
            is_elif = (
                isinstance(node, ast.If)
                and field == "orelse"
                and len(value) == 1
                and isinstance(child, ast.If)
            )
            deeper = isinstance(child, BLOCKS) and not is_elif
            deepest = max(deepest, _depth(child, here + deeper))
    return deepest


def deep_functions(source: Source) -> list[str]:
    """At most three blocks inside one another."""
    return [
        source.at(
            f,
            f"{f.name} nests {depth} deep (at most {NESTING}): return early, or name the inner block",
        )
        for f in functions(source)
        if (depth := _depth(f, 0)) > NESTING
    ]


def _called_by_name(function: Function) -> bool:
    decorators = {dotted(d.func if isinstance(d, ast.Call) else d) for d in function.decorator_list}
    return function.name.startswith("test_") or bool(decorators & {"pytest.fixture", "fixture"})


def wide_functions(source: Source) -> list[str]:
    """At most four parameters by position; ``self`` and ``cls`` are free, pytest fills its own by name."""
    findings = []
    for f in functions(source):
        names = [a.arg for a in (*f.args.posonlyargs, *f.args.args)]
        count = len(names) - (names[:1] in (["self"], ["cls"]))
        if count > POSITIONAL and not (source.is_test and _called_by_name(f)):
            mend = f"takes {count} by position (at most {POSITIONAL}): put `*` before the rest"
            findings.append(source.at(f, f"{f.name} {mend}"))
    return findings


def long_files(source: Source) -> list[str]:
    """At most 500 lines a file."""
    lines = source.text.count("\n")
    if lines <= FILE_LINES:
        return []
    return [f"{source.path}:1: {lines} lines (at most {FILE_LINES}): split by concept, one a file"]


def public_names(source: Source) -> list[str]:
    """Public functions and classes of a module, in order."""
    return [
        node.name for node in source.tree.body if isinstance(node, PUBLIC) and not node.name.startswith("_")
    ]


def crowded_modules(source: Source) -> list[str]:
    """At most eight public functions and classes a module."""
    names = public_names(source)
    if len(names) <= PUBLIC_NAMES or source.path in VOCABULARIES:
        return []
    count = f"{len(names)} public names (at most {PUBLIC_NAMES}: {', '.join(names)})"
    return [f"{source.path}:1: {count}: give inner ones an underscore, or split the module"]


def undocumented_modules(source: Source) -> list[str]:
    """A module docstring everywhere: the map for who opens the file first."""
    if ast.get_docstring(source.tree):
        return []
    return [f"{source.path}:1: no module docstring: say what it is, what comes in, what goes out"]
