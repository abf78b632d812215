"""Consent: code of a system that the instrument itself would run, and whether the operator said yes to it.

Comes in: a system, its folder, the folders that modules come from. Goes out: ``Item`` values, each with the
hashes of its words and of the files that they name; ``Refused`` where nobody consented to what stands there
now. Services are no items: to start them is what a run is asked for. These run inside of the driver or of the
runner, or hurt and reset at its word, so that what they do decides whether a figure is true.

A yes is a hash, so it holds for the same content anywhere: in ``HORMESIS_CONSENT``, as a job says it, or in
a file of the operator's, outside of what is tested (``HORMESIS_CONSENT_FILE``).
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from importlib.machinery import PathFinder
from importlib.util import MAGIC_NUMBER, cache_from_source
from pathlib import Path

import msgspec

import harness
from harness.errors import Refused
from harness.experiment.excerpt import quoted
from harness.experiment.model import System
from harness.experiment.sources import bundled_system
from harness.run.root import work_tree
from harness.run.writing import write_whole
from harness.shell import environment, wall_utc

VARIABLE, FILE_VARIABLE = "HORMESIS_CONSENT", "HORMESIS_CONSENT_FILE"
_PLACE = ".config/hormesis/consents.json"
_BYTES_MAX = 1 << 20
_READERS = frozenset(("b2sum", "cat", "cksum", "cmp", "diff", "md5sum", "sha1sum", "sha256sum", "sha512sum"))
"""Programs that run nothing of what they read: the files behind them are state, and change."""
_FILLED = re.compile(r"\{(bin|state|template)\}")
_BETWEEN = re.compile(r"[\s=;&|<>()'\"`]+")
_OF_MODULE = re.compile(r"-[A-Za-z]*?m(.*)", re.DOTALL)
"""How Python is told a module: ``-m NAME``, ``-Pm NAME``, ``-mNAME``."""


class Item(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that would be run: where the system file says so, its words, and what they name.

    ``files``: SHA-256 by path, which counts from the folder of the system or of the module.
    ``unpinned``: words that name something whose content is not looked at: a program of this machine.
    """

    place: str
    words: tuple[str, ...]
    files: dict[str, str]
    unpinned: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """Hash of all of it, the same on another machine."""
        return hashlib.sha256(msgspec.json.encode(self, order="sorted")).hexdigest()


