"""Safety: runners killed, killed with their guardian, interrupted, stopped, halted; how long until clean.

Figure: seconds from the attack until no process of the run is left and no undo record is open; after an
interrupt or a halt, which an orderly end follows, until no undo record is open. Wanted: nothing left, ever,
neither then nor 1 s after the attack, and at most 1 s; a stopped runner first has to lose its lease of 0.8 s,
so its seconds are told and have no bar. 1,000 kills are drawn, two of three at a boundary between steps and
the others at a random time; and in one fault every boundary of a run has its kill. An attack that met no
runner is made again with other dice; how many came while a fault was in force is told, and three of ten must
have. Each attack is one row of ``results/safety.rows.jsonl`` with the commit it was made at; they are
made in batches, so that a cut session goes on where it stopped. Beside them: files made to exhaust a
reader, each refused within 100 ms.
"""

from __future__ import annotations

import importlib
import random
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Protocol

import msgspec

from benchmarks.shared import CLAIMS, commit_text, keep, refuse_a_changed_tree, share_out, stored

NAME = "safety"
SEED = 20_41
KILLS, PAIRS, SIGNALS, STOPS, HALTS = 1000, 200, 100, 75, 20
EACH_OF, BOUNDARIES_MIN = "pause", 1400
SHORT = 20  # one in so many, where not in full
BATCH = 20
FORECAST_S = (KILLS + PAIRS + STOPS + HALTS + 1.05 * BOUNDARIES_MIN) * 4.0 + SIGNALS * 4.5
CLEAN_S_MAX, ARMED_MIN_RATIO = 1.0, 0.3
REFUSED_S_MAX, READINGS = 0.1, 5

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "tests" / "safety"
ROWS = ROOT / "benchmarks" / "results" / "safety.rows.jsonl"
KILLED, KILLED_WITH_GUARDIAN, INTERRUPTED = "runner killed", "runner and guardian killed", "interrupted"
KILLED_AT_EACH, STOPPED, HALTED = "runner killed at each boundary", "runner stopped", "halted"


