"""The policy's Git repository: made when a system is prepared, read by its healer.

Comes in: a folder, bare or with a working tree. Goes out: the file of its commits, along first parents.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dulwich.objects import Blob, Commit, ObjectID, ShaFile, Tree
from dulwich.refs import Ref
from dulwich.repo import Repo

from reference_pipeline.healing.policy import FILE, PolicyUnreadable

FOLDER = "policy.git"
SHIPPED = Path(__file__).resolve().parents[1] / "healing" / FILE
_MAIN = Ref(b"refs/heads/main")
_WHO = b"hormesis <hormesis@localhost>"
_MODE = 0o100644


def make_policies(folder: Path, text: bytes) -> str:
    """Make a bare repository at ``folder`` with one commit of ``text``; the same text gives the same hash."""
    folder.mkdir()
    with Repo.init_bare(folder, default_branch=b"main") as repo:
        return add_policy(repo, text)


def add_policy(repo: Repo, text: bytes, name: str = FILE) -> str:
    """Commit ``text`` as the policy; nothing is taken from the machine: no clock, no name, no hooks."""
    blob, tree, commit = Blob.from_string(text), Tree(), Commit()
    tree.add(name.encode(), _MODE, blob.id)
    commit.tree = tree.id
    commit.parents = [repo.refs[_MAIN]] if _MAIN in repo.refs else []
    commit.author = commit.committer = _WHO
    commit.author_time = commit.commit_time = 0
    commit.author_timezone = commit.commit_timezone = 0
    commit.encoding = b"UTF-8"
    commit.message = b"policy\n"
    for one in (blob, tree, commit):
        repo.object_store.add_object(one)
    repo.refs[_MAIN] = commit.id
    return commit.id.decode()


class GitPolicies:
    """The port ``PolicySource`` over a folder; opened anew at each call, so that what is pushed is seen."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def head(self) -> str:
        """See :class:`reference_pipeline.healing.policy.PolicySource`."""
        with self._opened() as repo:
            return _head(repo).decode()

    def commits(self) -> Iterator[tuple[str, bytes]]:
        """See ``healing.policy.PolicySource``; a commit without the file has no text."""
        with self._opened() as repo:
            name: ObjectID | None = _head(repo)
            while name is not None:
                commit = _read(repo, name)
                if not isinstance(commit, Commit):
                    raise PolicyUnreadable(f"{name.decode()} is no commit")
                yield name.decode(), _text(repo, commit)
                name = commit.parents[0] if commit.parents else None

    def _opened(self) -> Repo:
        try:
            return Repo(self._folder)
        except Exception as error:
            # Broad on purpose, here and below: a damaged repository raises many things, none of them known.
            raise PolicyUnreadable(f"{self._folder.name} is no Git repository: {error}") from error


def _head(repo: Repo) -> ObjectID:
    try:
        return repo.head()
    except Exception as error:
        raise PolicyUnreadable("the repository has no commit") from error


def _read(repo: Repo, name: ObjectID) -> ShaFile:
    try:
        return repo[name]
    except Exception as error:
        raise PolicyUnreadable(f"object {name.decode()[:12]} cannot be read: {error!r}") from error


def _text(repo: Repo, commit: Commit) -> bytes:
    """Give the file's text; nothing where the commit has no such file."""
    tree = _read(repo, commit.tree)
    if not isinstance(tree, Tree) or FILE.encode() not in tree:
        return b""
    blob = _read(repo, tree[FILE.encode()][1])
    return blob.data if isinstance(blob, Blob) else b""
