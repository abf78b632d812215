"""The closed set of effects: what a target can do to a system, and undo.

A fault (``process.kill``) compiles to effects; a target implements effects, not faults,
so that N faults and M targets need N + M pieces of code and not N x M. ``place`` says where an
effect hits (a service, an edge, the records, the world), ``lasts_s`` how long by itself.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Literal

import msgspec

Way = Literal["both", "request", "answer"]
"""Direction on an edge: caller to callee (request), back (answer), or both."""

Body = Literal["html", "empty", "truncated", "status"]
"""What replaces an answer: 200 with HTML, 200 with nothing, 200 cut in the middle, or a 502."""

Mutation = Literal[
    "rename",
    "drop",
    "add",
    "type",
    "unit",
    "null",
    "null_by_label",
    "sentinel",
    "duplicate",
    "late",
    "stuck",
    "new_category",
    "truncate",
    "decoy",
]
"""What is done to a record on its way in; ``decoy`` drops the field and adds a plausible, wrong one."""

Moves = Literal["records", "truth", "both"]
"""What a move of the world changes: P(x) alone, P(y|x) alone, or the share of positives, which moves both."""

Wrong = Literal["delay", "stop", "flip", "select"]
"""How labels are told wrongly: later, not before the end, the other way round, of what was declined alone."""

RECORDS, LOAD, WORLD, LABELS = "records", "load", "world", "labels"
"""The places of effects on what the world sends, on how much of it, on the world itself, on what it tells."""


class _Effect(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Kill(_Effect, frozen=True, kw_only=True, tag="kill", omit_defaults=True):
    """End one process of ``service`` with SIGKILL. Undo: the service runs again.

    ``times`` above 1: a succession of kills, ``every_s`` apart, of whoever is its process by then. Defaults
    are not written, so that a plan of single kills keeps its hash.
    """

    service: str
    times: int = 1
    every_s: float = 0.0


class Pause(_Effect, frozen=True, kw_only=True, tag="pause"):
    """Stop one process of ``service`` with SIGSTOP: its port stays open, nothing answers.

    Sticky unless ``duration_s`` is set. Undo: SIGCONT to that very process if it still exists.
    """

    service: str
    duration_s: float | None = None


class Delay(_Effect, frozen=True, kw_only=True, tag="delay"):
    """Hold every byte on ``edge`` for ``latency_ms`` plus a uniform draw from +-``jitter_ms``.

    ``way`` both: the round trip grows by ``latency_ms``, half each way. Never early, order is kept.
    """

    edge: str
    latency_ms: float
    jitter_ms: float = 0.0
    way: Way = "both"
    duration_s: float | None = None


class Throttle(_Effect, frozen=True, kw_only=True, tag="throttle"):
    """Let through at most ``rate_kib_s`` on the whole edge, each way, shared by its connections."""

    edge: str
    rate_kib_s: float
    duration_s: float | None = None


class Cut(_Effect, frozen=True, kw_only=True, tag="cut"):
    """Partition: nothing passes on ``edge`` in the named way, for a share of the connections.

    Connections stay open and new ones are accepted; what is held is delivered after the undo.
    """

    edge: str
    way: Way = "both"
    share_ratio: float = 1.0
    duration_s: float | None = None


class Blackhole(_Effect, frozen=True, kw_only=True, tag="blackhole"):
    """New connections get no answer to their SYN; existing ones are held as by ``Cut``."""

    edge: str
    duration_s: float | None = None


class Refuse(_Effect, frozen=True, kw_only=True, tag="refuse"):
    """The edge's port is closed: existing connections are reset, new ones refused."""

    edge: str
    duration_s: float | None = None


class Reset(_Effect, frozen=True, kw_only=True, tag="reset"):
    """A share of the connections is reset (RST): existing ones at once, new ones at their first byte."""

    edge: str
    share_ratio: float = 1.0
    duration_s: float | None = None


class Slice(_Effect, frozen=True, kw_only=True, tag="slice"):
    """Pass bytes in pieces of ``slice_bytes``, ``pause_ms`` apart."""

    edge: str
    slice_bytes: int
    pause_ms: float = 0.0
    way: Way = "both"
    duration_s: float | None = None


class Corrupt(_Effect, frozen=True, kw_only=True, tag="corrupt"):
    """Flip one bit in a share of the chunks."""

    edge: str
    share_ratio: float = 1.0
    way: Way = "answer"
    duration_s: float | None = None


class WrongBody(_Effect, frozen=True, kw_only=True, tag="wrong_body"):
    """Replace a share of the HTTP answers by ``body``."""

    edge: str
    body: Body = "html"
    share_ratio: float = 1.0
    duration_s: float | None = None


