"""Model registry core: immutable versions, atomic aliases, verified artefacts. No HTTP.

A store with one log of versions and one value for all aliases, and a folder with ``<sha256>.npz``, each there
whole and durable before its version exists. One process owns both; a service on this machine starts from a
copy made by :func:`copy_registry`.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import msgspec

from reference_pipeline.content import content_sha256
from reference_pipeline.errors import BadArtefact, UnknownVersion, VersionConflict
from reference_pipeline.folders import DiskFolder, Folder
from reference_pipeline.ports import Append, Store
from reference_pipeline.stores import SqliteStore

_SEMANTIC = re.compile(r"\d+\.\d+\.\d+")
_VERSIONS, _ALIASES = "versions", "aliases"
_PAGE = 1000
LOGS = (_VERSIONS,)


class Version(msgspec.Struct, frozen=True, kw_only=True):
    """One immutable version; ``version`` is ``semantic`` + 12 hex digits of ``sha256``."""

    version: str
    semantic: str
    sha256: str
    metrics: dict[str, float]
    lineage: dict[str, str]


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """Where an alias points."""

    alias: str
    version: str
    sha256: str


class Registry:
    """The registry of whoever owns ``store``, which needs the logs ``LOGS``; files lie in ``artefacts``."""

    def __init__(self, store: Store, artefacts: Folder) -> None:
        self._store = store
        self._artefacts = artefacts
        self._versions: dict[str, Version] = {}
        self._load()

    def _load(self) -> None:
        """Read what earlier lives have put."""
        after = 0
        while rows := self._store.read(_VERSIONS, after, _PAGE):
            for row in rows:
                self._versions[row.key] = msgspec.json.decode(row.value, type=Version)
            after = rows[-1].seq

    def put(
        self, artefact: bytes, version: str, metrics: Mapping[str, float], lineage: Mapping[str, str]
    ) -> Version:
        """Store ``artefact`` as semantic version ``version`` ("1.0.0"); the same again is no change.

        Raises:
            ValueError: ``version`` is not MAJOR.MINOR.PATCH.
            VersionConflict: that version exists with other bytes, metrics or lineage.
        """
        if not _SEMANTIC.fullmatch(version):
            raise ValueError(f"version is {version!r}; write MAJOR.MINOR.PATCH, e.g. 1.0.0")
        sha256 = content_sha256(artefact)
        full = f"{version}+{sha256[:12]}"
        new = Version(
            version=full, semantic=version, sha256=sha256, metrics=dict(metrics), lineage=dict(lineage)
        )
        if (stored := self._versions.get(version)) not in (None, new):
            raise VersionConflict(f"version {version} is taken by {stored.version if stored else '?'}")
        self._artefacts.write(f"{sha256}.npz", artefact)
        self._store.commit([Append(_VERSIONS, version, msgspec.json.encode(new))])
        self._versions[version] = new
        return new

    def versions(self) -> list[Version]:
        """List all versions in the order they were put."""
        return list(self._versions.values())

    def alias(self, name: str) -> Alias:
        """Return where alias ``name`` points.

        Raises:
            UnknownVersion: there is no such alias.
        """
        found = next((one for one in self.aliases() if one.alias == name), None)
        if found is None:
            raise UnknownVersion(f"no alias {name!r}")
        return found

    def aliases(self) -> list[Alias]:
        """List all aliases, by name."""
        points = self._points()
        by_version = {one.version: one for one in self._versions.values()}
        return [
            Alias(alias=name, version=points[name], sha256=by_version[points[name]].sha256)
            for name in sorted(points)
        ]

    def set_alias(self, name: str, version: str, *, was: str = "") -> Alias:
        """Point alias ``name`` at full version ``version`` in one step, after verifying its file.

        ``was``: only if it points there, or at ``version`` already.

        Raises:
            UnknownVersion: there is no such version.
            BadArtefact: its file is missing or damaged.
            VersionConflict: the alias points elsewhere than at ``was``.
        """
        known = next((one for one in self._versions.values() if one.version == version), None)
        if known is None:
            raise UnknownVersion(f"no version {version!r}")
        self.artefact(known.sha256)
        if was and (now := self.alias(name).version) not in (was, version):
            raise VersionConflict(f"alias {name} is at {now}, not at {was}")
        self._store.commit([], {_ALIASES: msgspec.json.encode({**self._points(), name: version})})
        return Alias(alias=name, version=version, sha256=known.sha256)

    def artefact(self, sha256: str) -> bytes:
        """Return the bytes with that hash, verified on every read.

        Raises:
            UnknownVersion: no version has this artefact.
            BadArtefact: its file is missing or damaged.
        """
        if not any(one.sha256 == sha256 for one in self._versions.values()):
            raise UnknownVersion(f"no artefact {sha256[:80]!r}")
        try:
            data = self._artefacts.read(f"{sha256}.npz")
        except OSError as error:
            raise BadArtefact(f"artefact {sha256[:12]}.. cannot be read: {error}") from error
        if data is None:
            raise BadArtefact(f"artefact {sha256[:12]}.. cannot be read: it is gone")
        if content_sha256(data) != sha256:
            raise BadArtefact(f"artefact {sha256[:12]}.. is damaged on disk")
        return data

    def _points(self) -> dict[str, str]:
        """Where each alias points, as the store has it."""
        return msgspec.json.decode(self._store.find("values", _ALIASES) or b"{}", type=dict[str, str])


class DiskRegistry(Registry):
    """The registry in ``folder`` of this machine, made if missing; close it when done."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._disk = SqliteStore(folder / "registry.db", LOGS)
        super().__init__(self._disk, DiskFolder(folder / "artefacts"))

    def close(self) -> None:
        """Close the database; the write-ahead log is folded into ``registry.db``."""
        self._disk.close()


def copy_registry(source: Path, target: Path) -> None:
    """Copy a closed registry folder (the template's) to ``target`` unless that exists already.

    The copy appears under its name only when whole, so a service killed in mid-copy starts clean.
    """
    if target.exists():
        return
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    shutil.copytree(source, partial)
    for path in (partial, *partial.rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)
    partial.rename(target)
