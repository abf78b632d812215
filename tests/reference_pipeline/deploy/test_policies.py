"""The policy in a real Git repository: the same text gives the same hash, and what is pushed is seen."""

from __future__ import annotations

from pathlib import Path

import pytest
from dulwich.repo import Repo

from reference_pipeline.deploy.policies import SHIPPED, GitPolicies, add_policy, make_policies
from reference_pipeline.healing.policy import Policies, Policy, PolicyUnreadable


def test_the_same_text_gives_the_same_commit_and_comes_back_as_it_was(tmp_path: Path) -> None:
    made = [make_policies(tmp_path / name, SHIPPED.read_bytes()) for name in ("a", "b")]
    assert made[0] == made[1]
    source = GitPolicies(tmp_path / "a")
    assert source.head() == made[0]
    assert list(source.commits()) == [(made[0], SHIPPED.read_bytes())]


def test_commits_come_newest_first_and_a_new_one_is_in_force_at_the_next_look(tmp_path: Path) -> None:
    first = make_policies(tmp_path / "a", b"version: 1")
    policies = Policies(GitPolicies(tmp_path / "a"))
    assert (policies.look(), policies.now, policies.commit) == ("", Policy(), first)
    with Repo(tmp_path / "a") as repo:
        second = add_policy(repo, b"{version: 1, cooldown_s: 3}")
    assert [commit for commit, _ in GitPolicies(tmp_path / "a").commits()] == [second, first]
    assert (policies.look(), policies.now.cooldown_s, policies.commit) == ("", 3.0, second)


def test_a_folder_that_is_no_repository_or_lacks_the_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(PolicyUnreadable, match="no Git repository"):
        GitPolicies(tmp_path / "gone").head()
    (tmp_path / "empty").mkdir()
    with Repo.init_bare(tmp_path / "empty") as repo:
        assert repo.refs.as_dict() == {}
    with pytest.raises(PolicyUnreadable, match="no commit"):
        GitPolicies(tmp_path / "empty").head()


def test_a_commit_without_the_file_is_no_policy_and_the_one_before_it_stays(tmp_path: Path) -> None:
    first = make_policies(tmp_path / "a", b"version: 1")
    with Repo(tmp_path / "a") as repo:
        add_policy(repo, b"other: file", name="readme.yaml")
    policies = Policies(GitPolicies(tmp_path / "a"))
    assert "is no policy" in policies.look()
    assert (policies.now, policies.commit) == (Policy(), first)


def test_a_damaged_object_is_unreadable_and_no_other_error(tmp_path: Path) -> None:
    commit = make_policies(tmp_path / "a", b"version: 1")
    (tmp_path / "a" / "objects" / commit[:2] / commit[2:]).chmod(0o644)
    (tmp_path / "a" / "objects" / commit[:2] / commit[2:]).write_bytes(b"torn")
    with pytest.raises(PolicyUnreadable):
        list(GitPolicies(tmp_path / "a").commits())
