"""Model registry core: immutable versions, atomic aliases, verified artefacts. No HTTP.

One folder: ``registry.db`` (SQLite, WAL, synchronous=FULL) and ``artefacts/<sha256>.npz``, each
written to a temporary name, flushed to disk and renamed before its row exists. One process owns
the folder; a service starts from a copy made by :func:`copy_registry`.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import sqlite3
from collections.abc import Mapping
from pathlib import Path

import msgspec

from reference_pipeline.durable import write_durably
from reference_pipeline.errors import BadArtefact, UnknownVersion, VersionConflict

_SEMANTIC = re.compile(r"\d+\.\d+\.\d+")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions(
  seq INTEGER PRIMARY KEY, semantic TEXT NOT NULL UNIQUE, version TEXT NOT NULL UNIQUE,
  sha256 TEXT NOT NULL, metrics TEXT NOT NULL, lineage TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS aliases(
  alias TEXT PRIMARY KEY, version TEXT NOT NULL REFERENCES versions(version));
"""


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
    """The registry in ``folder``, made if missing; close it when done."""

    def __init__(self, folder: Path) -> None:
        self._artefacts = folder / "artefacts"
        self._artefacts.mkdir(parents=True, exist_ok=True)
        self._db = sqlite3.connect(folder / "registry.db", isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=FULL")
        self._db.execute("PRAGMA foreign_keys=ON")
        self._db.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the database; the write-ahead log is folded into ``registry.db``."""
        self._db.close()

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
        sha256 = hashlib.sha256(artefact).hexdigest()
        full = f"{version}+{sha256[:12]}"
        new = Version(
            version=full, semantic=version, sha256=sha256, metrics=dict(metrics), lineage=dict(lineage)
        )
        write_durably(self._path(sha256), artefact)
        self._db.execute(
            "INSERT INTO versions(semantic, version, sha256, metrics, lineage) VALUES (?,?,?,?,?) "
            "ON CONFLICT DO NOTHING",
            (version, full, sha256, _json(new.metrics), _json(new.lineage)),
        )
        if (stored := self._one("semantic", version)) != new:
            raise VersionConflict(f"version {version} is taken by {stored.version if stored else '?'}")
        return new

    def versions(self) -> list[Version]:
        """List all versions in the order they were put."""
        rows = self._db.execute(
            "SELECT version, semantic, sha256, metrics, lineage FROM versions ORDER BY seq"
        )
        return [_version(row) for row in rows]

    def alias(self, name: str) -> Alias:
        """Return where alias ``name`` points.

        Raises:
            UnknownVersion: there is no such alias.
        """
        row = self._db.execute(
            "SELECT alias, version, sha256 FROM aliases JOIN versions USING (version) WHERE alias = ?",
            (name,),
        ).fetchone()
        if row is None:
            raise UnknownVersion(f"no alias {name!r}")
        return Alias(alias=row[0], version=row[1], sha256=row[2])

    def aliases(self) -> list[Alias]:
        """List all aliases."""
        rows = self._db.execute(
            "SELECT alias, version, sha256 FROM aliases JOIN versions USING (version) ORDER BY alias"
        )
        return [Alias(alias=row[0], version=row[1], sha256=row[2]) for row in rows]

    def set_alias(self, name: str, version: str, *, was: str = "") -> Alias:
        """Point alias ``name`` at full version ``version`` in one step, after verifying its file.

        ``was``: only if it points there, or at ``version`` already.

        Raises:
            UnknownVersion: there is no such version.
            BadArtefact: its file is missing or damaged.
            VersionConflict: the alias points elsewhere than at ``was``.
        """
        known = self._one("version", version)
        if known is None:
            raise UnknownVersion(f"no version {version!r}")
        self.artefact(known.sha256)
        if was and (now := self.alias(name).version) not in (was, version):
            raise VersionConflict(f"alias {name} is at {now}, not at {was}")
        self._db.execute(
            "INSERT INTO aliases VALUES (?, ?) ON CONFLICT (alias) DO UPDATE SET version = excluded.version",
            (name, version),
        )
        return Alias(alias=name, version=version, sha256=known.sha256)

    def artefact(self, sha256: str) -> bytes:
        """Return the bytes with that hash, verified on every read.

        Raises:
            UnknownVersion: no version has this artefact.
            BadArtefact: its file is missing or damaged.
        """
        if not _SHA256.fullmatch(sha256) or self._one("sha256", sha256) is None:
            raise UnknownVersion(f"no artefact {sha256[:80]!r}")
        try:
            data = self._path(sha256).read_bytes()
        except OSError as error:
            raise BadArtefact(f"artefact {sha256[:12]}.. cannot be read: {error}") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise BadArtefact(f"artefact {sha256[:12]}.. is damaged on disk")
        return data

    def _path(self, sha256: str) -> Path:
        return self._artefacts / f"{sha256}.npz"

    def _one(self, column: str, value: str) -> Version | None:
        row = self._db.execute(
            f"SELECT version, semantic, sha256, metrics, lineage FROM versions WHERE {column} = ?", (value,)
        ).fetchone()
        return None if row is None else _version(row)


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


def _json(value: Mapping[str, object]) -> str:
    return json.dumps(value, sort_keys=True)


def _version(row: tuple[str, str, str, str, str]) -> Version:
    return Version(
        version=row[0],
        semantic=row[1],
        sha256=row[2],
        metrics=json.loads(row[3]),
        lineage=json.loads(row[4]),
    )
