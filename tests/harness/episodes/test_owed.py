"""What a system owes: the band before the fault, the peak, and when it is back for good."""

from __future__ import annotations

import msgspec

from harness.episodes.dues import Debt
from harness.episodes.model import Level
from harness.episodes.owed import debt_of, risen_s, with_debt
from harness.history.events import Owed

ABSORBED = Level(
    impact_s=None, recovered_s=None, bound_low_s=None, bound_high_s=None, flaps=0, lost_s=0.0, bad_ratio=0.0
)


def looks(*owed: int, every_s: float = 1.0, rate_hz: int = 10) -> list[Owed]:
    return [
        Owed(at_s=number * every_s, accepted=round(number * every_s * rate_hz), owed=one)
        for number, one in enumerate(owed)
    ]


def around(seen: list[Owed], *, end_s: float | None = None) -> Debt | None:
    """A fault at 5 s, the first of the run, watched to a second after the last look."""
    over_s = end_s or max((look.at_s for look in seen), default=9.0) + 1.0
    return debt_of(seen, before_s=5.0, inject_s=5.0, end_s=over_s)


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


def test_a_debt_that_stays_is_an_impact_though_no_window_shows_it() -> None:
    seen = looks(1, 1, 1, 1, 1, 3, 11, 12, 13)
    debt = around(seen)
    assert debt == Debt(band=10, peak=13, back_s=None)
    bound = msgspec.structs.replace(debt, binds=True)
    hurt = with_debt(ABSORBED, bound, 9.0, above_s=risen_s(seen, bound, 5.0))
    assert (hurt.impact_s, hurt.recovered_s, hurt.answered_s) == (1.0, None, 0.0)
    assert with_debt(ABSORBED, msgspec.structs.replace(bound, back_s=9.1), 9.0).impact_s == 0.0
    assert with_debt(ABSORBED, msgspec.structs.replace(bound, back_s=9.0), 9.0) == ABSORBED
    assert with_debt(ABSORBED, debt, 9.0) == ABSORBED


def test_too_few_looks_before_or_none_after_say_nothing() -> None:
    assert debt_of(looks(1, 1, 1, 90, 1), before_s=2.5, inject_s=2.5, end_s=9.0) is None
    assert around(looks(1, 1, 1, 1, 1)) is None
    assert around([]) is None


def test_a_hole_in_the_looks_says_nothing_of_what_was_owed_in_it() -> None:
    seen = looks(1, 1, 1, 1, 1, 60, 0, 0, 0, 0)
    assert around(seen) == Debt(band=10, peak=60, back_s=1.0)
    for gone in ([6, 7], [5, 6], [8, 9]):
        assert around([look for look in seen if look.at_s not in gone], end_s=10.0) is None


def test_a_hole_before_the_fault_makes_no_wide_band() -> None:
    late = [look for look in looks(*[1] * 30, 90, 3, every_s=0.5) if not 3.0 <= look.at_s < 12.0]
    found = debt_of(late, before_s=14.0, inject_s=14.6, end_s=16.0)
    assert found == Debt(band=5, peak=90, back_s=0.9)
