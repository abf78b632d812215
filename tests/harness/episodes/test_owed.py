"""What a system owes: the band before the fault, the peak, and when it is back for good."""

from __future__ import annotations

from harness.episodes.model import Debt
from harness.episodes.owed import debt_of
from harness.history.events import Owed


def looks(*owed: int, every_s: float = 1.0, rate_hz: int = 10) -> list[Owed]:
    return [
        Owed(at_s=number * every_s, accepted=round(number * every_s * rate_hz), owed=one)
        for number, one in enumerate(owed)
    ]


def around(seen: list[Owed], *, end_s: float = 100.0) -> Debt | None:
    """A fault at 5 s, the first of the run."""
    return debt_of(seen, before_s=5.0, inject_s=5.0, end_s=end_s)


def test_debt_that_rises_and_falls_is_back_at_the_first_look_after_which_it_stays() -> None:
    debt = around(looks(12, 3, 14, 2, 0, 20, 80, 30, 11, 12, 3))
    assert debt == Debt(band=14, peak=80, back_s=3.0)


def test_debt_that_comes_again_is_back_only_after_the_last_time() -> None:
    debt = around(looks(12, 3, 14, 2, 0, 20, 3, 3, 90, 12, 3))
    assert debt is not None
    assert debt.back_s == 4.0


def test_debt_that_is_still_there_at_the_end_is_not_back() -> None:
    seen = looks(1, 1, 1, 1, 1, 50, 60, 70, 1, 1)
    assert around(seen, end_s=8.0) == Debt(band=10, peak=70, back_s=None)


def test_what_comes_in_between_two_looks_is_no_debt() -> None:
    assert around(looks(0, 0, 0, 0, 0, 9, 10, 8)) == Debt(band=10, peak=10, back_s=0.0)


def test_too_few_looks_before_or_none_after_say_nothing() -> None:
    assert debt_of(looks(1, 1, 1, 90, 1), before_s=2.5, inject_s=2.5, end_s=9.0) is None
    assert around(looks(1, 1, 1, 1, 1)) is None
    assert around([]) is None