class Mutate(_Effect, frozen=True, kw_only=True, tag="mutate"):
    """Change a share of the records before they are sent; the taint ledger knows each of them.

    ``field``: which one (not for duplicate, late, truncate). ``factor``: of a unit change.
    ``value``: of a sentinel. ``lag_s``: of late and duplicate records. ``ramp_s``: the share grows to
    ``share_ratio`` along it. ``slice_field``, ``slice_level``: only where that field is that.
    """

    mutation: Mutation
    field: str = ""
    share_ratio: float = 1.0
    factor: float = 100.0
    value: float = -1.0
    lag_s: float = 1.0
    ramp_s: float = 0.0
    slice_field: str = ""
    slice_level: str = ""
    duration_s: float | None = None


class Surge(_Effect, frozen=True, kw_only=True, tag="surge"):
    """Offer load batches ``factor`` times as often; the witness's units stay as they are."""

    factor: float = 2.0
    duration_s: float | None = None


class Shift(_Effect, frozen=True, kw_only=True, tag="shift"):
    """Move ``knob`` of the world to ``value``, at once or along ``ramp_s``.

    ``period_s`` above 0: it holds in the first half of each period only. ``field``, ``level``: only where a
    record's field is that. ``moves``: what must change by it, and what must not.
    """

    knob: str
    value: float
    moves: Moves = "both"
    ramp_s: float = 0.0
    period_s: float = 0.0
    field: str = ""
    level: str = ""
    duration_s: float | None = None


class Relabel(_Effect, frozen=True, kw_only=True, tag="relabel"):
    """Tell the labels of a share of the units wrongly; the taint ledger knows each of them.

    ``factor``: of a delay. ``only``: labels that are that (-1: any). ``field``, ``level``: only where a
    record's field is that.
    """

    how: Wrong
    share_ratio: float = 1.0
    factor: float = 1.0
    only: int = -1
    field: str = ""
    level: str = ""
    duration_s: float | None = None


class Hook(_Effect, frozen=True, kw_only=True, tag="hook"):
    """Have a program of the system's own do ``action``. Undo: have it undone.

    ``scale``, ``shift``: what the action takes, if it takes any.
    """

    hook: str
    action: str
    scale: float = 1.0
    shift: float = 0.0
    duration_s: float | None = None


ProcessEffect = Kill | Pause
EdgeEffect = Delay | Throttle | Cut | Blackhole | Refuse | Reset | Slice | Corrupt | WrongBody
WorldEffect = Mutate | Surge | Shift | Relabel
Effect = ProcessEffect | EdgeEffect | WorldEffect | Hook


def place(effect: Effect) -> str:
    """Name where an effect hits: its service, its edge, ``records``, ``load``, ``world``, ``labels``, or
    the hook that does it.

    >>> place(Kill(service="gateway")), place(Cut(edge="gateway-features")), place(Mutate(mutation="drop"))
    ('gateway', 'gateway-features', 'records')
    """
    match effect:
        case Kill() | Pause():
            return effect.service
        case Mutate():
            return RECORDS
        case Surge():
            return LOAD
        case Shift():
            return WORLD
        case Relabel():
            return LABELS
        case Hook():
            return effect.hook
        case _:
            return effect.edge


def lasts_s(effect: Effect) -> float | None:
    """Seconds after which an effect ends by itself; None = sticky, it stays until somebody removes it.

    A succession of kills lasts until its last one; a single kill stays.

    >>> lasts_s(Pause(service="gateway", duration_s=3.0)), lasts_s(Kill(service="gateway"))
    (3.0, None)
    """
    if isinstance(effect, Kill):
        return round((effect.times - 1) * effect.every_s, 6) if effect.times > 1 else None
    return effect.duration_s


def subject(effect: Effect, *, timed: bool = False) -> str:
    """Name what an effect hits and how hard, so that a tenth and all of the records are two classes.

    What is as usual goes without saying. Unequal effects of one kind of fault have unequal names, but for how
    long they last, which only ``timed`` adds: see ``subject_among``.

    >>> subject(Kill(service="gateway")), subject(Delay(edge="gateway-features", latency_ms=400))
    ('gateway', 'gateway-features 400 ms')
    >>> subject(Mutate(mutation="rename", field="amount", share_ratio=0.1))
    'amount 10 %'
    >>> subject(Shift(knob="fraud_odds", value=3.0, ramp_s=10.0))
    'fraud_odds 3 over 10 s'
    """
    # A level is the user's own words: it stands last, so that no other part can be taken for one of it.
    part = ""
    if isinstance(effect, Shift | Relabel) and effect.field:
        part = f" where {effect.field} is {effect.level}"
    elif isinstance(effect, Mutate) and effect.slice_field:
        part = f" where {effect.slice_field} is {effect.slice_level}"
    return f"{_size(effect)}{_length(effect) if timed else ''}{part}"


