"""OpenMetrics text, for a textfile collector or a push gateway: gauges of the last run.

Comes in: ``Shown``. Goes out: the text, ended by ``# EOF``. Only what is known has a sample: a quantile below
its minimum n, or beyond the horizon, has none, and of what is VOID or UNSAFE no figure counts. A bound that
the data leave open is ``+Inf``; a lower one beyond the horizon is the horizon, for it is at least that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from harness.estimates.model import Mean, Quantile, Share
from harness.report.shown import Shown, ShownArm, ShownClass, label
from harness.verdict.model import Word

_WORDS: tuple[Word, ...] = ("PASS", "DONE", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE")
_Labels = tuple[tuple[str, str], ...]
_Sample = tuple[_Labels, float]


@dataclass(frozen=True, slots=True)
class _Family:
    name: str
    unit: str
    text: str
    samples: Iterable[_Sample]


def openmetrics(shown: Shown) -> str:
    """Write all gauges that have a sample; every one says of which system, target and experiment it is."""
    named = {"system": shown.system, "target": shown.target, "experiment": shown.title}
    own = tuple((key, label(text)) for key, text in named.items())
    lines: list[str] = []
    for family in _families(shown):
        known = [_line(family.name, (*own, *labels), value) for labels, value in family.samples]
        if not known:
            continue
        lines += [f"# TYPE {family.name} gauge"]
        lines += [f"# UNIT {family.name} {family.unit}"] if family.unit else []
        lines += [f"# HELP {family.name} {family.text}", *known]
    return "\n".join([*lines, "# EOF"]) + "\n"


def _families(shown: Shown) -> Iterator[_Family]:
    yield _Family(
        "hormesis_verdict",
        "",
        "1 for the word of the last run, 0 for all others.",
        [((("word", word),), float(word == shown.verdict.word)) for word in _WORDS],
    )
    yield _Family(
        "hormesis_last_run_timestamp_seconds",
        "seconds",
        "When the last run began, in Unix time.",
        _instants(shown.started_utc),
    )
    yield _Family(
        "hormesis_episodes",
        "",
        "Episodes of a class: those whose fault something met, nothing met, and void ones.",
        [(_of(one, ("state", key)), float(n)) for one in shown.classes for key, n in _episodes(one)],
    )
    if shown.verdict.word not in ("VOID", "UNSAFE"):
        yield from _figures(shown.classes, shown.arms)


def _figures(classes: Sequence[ShownClass], arms: Sequence[ShownArm]) -> Iterator[_Family]:
    yield _Family(
        "hormesis_recovery_seconds",
        "seconds",
        "From injection until service was back, of episodes with impact, with an exact 95 % interval.",
        [sample for one in classes for found in (one.median, one.p90) for sample in _recovery(one, found)],
    )
    yield _Family(
        "hormesis_recovery_horizon_seconds",
        "seconds",
        "How long a recovery was waited for.",
        [(_of(one), one.tau_s) for one in classes if math.isfinite(one.tau_s)],
    )
    yield _Family(
        "hormesis_never_recovered_ratio",
        "ratio",
        "Share of episodes with impact that were not back within the horizon, with an exact 95 % interval.",
        [(_of(one, bound), value) for one in classes for bound, value in _never(one.recovered)],
    )
    yield _Family(
        "hormesis_needless_heals_per_hour",
        "",
        "Healing episodes an hour that began while nothing was broken; upper: one-sided 95 % bound.",
        [(_of(one, bound), value) for one in arms for bound, value in _needless(one)],
    )
    yield _Family(
        "hormesis_availability_ratio",
        "ratio",
        "Share of units served, mean over runs with its 95 % interval, by whether faults were injected.",
        [(_of(one, faults, bound), value) for one in arms for faults, bound, value in _available(one)],
    )


def _of(one: ShownClass | ShownArm, *more: tuple[str, str]) -> _Labels:
    named = (("class", label(f"{one.fault} {one.subject}")),) if isinstance(one, ShownClass) else ()
    return (*named, ("arm", label(one.arm)), ("restart_profile", label(one.restart_profile)), *more)


def _bounds(
    value: float | None, low: float | None, high: float | None
) -> Iterator[tuple[tuple[str, str], float]]:
    for name, known in (("value", value), ("lower", low), ("upper", high)):
        if known is not None and not math.isnan(known):
            yield ("bound", name), known


def _episodes(one: ShownClass) -> tuple[tuple[str, int], ...]:
    return (("met", one.n - one.unmet), ("not_met", one.unmet), ("void", one.void))


def _recovery(one: ShownClass, found: Quantile) -> Iterator[_Sample]:
    if found.n < max(1, found.needs_n):
        return
    low_s = one.tau_s if found.low_s is None else found.low_s
    high_s = math.inf if found.high_s is None else found.high_s
    for bound, value_s in _bounds(found.value_s, low_s, high_s):
        yield _of(one, ("quantile", f"{found.q:g}"), bound), value_s


def _never(back: Share) -> Iterator[tuple[tuple[str, str], float]]:
    if back.n:
        yield from _bounds(1 - back.k / back.n, 1 - back.high_ratio, 1 - back.low_ratio)


def _needless(one: ShownArm) -> Iterator[tuple[tuple[str, str], float]]:
    if one.false_heals is not None:
        yield from _bounds(one.false_heals.per_h, None, one.false_heals.upper_per_h)


def _available(one: ShownArm) -> Iterator[tuple[tuple[str, str], tuple[str, str], float]]:
    for faults, found in (("no", one.sham), ("yes", one.faulted)):
        for bound, value in () if found is None else _interval(found):
            yield ("faults", faults), bound, value


def _interval(found: Mean) -> Iterator[tuple[tuple[str, str], float]]:
    """A t interval may reach beyond what a share can be; it is cut there."""
    inside = [None if end is None else min(1.0, max(0.0, end)) for end in (found.low, found.high)]
    yield from _bounds(found.mean, *inside)


def _instants(started_utc: str) -> Iterator[_Sample]:
    try:
        began = datetime.fromisoformat(started_utc)
    except ValueError:
        return
    if began.tzinfo is not None:
        yield (), began.timestamp()


def _line(name: str, labels: _Labels, value: float) -> str:
    written = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels)
    number = "+Inf" if value == math.inf else f"{value:.9g}" if abs(value) < 1e9 else f"{value:.3f}"
    return f"{name}{{{written}}} {number}"


def _escaped(text: str) -> str:
    r"""Escape what ends a label.

    >>> _escaped('a"b' + "\\")
    'a\\"b\\\\'
    """
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
