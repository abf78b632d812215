"""One class over all campaigns: where its figures went, where none is, where they are others. Pure.

Comes in: entries, newest last. Goes out: a ``Series`` a class. Seconds of two classes are never put together,
and a campaign of which no figure counts is a gap that nothing is drawn across.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence

import msgspec

from harness.archive.changes import MEASURE
from harness.archive.entry import Entry, Point

UNTRUSTED = frozenset({"VOID", "UNSAFE"})
ClassKey = tuple[str, str, str, str]


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Stage(_Frozen, frozen=True, kw_only=True):
    """One campaign in a series. ``gap``: why there is no figure, "" = there is. ``breaks``: what is another
    than in the stage before, so that the two are not one line.
    """

    id: str
    started_utc: str
    word: str
    gap: str
    breaks: tuple[str, ...]
    point: Point


class Series(_Frozen, frozen=True, kw_only=True):
    """One class over time."""

    fault: str
    subject: str
    arm: str
    restart_profile: str
    stages: tuple[Stage, ...]


def series(listed: Sequence[Entry]) -> tuple[Series, ...]:
    """Follow every class that occurs in ``listed``, in the order of names."""
    found: dict[ClassKey, list[tuple[Entry, Point]]] = defaultdict(list)
    for entry in listed:
        for point in entry.classes:
            found[point.fault, point.subject, point.arm, point.restart_profile].append((entry, point))
    return tuple(
        Series(fault=key[0], subject=key[1], arm=key[2], restart_profile=key[3], stages=tuple(_stages(seen)))
        for key, seen in sorted(found.items())
    )


def is_joined(before: Stage, after: Stage) -> bool:
    """Whether a line may be drawn from one median to the next."""
    figures = before.point.median.value_s is not None and after.point.median.value_s is not None
    return figures and not (before.gap or after.gap or after.breaks)


def _stages(seen: Sequence[tuple[Entry, Point]]) -> Iterator[Stage]:
    before: tuple[Entry, Point] | None = None
    for entry, point in seen:
        yield Stage(
            id=entry.id,
            started_utc=entry.started_utc,
            word=entry.word,
            gap=f"{entry.word}: {entry.why}" if entry.word in UNTRUSTED else "",
            breaks=tuple(_breaks(before, (entry, point))) if before else (),
            point=point,
        )
        before = entry, point


def _breaks(before: tuple[Entry, Point], after: tuple[Entry, Point]) -> Iterator[str]:
    (old, old_point), (new, new_point) = before, after
    yield from breaks(old, new)
    if old_point.horizon_s != new_point.horizon_s:
        yield f"watched for {old_point.horizon_s:g} s to {new_point.horizon_s:g} s"


def breaks(old: Entry, new: Entry) -> Iterator[str]:
    """Say what is another than before, so that figures of the two are no line."""
    for what, one, other in (
        ("system", old.system, new.system),
        ("target", old.target, new.target),
        ("pace", old.pace, new.pace),
        ("harness", old.harness_version, new.harness_version),
        ("profile", old.profile_name, new.profile_name),
    ):
        if one != other:
            yield f"{what} {one or '-'} to {other or '-'}"
    if old.profile_name == new.profile_name and _measure(old) != _measure(new):
        yield f"profile {new.profile_name or '-'} measures otherwise"


def _measure(entry: Entry) -> tuple[float, ...] | None:
    return None if entry.profile is None else tuple(getattr(entry.profile, knob) for knob in MEASURE)
