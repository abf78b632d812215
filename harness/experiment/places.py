"""Places outside of a system's services at which its acts show, as ``observe:`` of its file names them.

Comes in: decoded data. Goes out: one struct a kind. Its *address* is what a history calls it: the kind, a
blank, what is looked at. A route is ``service:/route``, and no service's name has a blank.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=500)]
WORDS = ("{system}", "{state}", "{template}")
"""What a path may begin with; one that begins with none counts from the system file's folder."""
JOURNAL = "journal"
KINDS = ("sqlite", "file", "git", "mlflow", JOURNAL)


class _Place(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``of``: whose acts its changes are; "" = the workload's service."""

    of: str = ""


class SqlitePlace(_Place, frozen=True, kw_only=True):
    """The one value that ``query`` reads from a database ``file``."""

    file: Text
    query: Text

    @property
    def address(self) -> str:
        """How a history names it."""
        return f"sqlite {self.file} {self.query}"


class FilePlace(_Place, frozen=True, kw_only=True):
    """A file, or all that a glob finds: their content, or only their length and when they were written."""

    path: Text
    by: Literal["content", "stamp"] = "content"

    @property
    def address(self) -> str:
        """How a history names it."""
        return f"file {self.path}"


class GitPlace(_Place, frozen=True, kw_only=True):
    """The commit that ``ref`` of a ``repository`` names, bare or with a work tree."""

    repository: Text
    ref: Text = "HEAD"

    @property
    def address(self) -> str:
        """How a history names it."""
        return f"git {self.repository} {self.ref}"


class MlflowPlace(_Place, frozen=True, kw_only=True):
    """The version that an ``alias`` of a registered ``model`` names, asked of the server at ``url``."""

    url: Text
    model: Text
    alias: Text = "champion"

    @property
    def address(self) -> str:
        """How a history names it."""
        return f"mlflow {self.url} {self.model} {self.alias}"


Place = SqlitePlace | FilePlace | GitPlace | MlflowPlace


class Observe(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where acts are seen from outside, as ``service:/route`` or as a place; empty = not observable.

    ``acts``: routes that list acts by cursor (docs/protocols/pipeline.md). ``aliases``: routes whose
    ``version`` is looked at, or, as ``service:/route#/pointer``, what stands there; a change is an act, as it
    is of what stands in a database, in files, in a repository or in a registry of MLflow.
    ``journal``: the healer's own words, by cursor; ``journal_file``, ``journal_url``: one event a line.
    """

    acts: tuple[str, ...] = ()
    aliases: tuple[str, ...] = ()
    journal: str = ""
    sqlite: tuple[SqlitePlace, ...] = ()
    files: tuple[FilePlace, ...] = ()
    git: tuple[GitPlace, ...] = ()
    mlflow: tuple[MlflowPlace, ...] = ()
    journal_file: str = ""
    journal_url: str = ""

    @property
    def places(self) -> tuple[Place, ...]:
        """Where changes are seen outside of the services."""
        return (*self.sqlite, *self.files, *self.git, *self.mlflow)

    @property
    def outside(self) -> tuple[str, ...]:
        """How a history names what is looked at outside of the services, a journal last."""
        journal = self.journal_file or self.journal_url
        return (*(place.address for place in self.places), *([f"{JOURNAL} {journal}"] if journal else []))


def kind_of(address: str) -> str:
    """The kind of a place that is no route of a service; "" for a route.

    >>> kind_of("file registry/*"), kind_of("gateway:/acts")
    ('file', '')
    """
    kind, blank, _ = address.partition(" ")
    return kind if blank and kind in KINDS else ""


def root_of(path: str) -> tuple[str, str]:
    """The word that a path begins with, "" for none, and what stands behind it.

    >>> root_of("{state}/log/*.json"), root_of("registry/champion"), root_of("{state}")
    (('{state}', 'log/*.json'), ('', 'registry/champion'), ('{state}', ''))
    """
    word, _, rest = path.partition("/")
    return (word, rest) if word in WORDS else ("", path)