class Attack(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One attack; ``armed``: a fault was in force. ``clean_s`` None: something was left.

    ``wrong_end``: exit code or words of an interrupt. ``boundary``: the one it came at, of kind "at each
    boundary"; 0 where the run ended before it.
    """

    kind: str
    batch: int
    commit: str
    fault: str
    armed: bool
    clean_s: float | None
    wrong_end: bool = False
    boundary: int = 0


class Left(Protocol):
    """What the kit tells of an attack."""

    armed: bool
    hit: bool
    clean_s: float | None


Seen = tuple[str, Left, float | None, bool]
"""Of one attack: its fault, what was left, seconds until clean (None: something was left), a wrong end."""

Do = Callable[[ModuleType, Path, random.Random, int], Seen]
"""Kit, store, dice and the attack's place among those of its kind, from 0."""


def run(full: bool) -> dict[str, object]:
    """Make the attacks that are missing; ``full`` false: a twentieth of each, stored nowhere."""
    sys.path.insert(0, str(KIT))
    kit = importlib.import_module("safety_kit")
    kit.AGAIN_S = CLEAN_S_MAX
    if not full:
        rows = [row for kind in _KINDS for row in _batch(kit, kind, 0, max(1, _KINDS[kind][0] // SHORT))]
        return figures(rows, _refusals_s())
    refuse_a_changed_tree()
    items = [(kind, number) for kind in _KINDS for number in range(-(-_count(kit, kind) // BATCH))]
    share_out(
        items,
        claims=CLAIMS / ".bars-safety",
        done=lambda: {(row.kind, row.batch) for row in stored(ROWS, Attack)},
        do=lambda item: keep(ROWS, _batch(kit, *item, min(BATCH, _count(kit, item[0]) - item[1] * BATCH))),
    )
    return figures(stored(ROWS, Attack), _refusals_s())


def _refusals_s() -> dict[str, float | None]:
    """By file made to exhaust a reader: seconds until it is refused, the shortest of a few; None: accepted.

    The shortest is the work itself: a neighbour on the core adds to a reading and never takes from it.
    """
    kit = importlib.import_module("bombs_kit")
    readings = []
    for _ in range(READINGS):
        with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as folder:
            readings.append(kit.read_all(Path(folder), kit.CORPUS))
    return {
        name: min(seen["took_s"][name] for seen in readings)
        if all(seen["told"][name] for seen in readings)
        else None
        for name in kit.CORPUS
    }


def figures(rows: Sequence[Attack], refusals_s: Mapping[str, float | None]) -> dict[str, object]:
    """Compute every figure of ``rows`` and of the files refused; what is missing misses its bars."""
    refused_s = {name: took_s for name, took_s in refusals_s.items() if took_s is not None}
    slowest_s = max(refused_s.values(), default=None)
    by_kind = {kind: [row for row in rows if row.kind == kind] for kind in _KINDS}
    return {
        "commits": dict(sorted(Counter(row.commit for row in rows).items())),
        "attacks": {kind: _figures(of_kind) for kind, of_kind in by_kind.items()},
        "files_made_to_exhaust": {
            "files": len(refusals_s),
            "refused": len(refused_s),
            "slowest_ms": None if slowest_s is None else round(slowest_s * 1000, 1),
        },
        "bars": {
            "nothing was left after any attack": all(
                of_kind and all(row.clean_s is not None for row in of_kind) for of_kind in by_kind.values()
            ),
            "clean within 1 s": all(
                of_kind and max(_seconds(of_kind), default=CLEAN_S_MAX + 1) <= CLEAN_S_MAX
                for kind, of_kind in by_kind.items()
                if kind != STOPPED
            ),
            f"every boundary of a run once, {BOUNDARIES_MIN} at least": _each_once(by_kind[KILLED_AT_EACH]),
            "each file made to exhaust a reader is refused within 100 ms": slowest_s is not None
            and len(refused_s) == len(refusals_s)
            and slowest_s <= REFUSED_S_MAX,
            "halts ended with 4": bool(by_kind[HALTED]) and not any(row.wrong_end for row in by_kind[HALTED]),
            "three of ten attacks came while a fault was in force": all(
                sum(row.armed for row in by_kind[kind]) >= ARMED_MIN_RATIO * len(by_kind[kind]) > 0
                for kind in (KILLED, KILLED_WITH_GUARDIAN, INTERRUPTED)
            ),
            "interrupts ended with 130, without a traceback": bool(by_kind[INTERRUPTED])
            and not any(row.wrong_end for row in by_kind[INTERRUPTED]),
        },
    }


def _each_once(rows: Sequence[Attack]) -> bool:
    """Whether the boundaries that were met are 1, 2, .. without a gap: later ones no run has reached."""
    met = sorted(row.boundary for row in rows if row.boundary)
    return len(met) >= BOUNDARIES_MIN and met == list(range(1, len(met) + 1))


def _kill(kit: ModuleType, store: Path, dice: random.Random, _: int) -> Seen:
    """Two of three at a boundary between steps, most of them late ones, the others at a random time."""
    fault = dice.choice(sorted(kit.FAULTS))
    if dice.random() < 2 / 3:
        count = _boundaries(kit, fault)
        left = kit.killed_at(store, fault, dice.randrange(1 if dice.random() < 0.3 else count // 2, count))
    else:
        left = kit.killed_at_random(store, fault, dice)
    return fault, left, left.clean_s, False


def _kill_at(kit: ModuleType, store: Path, _: random.Random, place: int) -> Seen:
    left = kit.killed_at(store, EACH_OF, place + 1)
    return EACH_OF, left, left.clean_s, False


def _pair(kit: ModuleType, store: Path, dice: random.Random, _: int) -> Seen:
    fault = dice.choice(sorted(kit.FAULTS))
    left = kit.killed_with_guardian(store, fault, dice)
    return fault, left, left.clean_s if kit.undo(store) == 0 else None, False


def _stop(kit: ModuleType, store: Path, dice: random.Random, _: int) -> Seen:
    fault = dice.choice(sorted(kit.FAULTS))
    left = kit.stopped(store, fault)
    return fault, left, left.clean_s, False


def _halt(kit: ModuleType, store: Path, dice: random.Random, _: int) -> Seen:
    fault = dice.choice(sorted(kit.FAULTS))
    left, code = kit.halted(store, fault)
    return fault, left, left.records_s if left.nothing else None, code != 4


def _interrupt(kit: ModuleType, store: Path, dice: random.Random, _: int) -> Seen:
    fault = dice.choice(sorted(kit.FAULTS))
    came = kit.interrupted(store, fault, dice, dice.randint(1, 3))
    wrong = came.code != 130 or "Traceback" in came.said
    return fault, came.left, came.undone_s if came.left.nothing else None, wrong


_KINDS: dict[str, tuple[int, Do]] = {
    KILLED: (KILLS, _kill),
    KILLED_WITH_GUARDIAN: (PAIRS, _pair),
    INTERRUPTED: (SIGNALS, _interrupt),
    KILLED_AT_EACH: (0, _kill_at),  # as many as a run has
    STOPPED: (STOPS, _stop),
    HALTED: (HALTS, _halt),
}
_COUNTED: dict[str, int] = {}


def _count(kit: ModuleType, kind: str) -> int:
    return _boundaries(kit, EACH_OF) if kind == KILLED_AT_EACH else _KINDS[kind][0]


def _boundaries(kit: ModuleType, fault: str) -> int:
    if fault not in _COUNTED:
        with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
            _COUNTED[fault] = kit.boundaries(Path(store), fault)
    return _COUNTED[fault]


def _batch(kit: ModuleType, kind: str, number: int, size: int) -> list[Attack]:
    """One store a batch, so that what one attack left refuses the next."""
    dice, commit = random.Random(f"{SEED} {kind} {number}"), commit_text()
    print(f"  {kind}: batch {number + 1}", flush=True)
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
        places = range(number * BATCH, number * BATCH + size)
        seen = [_hit(_KINDS[kind][1], kit, Path(store), dice, place=place) for place in places]
    return [
        Attack(
            kind=kind,
            batch=number,
            commit=commit,
            fault=fault,
            armed=left.armed,
            clean_s=clean_s,
            wrong_end=wrong,
            boundary=place + 1 if kind == KILLED_AT_EACH and left.hit else 0,
        )
        for place, (fault, left, clean_s, wrong) in zip(places, seen, strict=True)
    ]


def _hit(do: Do, kit: ModuleType, store: Path, dice: random.Random, *, place: int) -> Seen:
    """Attack until a runner was met; something left counts in any case. Few runs have the last boundaries."""
    seen: Seen = kit.until_hit(
        lambda: do(kit, store, dice, place),
        lambda seen: seen[1].hit or seen[2] is None or do is _kill_at,
    )
    return seen


def _figures(rows: Sequence[Attack]) -> dict[str, object]:
    times_s = sorted(_seconds(rows))
    place = {"median": 0.5, "p99": 0.99, "max": 1.0}
    return {
        "attacks": len(rows),
        "armed": sum(row.armed for row in rows),
        "left": sum(row.clean_s is None for row in rows),
        "wrong_ends": sum(row.wrong_end for row in rows),
        "clean_s": {
            name: round(times_s[min(len(times_s) - 1, int(share * len(times_s)))], 3) if times_s else None
            for name, share in place.items()
        },
        "faults": dict(sorted(Counter(row.fault for row in rows).items())),
    }


def _seconds(rows: Sequence[Attack]) -> list[float]:
    return [row.clean_s for row in rows if row.clean_s is not None]
