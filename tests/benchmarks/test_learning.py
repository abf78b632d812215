"""What a row of drift, labels and models says of the versions that answered around its fault."""

from __future__ import annotations

import msgspec
import pytest

from benchmarks import learning
from harness.episodes.facts import facts
from harness.episodes.log import RunLog
from harness.episodes.model import Episode
from harness.episodes.timeline import ModelTimeline, ServedVersion
from harness.faults.effects import Hook
from harness.history.events import Injected
from tests.traps.histories import history_of, killed

WRONG = "0.900.1+c"
SET = Injected(
    episode=0,
    effect=Hook(hook="model", action="confident_wrong"),
    sham=False,
    asked_at_s=99.5,
    effective_at_s=100.0,
    pid=0,
    proof=(),
    shows=f"registry:/aliases/champion {WRONG}",
)
LOG = RunLog(injected={0: SET})


def answered(*versions: str) -> Episode:
    """An episode in which these answered one after the other, from before the fault on."""
    (episode,) = facts(history_of(killed())).episodes
    served = tuple(
        ServedVersion(version=one, from_s=10.0 * n - 1.0, until_s=10.0 * n + 9.0, units=500)
        for n, one in enumerate(versions)
    )
    return msgspec.structs.replace(episode, models=ModelTimeline(served=served, changes=(), told=()))


@pytest.mark.parametrize(
    ("versions", "offer", "before"),
    [
        (("1.0.0+a", WRONG, "1.0.0+a"), True, True),
        (("1.0.0+a", WRONG, "1.1.0+b"), True, False),
        (("1.0.0+a", WRONG, "1.0.0+a", WRONG), True, False),
        (("1.0.0+a", "1.1.0+b", "1.0.0+a"), False, True),
        (("1.0.0+a",), False, True),
        ((), False, False),
    ],
)
def test_it_says_whether_the_set_one_answered_and_whether_the_last_is_that_of_before(
    versions: tuple[str, ...], offer: bool, before: bool
) -> None:
    episode = answered(*versions)
    assert learning._served_offer(episode, LOG) is offer
    assert learning._served_before(episode) is before


def test_where_no_version_is_told_none_served() -> None:
    episode = msgspec.structs.replace(answered(), models=None)
    assert not learning._served_offer(episode, LOG)
    assert not learning._served_before(episode)
