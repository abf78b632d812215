"""The policy: what the healer may do and how often, as a file in Git says it.

Comes in: commits of a repository, newest first. Goes out: the policy in force, with the hash of its commit. A
commit that is no policy changes nothing; where none is, nothing is allowed.

    >>> read_policy(b"{version: 1, allowed: [restart], cooldown_s: 30}").cooldown_s
    30.0
    >>> read_policy(b"{version: 1, allowed: [reboot]}")
    Traceback (most recent call last):
    reference_pipeline.healing.policy.BadPolicy: Invalid enum value 'reboot' - at `$.allowed[0]`
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal, Protocol, get_args

import msgspec
import yaml

from reference_pipeline.errors import PipelineError

Sort = Literal["restart", "map", "replay", "train", "recalibrate", "promote", "quarantine"]
SORTS: frozenset[Sort] = frozenset(get_args(Sort))
Seconds = Annotated[float, msgspec.Meta(ge=0)]
Count = Annotated[int, msgspec.Meta(ge=0)]

FILE = "policy.yaml"
COMMITS_BACK_MAX = 20


class BadPolicy(PipelineError):
    """The text is no policy. Mend the file and commit it."""


class PolicyUnreadable(PipelineError):
    """The repository, or the file in a commit of it, cannot be read."""


class Policy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What ``policy.yaml`` says; a key that is left out has the value here."""

    version: Literal[1] = 1
    allowed: frozenset[Sort] = SORTS
    cooldown_s: Seconds = 10.0
    attempts_per_hour: Count = 3
    restarts_per_hour: Count = 6
    replays_per_hour: Count = 10
    trainings_per_hour: Count = 10
    training_cpu_s_per_hour: Seconds = 900.0
    promotions_per_hour: Count = 6


NOTHING = Policy(allowed=frozenset())


class PolicySource(Protocol):
    """A repository with ``FILE`` in it."""

    def head(self) -> str:
        """Give the hash of the newest commit.

        Raises:
            PolicyUnreadable: there is none.
        """

    def commits(self) -> Iterator[tuple[str, bytes]]:
        """Give hash and text of each commit, newest first.

        Raises:
            PolicyUnreadable: one of them cannot be read.
        """


def read_policy(text: bytes) -> Policy:
    """Read the text of a policy.

    Raises:
        BadPolicy: what is wrong, and where.
    """
    try:
        given = yaml.safe_load(text)
        if not isinstance(given, dict):
            raise BadPolicy("it must be a mapping; write 'version: 1' and 'allowed:'")
        return msgspec.convert(given, Policy)
    except (yaml.YAMLError, msgspec.ValidationError, ValueError, RecursionError) as error:
        raise BadPolicy(" ".join(str(error).split())) from error


class Policies:
    """Which policy is in force; :meth:`look` before each decision, or now and then."""

    def __init__(self, source: PolicySource) -> None:
        self._source = source
        self._seen = ""
        self.now = NOTHING
        self.commit = ""

    def look(self) -> str:
        """Take up the newest commit that is a policy; say what is wrong, "" = nothing or as before.

        At the first look older commits are asked as well: a bad one may have come while the healer was down.
        """
        try:
            head = self._source.head()
            if head == self._seen:
                return ""
            wrong = self._take_up()
        except PolicyUnreadable as error:
            return f"the policy cannot be read: {error}; {self._stays()}"
        self._seen = head
        return wrong

    def _take_up(self) -> str:
        wrong = ""
        for number, (commit, text) in enumerate(self._source.commits()):
            if commit == self.commit or number >= COMMITS_BACK_MAX:
                break
            try:
                self.now, self.commit = read_policy(text), commit
            except BadPolicy as error:
                wrong = wrong or f"commit {commit[:12]} is no policy: {error}"
            else:
                break
        return wrong and f"{wrong}; {self._stays()}"

    def _stays(self) -> str:
        return f"that of {self.commit[:12]} stays" if self.commit else "nothing is allowed without one"
