"""The audit waits until looks agree: what comes twice comes a moment after all is there."""

from __future__ import annotations

from collections.abc import Callable

from harness.run.audit import Answers, Balance, Listings, judge_ids
from harness.run.settle import settled
from harness.targets.base import MachineClock

ANSWERS = Answers(sent=frozenset("a"), accepted=frozenset("a"), digests={"a": 5}, provisional=frozenset())


HELD = Listings(("a",), (("a", 5),), (), held=1)


class Ticking:
    """A clock on which only waiting takes time."""

    def __init__(self) -> None:
        self.at_s = 0.0

    def now_s(self) -> float:
        return self.at_s

    def sleep_until(self, at_s: float, /) -> None:
        self.at_s = at_s


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


def test_what_a_consumer_still_holds_is_waited_for_and_a_double_of_it_is_seen():
    held = iter([2, 2, 2, 2, 2, 0])

    def look() -> Balance:
        now = next(held, 0)
        return judge_ids(ANSWERS, Listings(("a",), (("a", 5),) * (1 if now else 2), (), held=now))

    balance, settled_s = settled(look, 30.0, Ticking())
    assert (balance.doubled, balance.held) == (1, 0)
    assert settled_s > 0
    balance, settled_s = settled(lambda: judge_ids(ANSWERS, HELD), 3.0, Ticking())
    assert (balance.provable, settled_s) == (False, -1.0)


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
