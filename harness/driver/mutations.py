"""What a fault does to records, by value alone: the same seed, episode and unit give the same change.

Comes in: the records due in a span, in order of due, and a ``Mutate``. Goes out: for each of them what
is offered in its place, or None where it stays as it is, byte for byte. Pure. ``duplicate`` and
``truncate`` change no record but what is offered; they are in ``changes``.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import msgspec

from harness.driver.offered import Offered
from harness.faults.effects import Mutate

_Record = Mapping[str, object]
_KNOWN_OF_RECORD = ("golden", "posterior", "reference", "posterior_before", "reference_before", "label")
_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def hashed_dice(seed: int, episode: int, *labels: str) -> float:
    """Draw a number in [0, 1) from the arguments alone: 53 bits of BLAKE2b.

    >>> [round(hashed_dice(7, episode, "w7-1"), 3) for episode in (0, 0, 1)]
    [0.828, 0.828, 0.018]
    """
    return (int.from_bytes(_digest(seed, episode, *labels)[:8], "big") >> 11) / 2**53


def drawn_name(seed: int, episode: int, what: str, taken: Collection[str]) -> str:
    """Draw eight letters that are none of ``taken``; one name a seed, episode and purpose.

    >>> len(drawn_name(7, 0, "field", {"amount"})), drawn_name(7, 0, "field", ()).isalpha()
    (8, True)
    """
    attempt = 0
    while True:
        digest = _digest(seed, episode, what, str(attempt))
        name = "".join(_LETTERS[byte % len(_LETTERS)] for byte in digest[:8])
        if name not in taken:
            return name
        attempt += 1


def is_touched(effect: Mutate, seed: int, episode: int, offered: Offered, *, since_s: float = 0.0) -> bool:
    """Whether the dice choose this unit: a share of ``share_ratio``, whatever the other units are.

    ``since_s``: for how long the fault was there when the unit was due; along a ramp the share grows by it.
    """
    if effect.slice_field and not in_slice(effect, offered):
        return False
    grown = min(1.0, max(0.0, since_s) / effect.ramp_s) if effect.ramp_s > 0 else 1.0
    return hashed_dice(seed, episode, offered.unit.id) < effect.share_ratio * grown


def in_slice(effect: Mutate, offered: Offered) -> bool:
    """Whether a record is of the part that ``effect`` is about, if it is about one."""
    value = offered.record.get(effect.slice_field)
    return value is not None and str(value) == effect.slice_level


def mutated(
    offered: Sequence[Offered], effect: Mutate, *, seed: int, episode: int, from_s: float = 0.0
) -> tuple[list[Offered | None], str]:
    """Apply ``effect`` to records in order of due; gives each one's change or None, and the taint's detail.

    Not for ``duplicate`` and ``truncate``. A record that lacks the field, or that the change would
    leave equal, is untouched. ``from_s``: when the fault begins, by the units' ``due_s``.
    """
    chosen = [is_touched(effect, seed, episode, one, since_s=one.unit.due_s - from_s) for one in offered]
    if effect.mutation == "late":
        return _exchanged(offered, chosen, effect.lag_s), "exchanged with another unit's record"
    change, detail = _changer(offered, chosen, effect, seed=seed, episode=episode)
    return [_changed(one, change) if hit else None for one, hit in zip(offered, chosen, strict=True)], detail


def known_values(offered: Iterable[Offered], field: str) -> list[object]:
    """Values of ``field`` in the records that have it."""
    return [one.record[field] for one in offered if field in one.record]


def is_number(value: object) -> bool:
    """Whether a JSON value is a number; true is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


_Change = Callable[[Offered], _Record]


def _changed(one: Offered, change: _Change) -> Offered | None:
    record = change(one)
    # 1 == 1.0 == true to Python, and not to who reads the JSON.
    same = record.keys() == one.record.keys() and repr(record) == repr(dict(one.record))
    return None if same else msgspec.structs.replace(one, record=record)


def _changer(
    offered: Sequence[Offered], chosen: Sequence[bool], effect: Mutate, *, seed: int, episode: int
) -> tuple[_Change, str]:
    """Make the change of one record, and say what it is."""
    field = effect.field
    fields = {name for one in offered for name in one.record} | {"id"}
    match effect.mutation:
        case "rename":
            name = drawn_name(seed, episode, "field", fields)
            return lambda one: _renamed(one.record, field, name), f"renamed to {name}"
        case "drop":
            return lambda one: _without(one.record, field), "dropped"
        case "add":
            name = field or drawn_name(seed, episode, "field", fields)
            return lambda one: {
                **one.record,
                name: hashed_dice(seed, episode, one.unit.id, "value"),
            }, f"added {name}"
        case "decoy":
            name = drawn_name(seed, episode, "field", fields)
            return _decoy(offered, field, name, lambda one: hashed_dice(seed, episode, one.unit.id, "donor"))
        case _:
            value, detail = _value_changer(offered, chosen, effect, seed=seed, episode=episode)
            return lambda one: _with_value(one, field, value), detail


