"""The policy's Git repository: made when a system is prepared, read by its healer.

Comes in: a folder, bare or with a working tree. Goes out: the file of its commits, along first parents.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from dulwich.errors import NotGitRepository
from dulwich.objects import Blob, Commit, ObjectID, Tree
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


def add_policy(repo: Repo, text: bytes) -> str:
    """Commit ``text`` as the policy; nothing is taken from the machine: no clock, no name, no hooks."""
    blob, tree, commit = Blob.from_string(text), Tree(), Commit()
    tree.add(FILE.encode(), _MODE, blob.id)
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
        """See :class:`reference_pipeline.healing.policy.PolicySource`."""
        with self._opened() as repo:
            name: ObjectID | None = _head(repo)
            while name is not None:
                commit = repo[name]
                if not isinstance(commit, Commit):
                    raise PolicyUnreadable(f"{name.decode()} is no commit")
                yield name.decode(), _text(repo, commit)
                name = commit.parents[0] if commit.parents else None

    def _opened(self) -> Repo:
        try:
            return Repo(self._folder)
        except (NotGitRepository, OSError) as error:
            raise PolicyUnreadable(f"{self._folder} is no Git repository: {error}") from error


def _head(repo: Repo) -> ObjectID:
    try:
        return repo.head()
    except (KeyError, OSError) as error:
        raise PolicyUnreadable("the repository has no commit") from error


def _text(repo: Repo, commit: Commit) -> bytes:
    try:
        tree = repo[commit.tree]
        assert isinstance(tree, Tree)
        blob = repo[tree[FILE.encode()][1]]
        assert isinstance(blob, Blob)
        return blob.data
    except (KeyError, OSError, ValueError) as error:
        raise PolicyUnreadable(f"commit {commit.id.decode()[:12]} has no {FILE}") from error
