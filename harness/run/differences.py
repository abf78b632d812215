"""Where two runs of one plan part: the first event, the first row, the first line, both sides in words.

Comes in: what was recorded, what came of the same plan again. Goes out: ``Difference``; None = nowhere. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import zip_longest

import msgspec

from harness.history.events import Entry, Event, FirstDue, RunStarted
from harness.history.model import History
from harness.history.observations import DTYPE, WITNESS, Rows
from harness.report.trace import event_words

_Told = tuple[float, Event]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Where two runs of one plan part, ``at_s`` seconds after the first unit was due.

    ``what``: the file that tells it.
    """

    what: str
    at_s: float
    recorded: str
    again: str


def first_due_s(history: History) -> float:
    """When its first unit was due, in monotonic seconds; 0 where none was."""
    dues = [entry.event.at_s for entry in history.entries if isinstance(entry.event, FirstDue)]
    return dues[0] if dues else 0.0


def events_differ(recorded: History, again: History, *, begun: bool = False) -> Difference | None:
    """The first event that differs; ``begun``: ``again`` was stopped, and what came later is not asked."""
    was, now, first_s = _told(recorded), _told(again), first_due_s(recorded)
    pairs = zip_longest(was[: len(now)] if begun else was, now)
    parted = next((pair for pair in pairs if pair[0] != pair[1]), None)
    if parted is None:
        return None
    at_s = min(one[0] for one in parted if one is not None)
    one, other = _event_texts(*parted, first_s)
    return Difference(what="history.jsonl", at_s=at_s - first_s, recorded=one, again=other)


def rows_differ(recorded: Rows, again: Rows, first_s: float) -> Difference | None:
    """The first row that differs."""
    if (row := _first_row(recorded, again)) is None:
        return None
    one, other = _row_texts(recorded, again, row, first_s)
    at_s = min(float(rows[row]["ended"]) for rows in (recorded, again) if row < len(rows))
    return Difference(what="observations.bin", at_s=at_s - first_s, recorded=one, again=other)


def lines_differ(name: str, was: bytes, now: bytes, end_s: float) -> Difference | None:
    """The first line of file ``name`` that differs; told at ``end_s``, since it has no instant of its own."""
    if was == now:
        return None
    lines = zip_longest(was.split(b"\n"), now.split(b"\n"))
    number, (one, other) = next((n, pair) for n, pair in enumerate(lines, start=1) if pair[0] != pair[1])

    def shown(line: bytes | None) -> str:
        return f"line {number}: " + ("none" if line is None else line[:300].decode("utf-8", "replace"))

    return Difference(what=name, at_s=end_s, recorded=shown(one), again=shown(other))


def differing(where: str, was: object, now: object) -> Iterator[tuple[str, object, object]]:
    """Leaves of two plain values that differ, each with its path."""
    if isinstance(was, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*was, *now)):
            yield from differing(f"{where}.{key}".strip("."), was.get(key), now.get(key))
    elif isinstance(was, list | tuple) and isinstance(now, list | tuple) and len(was) == len(now):
        for index, (one, other) in enumerate(zip(was, now, strict=True)):
            yield from differing(f"{where}[{index}]", one, other)
    elif was != now:
        yield where, was, now


def _told(history: History) -> list[_Told]:
    """What a history says but for the names of run and rows: those are told of on their own."""
    return [(entry.mono_s, _nameless(entry)) for entry in history.entries]


def _nameless(entry: Entry) -> Event:
    if isinstance(entry.event, RunStarted):
        return msgspec.structs.replace(entry.event, run_id="")
    return entry.event


def _event_texts(recorded: _Told | None, again: _Told | None, first_s: float) -> tuple[str, str]:
    """Both in words; where these are the same, with what words leave out and is not the same."""
    one, other = _event_text(recorded, first_s), _event_text(again, first_s)
    if one != other or recorded is None or again is None:
        return one, other
    events = (msgspec.to_builtins(event) for _, event in (recorded, again))
    leaves = list(differing("", *events)) or [("instant_s", recorded[0], again[0])]
    was, now = (", ".join(f"{leaf[0]} {leaf[side]!r}" for leaf in leaves) for side in (1, 2))
    return f"{one} ({was})", f"{other} ({now})"


def _event_text(told: _Told | None, first_s: float) -> str:
    if told is None:
        return "nothing: it was over"
    at_s, event = told
    words = event_words(event)
    plain = f"{type(event).__struct_config__.tag} {msgspec.json.encode(event).decode()}"
    return f"at {at_s - first_s:.6f} s {': '.join(words) if words else plain}"


def _first_row(recorded: Rows, again: Rows) -> int | None:
    if recorded.tobytes() == again.tobytes():
        return None
    both = zip(recorded, again, strict=False)
    shorter = min(len(recorded), len(again))
    return next((n for n, (one, other) in enumerate(both) if one.tobytes() != other.tobytes()), shorter)


def _row_texts(recorded: Rows, again: Rows, number: int, first_s: float) -> list[str]:
    """Row ``number`` of both: which unit it is of, and the columns that are not the same."""
    there = [rows[number] for rows in (recorded, again) if number < len(rows)]
    differ = [name for name in DTYPE.names or () if len({row[name].tobytes() for row in there}) > 1]
    return [_row_text(rows, number, differ or ("due", "status"), first_s) for rows in (recorded, again)]


def _row_text(rows: Rows, number: int, names: Sequence[str], first_s: float) -> str:
    if number >= len(rows):
        return "no row: it was the last one before"
    row = rows[number]
    shown = {name: row[name].item() for name in names}
    for name in {"due", "sent", "ended"} & set(names):
        shown[name] = round(shown[name] - first_s, 6)
    told = ", ".join(f"{name} {value}" for name, value in shown.items())
    stream = "witness" if row["stream"] == WITNESS else "load"
    return f"row {number + 1}, unit {row['unit']} of the {stream}: {told}"