def _value_changer(
    offered: Sequence[Offered], chosen: Sequence[bool], effect: Mutate, *, seed: int, episode: int
) -> tuple[Callable[[Offered, object], object], str]:
    """Make the change of one value in its place; gives the value back where there is nothing to do."""
    match effect.mutation:
        case "type":
            return lambda _, value: _retyped(value), "another type"
        case "unit":
            return lambda _, value: _scaled(value, effect.factor), f"x{effect.factor:g}"
        case "null":
            return lambda _, __: None, "null"
        case "null_by_label":
            return lambda one, value: None if one.unit.label == 1 else value, "null where the label is 1"
        case "sentinel":
            return lambda _, value: _sentinel(value, effect.value), f"set to {effect.value:g}"
        case "stuck":
            first = (
                one.record[effect.field]
                for one, hit in zip(offered, chosen, strict=True)
                if hit and effect.field in one.record
            )
            held = next(first, None)
            return lambda _, __: held, "stuck at the first value"
        case "new_category":
            taken = {v for v in known_values(offered, effect.field) if isinstance(v, str)}
            level = drawn_name(seed, episode, "level", taken)
            return lambda _, value: level if isinstance(value, str) else value, f"set to {level}"
        case _:
            raise ValueError(f"{effect.mutation} changes no record")


def _with_value(one: Offered, field: str, value: Callable[[Offered, object], object]) -> _Record:
    if field not in one.record:
        return one.record
    return {**one.record, field: value(one, one.record[field])}


def _renamed(record: _Record, field: str, name: str) -> _Record:
    return {name if key == field else key: value for key, value in record.items()}


def _without(record: _Record, field: str) -> _Record:
    return {key: value for key, value in record.items() if key != field}


def _retyped(value: object) -> object:
    """A number or truth value as text, a text as a list of one; the rest has no such twin."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    return [value] if isinstance(value, str) else value


def _scaled(value: object, factor: float) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    scaled = value * factor
    if not math.isfinite(scaled):
        return value
    # A change of unit keeps the type: 5 -> 500, or the fault would be one of types.
    return int(scaled) if isinstance(value, int) and scaled.is_integer() else scaled


def _sentinel(value: object, sentinel: float) -> object:
    if isinstance(value, str):
        return f"{sentinel:g}"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    return int(sentinel) if isinstance(value, int) and float(sentinel).is_integer() else float(sentinel)


def _decoy(
    offered: Sequence[Offered], field: str, name: str, dice: Callable[[Offered], float]
) -> tuple[_Change, str]:
    """Drop the field and add a column that looks like it: drawn from the other records, so always wrong.

    The draw is even over all others, so type, range and marginal are those of the field.
    """
    donors = [one for one in offered if field in one.record]
    place = {one.unit.id: index for index, one in enumerate(donors)}

    def change(one: Offered) -> _Record:
        own = place.get(one.unit.id)
        if own is None or len(donors) < 2:
            return one.record
        index = int(dice(one) * (len(donors) - 1))
        donor = donors[index + (index >= own)]
        return {**_without(one.record, field), name: donor.record[field]}

    return change, f"dropped, {name} added with values of other records"


def _exchanged(offered: Sequence[Offered], chosen: Sequence[bool], lag_s: float) -> list[Offered | None]:
    """Exchange chosen records within windows of ``lag_s``, so that none moves by more than that.

    What is known of a record (label, posterior, right decision) goes with it; the id stays.
    """
    result: list[Offered | None] = [None] * len(offered)
    windows: dict[int, list[int]] = {}
    for index, hit in enumerate(chosen):
        if hit:
            windows.setdefault(math.floor(offered[index].unit.due_s / lag_s), []).append(index)
    for members in windows.values():
        half = len(members) // 2
        # First half against second half: the most come far apart, and a batch rarely meets itself.
        for one, other in zip(members[:half], members[half : 2 * half], strict=True):
            if _may_exchange(offered[one], offered[other]):
                result[one] = _in_place_of(offered[one], offered[other])
                result[other] = _in_place_of(offered[other], offered[one])
    return result


def _may_exchange(one: Offered, other: Offered) -> bool:
    """Not within a batch, not an equal record, and no golden record leaves the witness's stream."""
    keeps_golden = one.unit.stream == other.unit.stream or not (one.unit.golden or other.unit.golden)
    return one.unit.due_s != other.unit.due_s and one.record != other.record and keeps_golden


def _in_place_of(slot: Offered, source: Offered) -> Offered:
    known = {name: getattr(source.unit, name) for name in _KNOWN_OF_RECORD}
    unit = msgspec.structs.replace(slot.unit, **known)
    return msgspec.structs.replace(slot, unit=unit, record=source.record)


def _digest(seed: int, episode: int, *labels: str) -> bytes:
    text = "\x1f".join((str(seed), str(episode), *labels))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
