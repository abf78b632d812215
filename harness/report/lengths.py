"""Lengths of time, amounts and bounds as short text."""

from __future__ import annotations

from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal

from harness.units import seconds_text

SEEN_MAX = 4  # so many single recoveries are listed where a quantile may not be printed


def seconds(value_s: float | None) -> str:
    """Write a measured length, with a true minus sign.

    >>> seconds(-0.009), seconds(12.24), seconds(-0.0001)
    ('−9 ms', '12.2 s', '0 ms')
    """
    text = seconds_text(value_s)
    return text.removeprefix("-") if text.startswith("-0 ") else text.replace("-", "−")


def after(value_s: float) -> str:
    """Write an instant relative to the fault, signed.

    >>> after(0.012), after(-0.004)
    ('+12 ms', '−4 ms')
    """
    text = seconds(value_s)
    return text if text.startswith("−") else f"+{text}"


def given(value_s: float) -> str:
    """Write a length that somebody chose, as it was chosen.

    >>> given(10.0), given(0.25)
    ('10 s', '0.25 s')
    """
    return f"{value_s:g} s"


def per_cent(ratio: float, *, up: bool) -> str:
    """Write a bound of a share, without a sign, rounded outwards: ``up`` for an upper bound.

    One digit below 10 %, none above; 0 and 100 are only what they are exactly, else there are more digits.

    >>> per_cent(0.025, up=False), per_cent(0.6915, up=False), per_cent(0.6915, up=True)
    ('2.5', '69', '70')
    >>> per_cent(1.0, up=True), per_cent(0.999156, up=True), per_cent(0.000844, up=False)
    ('100', '99.92', '0.08')
    """
    value = Decimal(str(ratio)) * 100  # as it is written: in binary 0.07 * 100 is above 7
    places, exact = (1 if 0 < value < 10 else 0), value in (0, 100)
    while True:
        bound = value.quantize(Decimal(1).scaleb(-places), ROUND_CEILING if up else ROUND_FLOOR)
        if exact or bound not in (0, 100):
            return f"{bound:f}"
        places += 1


def span(low_s: float | None, high_s: float | None) -> str:
    """Write an interval of seconds; an end beyond the horizon is open.

    >>> span(0.04, None), span(None, None), span(0.1, 2.25), span(30.8, 31.9), span(-0.1, 0.2)
    ('40 ms–∞', 'beyond horizon', '100 ms–2.2 s', '30.8–31.9 s', '−100 to 200 ms')
    """
    if low_s is None:
        return "beyond horizon"
    low, high = seconds(low_s), seconds(high_s)
    if low.split()[-1] == high.split()[-1]:
        low = low.split()[0]
    return f"{low} to {high}" if low_s < 0 else f"{low}–{high}"


def seen_text(seen: tuple[float | None, ...]) -> str:
    """List single recoveries where they are few enough to be read one by one.

    >>> seen_text((0.2, None)), seen_text(())
    ('seen: 200 ms, not back', '')
    """
    if not 0 < len(seen) <= SEEN_MAX:
        return ""
    ordered = sorted(seen, key=lambda s: float("inf") if s is None else s)
    return "seen: " + ", ".join("not back" if s is None else seconds(s) for s in ordered)


def amount(value: float) -> str:
    """Write a number that has no unit of its own, with a true minus sign.

    >>> amount(1234.4), amount(-12.34), amount(0.0421), amount(-0.001)
    ('1234', '−12.3', '0.04', '0')
    """
    size = abs(value)
    text = f"{value:.0f}" if size >= 100 or size < 0.005 else f"{value:.{1 if size >= 1 else 2}f}"
    return text.removeprefix("-") if float(text) == 0 else text.replace("-", "−")


def at_most(value: float) -> str:
    """Write an upper bound with two digits, rounded up.

    >>> at_most(599.1), at_most(12.61), at_most(0.0416), at_most(2.0)
    ('600', '13', '0.042', '2.0')
    """
    bound = Decimal(str(value))
    return f"{bound.quantize(Decimal(1).scaleb(bound.adjusted() - 1), ROUND_CEILING):f}"
