"""Lengths of time and bounds of shares as short text."""

from __future__ import annotations

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


def per_cent(ratio: float) -> str:
    """Write a bound of a share, without a sign: at most two significant digits below 10 %.

    >>> per_cent(0.025), per_cent(0.6915), per_cent(1.0)
    ('2.5', '69', '100')
    """
    value = ratio * 100
    return f"{value:.1f}" if 0 < value < 9.95 else f"{value:.0f}"


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
