"""What a contributor may have done: whoever sends a change may ask questions, and have no code run.

Comes in: a command and its arguments, where ``HORMESIS_TRUST`` is ``contributor`` (a job on a pull request
sets it). Goes out: nothing, or ``Refused`` before a file that the change names is read. Without the variable
a command is an author's: it may start what its files name, with the rights of whoever calls it.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import harness
from harness.errors import Refused
from harness.experiment.excerpt import quoted
from harness.experiment.findings import advice
from harness.frontends.arguments import usage
from harness.run.root import work_tree
from harness.shell import environment

VARIABLE, CONTRIBUTOR = "HORMESIS_TRUST", "contributor"
_LEVELS = ("author", CONTRIBUTOR)
_COMMANDS = ("validate", "plan", "run")
_ASKED = "x-hormesis"
_NAMED = {"system": ("workload", ("units", "check")), "scenario": ("knobs", ("source",))}
"""Files that an experiment names, and where each of them names further ones."""


def is_contributor() -> bool:
    """Whether a contributor asks; ``UsageProblem`` where the variable says neither that nor ``author``."""
    level = environment(VARIABLE) or _LEVELS[0]
    if level not in _LEVELS:
        raise usage("HRM402", f"{VARIABLE} is {quoted(level)}", help_text=advice(level, _LEVELS))
    return level == CONTRIBUTOR


def refuse_modules_of(tree: Path) -> None:
    """Raise Refused where modules may come from the work tree; before anything else of them is imported."""
    places = (harness.__file__, *(place or "." for place in sys.path))
    if found := next((one for one in map(_real, places) if one.is_relative_to(tree)), None):
        raise _no(f"modules are imported from {found}, in the work tree {tree}: install Hormesis outside")


def admit(command: str, arguments: argparse.Namespace) -> None:
    """Raise Refused where a contributor may not have that done."""
    if command not in _COMMANDS:
        raise _no(f"`hormesis {command}` is not for contributors; there are: {', '.join(_COMMANDS)}")
    if command == "plan" and not arguments.offline:
        raise _no("`plan` looks at this machine, too: add --offline")
    files: list[Path] = arguments.files if command == "validate" else [arguments.file]
    if command == "run" and arguments.against is not None:
        files.append(arguments.against)
    for file in files:
        _check_file(file, may_be_foreign=command == "validate")
    if command == "run":
        _check_run(arguments, {work_tree(Path.cwd()), *map(_tree_of, files)})


def _no(why: str) -> Refused:
    return Refused(f"{why} ({VARIABLE}={CONTRIBUTOR}); nothing was read or started")


def _check_file(file: Path, *, may_be_foreign: bool) -> None:
    """Look at all that the experiment names: it lies in the work tree, and the system is the bundled one."""
    from harness.experiment.sources import bundled_system

    tree, bundled = _tree_of(file), bundled_system()
    _check_inside(file, tree)
    for key, path in _named(file, (_ASKED, ("system", "scenario"))):
        if key == "system" and bundled is not None and _real(path) == _real(bundled):
            continue
        if key == "system" and not may_be_foreign:
            raise _no(f"{file} names a system of its own, {quoted(path)}: its code would be run")
        _check_inside(path, tree)
        for _, further in _named(path, _NAMED[key]):
            _check_inside(further, tree)


def _tree_of(file: Path) -> Path:
    """The work tree that a file is named in: a link in it leads out of it."""
    here = work_tree(Path.cwd())
    return here if Path(os.path.abspath(file)).is_relative_to(here) else work_tree(file.parent)


def _real(path: Path | str) -> Path:
    return Path(os.path.realpath(path))  # Path.resolve raises where links lead in a circle


def _named(file: Path, where: tuple[str, tuple[str, ...]]) -> Iterator[tuple[str, Path]]:
    """Files that ``file`` names; what is wrong in it is told later, by whoever reads it whole."""
    if not os.path.isfile(file):  # Path.is_file raises where a name is too long
        return
    from harness.experiment.yaml import read_file

    part, keys = where
    data = read_file(file, str(file)).data
    given = data.get(part) if isinstance(data, dict) else None
    for key in keys:
        name = given.get(key) if isinstance(given, dict) else None
        if isinstance(name, str) and name and "\0" not in name:
            yield key, file.parent / name


def _check_inside(path: Path, tree: Path) -> None:
    if not _real(path).is_relative_to(tree):
        raise _no(f"{quoted(path)} leads out of the work tree {tree}")


def _check_run(arguments: argparse.Namespace, trees: set[Path]) -> None:
    """Nothing of the change is imported, and nothing is written beside it."""
    from harness.experiment.sources import bundled_system
    from harness.plan.safety import SIMULATION
    from harness.run.root import store_root

    if arguments.target != SIMULATION:
        raise _no(f"target {arguments.target} starts processes: --target {SIMULATION}")
    store, bundled = _real(arguments.store or store_root()), bundled_system()
    for tree in trees:
        refuse_modules_of(tree)
        if store.is_relative_to(tree):
            raise _no(f"the store {store} lies in the work tree {tree}: name another by --store")
        if bundled is not None and _real(bundled).is_relative_to(tree):
            raise _no(f"the bundled system lies in the work tree {tree}: install Hormesis outside")
