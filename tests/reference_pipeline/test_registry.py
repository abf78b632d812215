"""The registry core: immutable versions, aliases only to what verifies, whole files only."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from reference_pipeline.errors import BadArtefact, UnknownVersion, VersionConflict
from reference_pipeline.registry import DiskRegistry, Registry, copy_registry


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    opened = DiskRegistry(tmp_path / "registry")
    yield opened
    opened.close()


def _file(folder: Path, data: bytes) -> Path:
    return folder / "registry" / "artefacts" / f"{hashlib.sha256(data).hexdigest()}.npz"


def test_a_put_version_is_listed_with_metrics_and_lineage(registry: Registry) -> None:
    one = registry.put(b"one", "1.0.0", {"cost": 0.1}, {"seed": "1"})
    two = registry.put(b"two", "1.1.0", {}, {})
    assert one.version == f"1.0.0+{hashlib.sha256(b'one').hexdigest()[:12]}"
    assert registry.versions() == [one, two]
    assert registry.artefact(one.sha256) == b"one"


def test_putting_the_same_again_changes_nothing(registry: Registry) -> None:
    first = registry.put(b"one", "1.0.0", {"cost": 0.1}, {})
    assert registry.put(b"one", "1.0.0", {"cost": 0.1}, {}) == first
    assert registry.versions() == [first]


@pytest.mark.parametrize(("data", "cost"), [(b"other", 0.1), (b"one", 0.2)])
def test_a_version_is_immutable(registry: Registry, data: bytes, cost: float) -> None:
    first = registry.put(b"one", "1.0.0", {"cost": 0.1}, {})
    with pytest.raises(VersionConflict, match=r"1\.0\.0"):
        registry.put(data, "1.0.0", {"cost": cost}, {})
    assert registry.versions() == [first]


@pytest.mark.parametrize("version", ["1.0", "v1.0.0", "1.0.0+abc", "", "1.0.0\n"])
def test_a_version_that_is_not_semantic_is_refused(registry: Registry, version: str) -> None:
    with pytest.raises(ValueError, match="MAJOR"):
        registry.put(b"one", version, {}, {})


def test_an_alias_moves_in_one_step(registry: Registry) -> None:
    one = registry.put(b"one", "1.0.0", {}, {})
    two = registry.put(b"two", "2.0.0", {}, {})
    assert registry.set_alias("champion", one.version) == registry.alias("champion")
    assert registry.set_alias("champion", two.version).sha256 == two.sha256
    assert registry.alias("champion").version == two.version


def test_unknown_alias_version_and_artefact_are_named(registry: Registry) -> None:
    with pytest.raises(UnknownVersion, match="'champion'"):
        registry.alias("champion")
    with pytest.raises(UnknownVersion, match="'9'"):
        registry.set_alias("champion", "9")
    for sha256 in ("0" * 64, "../../etc/passwd"):
        with pytest.raises(UnknownVersion):
            registry.artefact(sha256)


def test_no_alias_to_a_version_whose_file_is_damaged_or_gone(registry: Registry, tmp_path: Path) -> None:
    one = registry.put(b"one", "1.0.0", {}, {})
    two = registry.put(b"two", "2.0.0", {}, {})
    registry.set_alias("champion", one.version)
    _file(tmp_path, b"two").write_bytes(b"twO")
    with pytest.raises(BadArtefact, match="damaged"):
        registry.set_alias("champion", two.version)
    _file(tmp_path, b"two").unlink()
    with pytest.raises(BadArtefact, match="cannot be read"):
        registry.artefact(two.sha256)
    assert registry.alias("champion").version == one.version


def test_what_was_put_survives_reopening_and_acknowledged_rows_are_synced(tmp_path: Path) -> None:
    folder = tmp_path / "registry"
    first = DiskRegistry(folder)
    one = first.put(b"one", "1.0.0", {}, {})
    first.set_alias("champion", one.version)
    # Not closed: what a killed process leaves behind.
    second = DiskRegistry(folder)
    assert second.alias("champion").version == one.version
    assert second.versions() == [one]
    second.close()
    first.close()
    with sqlite3.connect(folder / "registry.db") as db:
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    db.close()


def test_a_torn_write_leaves_no_artefact_under_its_name(registry: Registry, tmp_path: Path) -> None:
    torn = _file(tmp_path, b"one").with_suffix(".npz.partial")
    torn.parent.mkdir()
    torn.write_bytes(b"on")
    one = registry.put(b"one", "1.0.0", {}, {})
    assert registry.artefact(one.sha256) == b"one"
    assert not torn.exists()


def test_a_copy_is_made_once_and_never_half(tmp_path: Path) -> None:
    source = DiskRegistry(tmp_path / "template")
    one = source.put(b"one", "1.0.0", {}, {})
    source.set_alias("champion", one.version)
    source.close()
    target = tmp_path / "state" / "registry"
    target.parent.mkdir()
    (tmp_path / "state" / "registry.partial").mkdir()  # a service killed in mid-copy
    for path in sorted((tmp_path / "template").rglob("*"), reverse=True):
        path.chmod(0o555 if path.is_dir() else 0o444)
    copy_registry(tmp_path / "template", target)
    copied = DiskRegistry(target)
    two = copied.put(b"two", "2.0.0", {}, {})
    copied.set_alias("champion", two.version)
    copied.close()
    copy_registry(tmp_path / "template", target)
    again = DiskRegistry(target)
    assert again.alias("champion").version == two.version
    again.close()
    for path in (tmp_path / "template").rglob("*"):
        path.chmod(0o755)


def test_an_alias_moves_only_from_where_it_is_said_to_be(registry: Registry) -> None:
    one, two, three = (registry.put(data, f"1.{n}.0", {}, {}) for n, data in enumerate((b"1", b"2", b"3")))
    registry.set_alias("champion", one.version)
    registry.set_alias("champion", two.version, was=one.version)
    with pytest.raises(VersionConflict, match="not at"):
        registry.set_alias("champion", three.version, was=one.version)
    assert registry.alias("champion").version == two.version


def test_the_same_move_once_more_is_no_conflict(registry: Registry) -> None:
    """Asked again after a crash: it was done, and ``was`` is no more where the alias is."""
    one, two = (registry.put(data, f"1.{n}.0", {}, {}) for n, data in enumerate((b"1", b"2")))
    registry.set_alias("champion", one.version)
    for _ in range(2):
        assert registry.set_alias("champion", two.version, was=one.version).version == two.version