class _Yes(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One consent: when, to which system file, and to what in it."""

    at: str
    file: str
    sha256: str
    items: dict[str, str]


def items_of(system: System, folder: Path, python_path: str) -> tuple[Item, ...]:
    """List what needs a consent; nothing of it is imported or called. What Hormesis brings along needs none.

    ``folder``: the system file's; ``python_path``: folders of modules as PYTHONPATH has them.
    """
    folder = folder.resolve()  # the same hash, whatever link it is named by
    paths = [one for one in (*python_path.split(os.pathsep), *sys.path) if one]
    modules = {"world": system.world} if system.world else {}
    if system.simulation is not None:
        modules["simulation.opens"] = system.simulation.opens
    found = [_of_module(place, named, paths) for place, named in modules.items()]
    programs = {f"hooks.{name}": hook.command for name, hook in system.hooks.items()}
    if system.reset is not None:
        programs |= {"reset.do": system.reset.do, "reset.prove": system.reset.prove}
    found += [_of_program(place, words, folder, paths) for place, words in programs.items() if words]
    return tuple(item for item in found if item is not None)


def digest_of(items: Sequence[Item]) -> str:
    """Hash all items of a system: what a consent is given to."""
    return hashlib.sha256("\n".join(sorted(item.sha256 for item in items)).encode()).hexdigest()


def missing(items: Sequence[Item], file: Path) -> dict[str, str]:
    """Say what nobody consented to, by place: "never", or "changed" since somebody did for this ``file``."""
    given = environment(VARIABLE).replace(",", " ").split()
    digest = digest_of(items)
    if not items or digest in given:
        return {}
    consents = _consents(file)
    if any(one.sha256 == digest for one in consents):
        return {}
    before: Mapping[str, str] = next(
        (one.items for one in reversed(consents) if one.file == str(file.resolve())), {}
    )
    return {
        item.place: "changed" if item.place in before else "never"
        for item in items
        if before.get(item.place) != item.sha256
    } or {"all of it": "changed"}


def require(items: Sequence[Item], file: Path) -> None:
    """Raise Refused where ``items`` would be run without a consent; nothing was imported or started."""
    lacks = missing(items, file)
    if lacks:
        told = ", ".join(
            f"{place} ({'it has changed since' if why == 'changed' else 'nobody consented'})"
            for place, why in lacks.items()
        )
        raise Refused(
            f"{file} names code that Hormesis itself would run: {told}; nothing was started. "
            f"Look at it and consent: hormesis consent {file} --give; "
            f"a job says {VARIABLE}={digest_of(items)}"
        )


def give(items: Sequence[Item], file: Path) -> Path:
    """Keep a consent to ``items`` of the system ``file``, as they are now; gives where it is kept."""
    place = _place(file)
    if place is None:
        raise Refused(f"there is no place for a consent: set HOME, or {FILE_VARIABLE} to a file")
    said = _Yes(
        at=wall_utc(),
        file=str(file.resolve()),
        sha256=digest_of(items),
        items={item.place: item.sha256 for item in items},
    )
    kept = [one for one in _consents(file) if (one.file, one.sha256) != (said.file, said.sha256)]
    try:
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_whole(place, msgspec.json.format(msgspec.json.encode([*kept, said]), indent=1))
        place.chmod(0o600)  # whatever the umask: one that others may write is refused
    except OSError as error:
        raise Refused(f"the consent cannot be kept in {place}: {error.strerror}") from error
    return place


def _consents(file: Path) -> list[_Yes]:
    place = _place(file)
    if place is None or not place.exists():
        return []
    try:
        found = place.stat()
        if found.st_uid not in (0, os.geteuid()) or found.st_mode & 0o022 or found.st_size > _BYTES_MAX:
            raise Refused(f"the consents in {place} may be written by others, or are over {_BYTES_MAX} bytes")
        return msgspec.json.decode(place.read_bytes(), type=list[_Yes])
    except (OSError, msgspec.DecodeError) as error:
        raise Refused(f"{place} cannot be read, so nothing is consented to: {error}") from error


def _place(file: Path) -> Path | None:
    """Where consents are kept: outside of the checkout that ``file`` is of, or whoever changes that could."""
    named, home = environment(FILE_VARIABLE), environment("HOME")
    if not (named or home):
        return None
    place = Path(named).resolve() if named else Path(home, _PLACE).resolve()
    if place.is_relative_to(tree := work_tree(file)):
        raise Refused(
            f"consents would be kept in {place}, in the work tree {tree}: "
            f"set {FILE_VARIABLE} to a file outside of it"
        )
    return place


def _of_module(place: str, named: str, paths: Sequence[str]) -> Item | None:
    files = dict(_module_files(named.partition(":")[0], paths))
    if files and all(map(_is_ours, files.values())):
        return None
    return Item(place=place, words=(named,), files=_hashed(files), unpinned=() if files else (named,))


def _of_program(place: str, command: Sequence[str], folder: Path, paths: Sequence[str]) -> Item | None:
    """What a program is: its words, and the content of each that names a file, a folder or a module."""
    if command[0] in _READERS:
        return Item(place=place, words=tuple(command), files={}, unpinned=(command[0],))
    files: dict[str, Path] = {}
    unpinned: list[str] = []
    for number, (before, word) in enumerate(zip(("", *command), command, strict=False)):
        found = dict(_files_named(word, folder))
        module = _module_named(before, word)
        if module:
            found |= _module_files(module, paths)
            # Python looks beside the system file first, unless it is told not to: both are looked at.
            found |= {f"./{name}": path for name, path in _module_files(module, [str(folder)])}
        is_program = number == 0 and word != "{python}"
        if not found and (module or is_program or _FILLED.search(word)):
            unpinned.append(word)
        files |= found
    if _is_bundled(command) and files and all(map(_is_ours, files.values())):
        return None
    return Item(place=place, words=tuple(command), files=_hashed(files), unpinned=tuple(unpinned))


def _is_bundled(command: Sequence[str]) -> bool:
    """Whether a command is a module and nothing else: further words may be code, or name some."""
    return tuple(command[:3]) == ("{python}", "-P", "-m") and set(command[4:]) <= {"{template}"}


def _module_named(before: str, word: str) -> str:
    """Give the module that ``word`` names, behind ``before``; "" for none."""
    here, last = _OF_MODULE.fullmatch(word), _OF_MODULE.fullmatch(before)
    return here[1] if here and here[1] else word if last and not last[1] else ""


def _files_named(word: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Give the files that a word of a command names, whole or in it, from the system's folder."""
    for part in dict.fromkeys((word, *_BETWEEN.split(word))):
        if not part or "\0" in part:
            continue
        named = folder / part.replace("{system}", str(folder))
        for path in (named, named / "__main__.py"):  # of a folder its start
            if os.path.isfile(path):  # Path.is_file raises where a word is too long for a name
                yield os.path.relpath(path, folder), path


def _module_files(module: str, paths: Sequence[str]) -> Iterator[tuple[str, Path]]:
    """Give the file of ``module`` and those of the packages that it is in; found by name, never imported."""
    places = list(paths)
    name = ""
    for part in module.split("."):
        name = f"{name}.{part}".lstrip(".")
        # By its last part alone: with its packages' names the finder would look for them as imported ones.
        spec = PathFinder.find_spec(part, places) if part.isidentifier() else None
        if spec is None:
            return
        if spec.origin is not None and os.path.isfile(spec.origin):
            yield from _with_compiled(name, Path(spec.origin))
        places = list(spec.submodule_search_locations or ())
    for place in places:
        if os.path.isfile(start := Path(place, "__main__.py")):
            yield from _with_compiled(module, start)


def _with_compiled(name: str, file: Path) -> Iterator[tuple[str, Path]]:
    """Give a module's file, and the compiled one that Python would take without a look at the former."""
    yield f"{name} {file.name}", file
    if file.suffix == ".py" and os.path.isfile(compiled := cache_from_source(str(file))):
        with Path(compiled).open("rb") as opened:
            head = opened.read(8)
        if head.startswith(MAGIC_NUMBER) and int.from_bytes(head[4:], "little") & 0b11 == 0b01:
            yield f"{name} {Path(compiled).name}", Path(compiled)


def _hashed(files: Mapping[str, Path]) -> dict[str, str]:
    try:
        return {name: _sha256(path) for name, path in sorted(files.items())}
    except OSError as error:
        raise Refused(f"{quoted(str(error.filename))} cannot be read: {error.strerror}") from error


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_ours(path: Path) -> bool:
    """Whether a file came with Hormesis: of its own packages, wherever these are installed."""
    bundled = bundled_system()
    homes = [Path(harness.__file__).parent, *([bundled.parent] if bundled is not None else [])]
    return any(path.resolve().is_relative_to(home.resolve()) for home in homes)