def subject_among(effect: Effect, others: Iterable[Effect]) -> str:
    """Name ``effect`` beside ``others`` of its kind: with how long it lasts where that alone tells two apart.

    >>> short, long = Cut(edge="a-b", duration_s=3.0), Cut(edge="a-b")
    >>> subject_among(short, [short, long]), subject_among(long, [short, long]), subject_among(short, [short])
    ('a-b 100 % for 3 s', 'a-b 100 % until undone', 'a-b 100 %')
    """
    alike = (other for other in others if subject(other) == subject(effect))
    return subject(effect, timed=any(lasts_s(other) != lasts_s(effect) for other in alike))


def _size(effect: Effect) -> str:
    match effect:
        case Mutate():
            return f"{effect.field or RECORDS} {_percent(effect.share_ratio)}{_change(effect)}"
        case Surge():
            return f"{LOAD} x{_number(effect.factor)}"
        case Shift():
            period = f" every {_number(effect.period_s)} s" if effect.period_s else ""
            return f"{effect.knob} {_number(effect.value)}{_ramp(effect)}{period}"
        case Relabel():
            factor = "" if effect.factor == 1 else f" x{_number(effect.factor)}"
            return f"{LABELS}{factor} {_percent(effect.share_ratio)}"
        case Hook():
            scale = "" if effect.scale == 1 else f" x{_number(effect.scale)}"
            shift = "" if effect.shift == 0 else f" +{_number(effect.shift)}"
            return f"{effect.hook}{scale}{shift}"
        case Kill():
            again = f" {effect.times} times {_number(effect.every_s)} s apart" if effect.times > 1 else ""
            return f"{effect.service}{again}"
        case Pause():
            return effect.service
        case _:
            return _on_edge(effect)


def _on_edge(effect: EdgeEffect) -> str:
    match effect:
        case Delay():
            jitter = f" +-{_number(effect.jitter_ms)} ms" if effect.jitter_ms else ""
            return f"{effect.edge} {_number(effect.latency_ms)} ms{jitter}{_way(effect)}"
        case Throttle():
            return f"{effect.edge} {_number(effect.rate_kib_s)} KiB/s"
        case Cut() | Corrupt():
            return f"{effect.edge}{_way(effect)} {_percent(effect.share_ratio)}"
        case Reset():
            return f"{effect.edge} {_percent(effect.share_ratio)}"
        case Slice():
            pause = f" {_number(effect.pause_ms)} ms apart" if effect.pause_ms else ""
            return f"{effect.edge} {effect.slice_bytes} bytes{pause}{_way(effect)}"
        case WrongBody():
            share = "" if effect.share_ratio == 1 else f" {_percent(effect.share_ratio)}"
            return f"{effect.edge} {effect.body}{share}"
        case _:
            return effect.edge


def _way(effect: Delay | Cut | Slice | Corrupt) -> str:
    usual = "answer" if isinstance(effect, Corrupt) else "both"
    return "" if effect.way == usual else f" {effect.way}"


def _change(effect: Mutate) -> str:
    """What a kind of change can be told beside its field and share."""
    usual = Mutate(mutation=effect.mutation)
    whose = " of positives" if effect.mutation == "null_by_label" else ""
    factor = "" if effect.factor == usual.factor else f" x{_number(effect.factor)}"
    value = "" if effect.value == usual.value else f" to {_number(effect.value)}"
    lag = "" if effect.lag_s == usual.lag_s else f" {_number(effect.lag_s)} s later"
    return f"{whose}{factor}{value}{lag}{_ramp(effect)}"


def _ramp(effect: Mutate | Shift) -> str:
    return f" over {_number(effect.ramp_s)} s" if effect.ramp_s else ""


def _length(effect: Effect) -> str:
    length_s = lasts_s(effect)
    return " until undone" if length_s is None else f" for {_number(length_s)} s"


def _number(value: float) -> str:
    """Write six digits, or all of them where six would be another number."""
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def _percent(ratio: float) -> str:
    """Write a share as ``_number`` would; decimal, since a float's hundredth may be another float's."""
    short = f"{ratio * 100:g}"
    exact = (Decimal(repr(float(ratio))) * 100).normalize()
    return f"{short if float(Decimal(short) / 100) == ratio else exact} %"
