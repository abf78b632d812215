"""Refs are read as a real repository keeps them: loose, packed, by way of HEAD, in a linked work tree."""

from __future__ import annotations

import pytest
from dulwich import porcelain
from dulwich.repo import Repo

from harness.observers.fetch import Unseen
from harness.observers.kinds.git import GitRef

WHO = b"a <a@example.org>"


def commit(folder, text):
    (folder / "policy.yaml").write_text(text)
    porcelain.add(str(folder), [str(folder / "policy.yaml")])
    return porcelain.commit(str(folder), message=text.encode(), author=WHO, committer=WHO).decode()[:12]


@pytest.fixture
def tree(tmp_path):
    porcelain.init(str(tmp_path)).close()
    return tmp_path


def test_a_commit_moves_head_and_its_branch_and_no_other(tree):
    head, branch = GitRef(tree, "HEAD"), GitRef(tree, "refs/heads/master")
    assert (head.look(), branch.look()) == (None, None)
    first = commit(tree, "one")
    with Repo(str(tree)) as repo:
        repo.refs[b"refs/tags/kept"] = repo.head()
    second = commit(tree, "two")
    assert (head.look(), branch.look(), GitRef(tree, "refs/tags/kept").look()) == (second, second, first)


def test_packed_refs_and_bare_repositories_are_read(tree):
    first = commit(tree, "one")
    with Repo(str(tree)) as repo:
        repo.refs.pack_refs(all=True)
    assert not (tree / ".git/refs/heads/master").exists()
    assert GitRef(tree, "HEAD").look() == first
    assert GitRef(tree / ".git", "refs/heads/master").look() == first
    second = commit(tree, "two")  # loose again, beside what is packed
    assert GitRef(tree, "refs/heads/master").look() == second


def test_a_linked_work_tree_has_a_head_of_its_own(tree, tmp_path):
    first = commit(tree, "one")
    own = tree / ".git/worktrees/other"
    own.mkdir(parents=True)
    (own / "HEAD").write_text("ref: refs/heads/side\n")
    (own / "commondir").write_text("../..\n")
    linked = tmp_path / "linked"
    linked.mkdir()
    (linked / ".git").write_text(f"gitdir: {own}\n")
    assert GitRef(linked, "HEAD").look() is None
    with Repo(str(tree)) as repo:
        repo.refs[b"refs/heads/side"] = repo.head()
    assert GitRef(linked, "HEAD").look() == first


@pytest.mark.parametrize(
    ("spoilt", "why"),
    [
        (lambda git: (git / "HEAD").unlink(), "no repository"),
        (lambda git: (git / "HEAD").write_text("ref: HEAD"), "leads on"),
        (lambda git: (git / "HEAD").write_text("nonsense"), "names no commit"),
        (lambda git: (git / "HEAD").write_text(""), "is empty"),
        (lambda git: (git / "reftable").mkdir(), "reftable"),
    ],
)
def test_what_is_no_repository_of_files_is_unseen(tree, spoilt, why):
    spoilt(tree / ".git")
    with pytest.raises(Unseen, match=why):
        GitRef(tree, "HEAD").look()
