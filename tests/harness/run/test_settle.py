"""The audit waits until looks agree: what comes twice comes a moment after all is there."""

from __future__ import annotations

from collections.abc import Callable

from harness.run.audit import Answers, Balance, Listings, judge_ids
from harness.run.settle import settled
from harness.targets.base import MachineClock

ANSWERS = Answers(sent=frozenset("a"), accepted=frozenset("a"), digests={"a": 5}, provisional=frozenset())


def looks(*sinks: int) -> Callable[[], Balance]:
    """Looks at a system whose sink holds the one id so many times, look by look; the last one stays."""
    seen = iter(sinks)
    last = [0]

    def look() -> Balance:
        last[0] = next(seen, last[0])
        return judge_ids(ANSWERS, Listings(("a",), (("a", 5),) * last[0], ()))

    return look


def test_a_double_that_comes_after_the_first_whole_look_is_seen():
    balance, settled_s = settled(looks(1, 2), 30.0, MachineClock())
    assert balance.doubled == 1
    assert settled_s > 0


def test_what_is_whole_at_once_and_stays_so_settled_at_once():
    balance, settled_s = settled(looks(1), 30.0, MachineClock())
    assert (balance.delivered_once, balance.doubled, settled_s) == (1, 0, 0.0)


def test_what_is_missing_to_the_end_never_settled():
    balance, settled_s = settled(looks(0), 0.3, MachineClock())
    assert (balance.missing, settled_s) == (1, -1.0)


def test_what_changes_with_every_look_is_given_up_and_not_called_settled():
    strangers: list[tuple[str, int]] = []

    def look() -> Balance:
        strangers.append((f"ghost-{len(strangers)}", 1))
        return judge_ids(ANSWERS, Listings(("a",), (("a", 5), *strangers), ()))

    balance, settled_s = settled(look, 0.0, MachineClock())
    assert balance.foreign == len(strangers) > 1
    assert settled_s == -1.0
