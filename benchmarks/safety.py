"""Safety: 1,000 runners killed, 200 killed with their guardian, 100 interrupted; how long until clean.

Figure: seconds from the attack until no process of the run is left and no undo record is open. Wanted:
nothing left, ever, and at most 1 s. Attacks are done in batches; a batch of a clean commit is kept for this
commit and machine in ``reports/.bars-safety``, so that a cut session goes on where it stopped.
"""

from __future__ import annotations

import hashlib
import importlib
import json
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from benchmarks.shared import share_out

NAME = "safety"
SEED = 20_41
KILLS, PAIRS, SIGNALS = 1000, 200, 100
SHORT = 20  # one in so many, where not in full
BATCH = 20
FORECAST_S = (KILLS + PAIRS) * 4.0 + SIGNALS * 4.5
CLEAN_S_MAX = 1.0

ROOT = Path(__file__).resolve().parent.parent
KIT = ROOT / "tests" / "safety"
KEPT = ROOT / "reports" / ".bars-safety"

Attack = dict[str, float | int | bool | str | None]


def run(full: bool) -> dict[str, object]:
    """Attack and time; ``full`` = all counts, else a twentieth of each."""
    sys.path.insert(0, str(KIT))
    kit = importlib.import_module("safety_kit")
    share = 1 if full else SHORT
    kinds: dict[str, tuple[int, Callable[[ModuleType, Path, random.Random], Attack]]] = {
        "runner killed": (KILLS // share, _kill),
        "runner and guardian killed": (PAIRS // share, _pair),
        "interrupted": (SIGNALS // share, _interrupt),
    }
    figures = {name: _figures(_batches(kit, name, count, do)) for name, (count, do) in kinds.items()}
    return {
        "attacks": figures,
        "bars": {
            "nothing was left after any attack": all(f["left"] == 0 for f in figures.values()),
            "clean within 1 s": all(_max_s(f) <= CLEAN_S_MAX for f in figures.values()),
            "interrupts ended with 130, without a traceback": figures["interrupted"]["wrong_ends"] == 0,
        },
    }


def _kill(kit: ModuleType, store: Path, dice: random.Random) -> Attack:
    """Two of three at a boundary between steps, the others at a random time; all faults in turn."""
    fault = dice.choice(sorted(kit.FAULTS))
    if dice.random() < 2 / 3:
        return _attack(fault, kit.killed_at(store, fault, dice.randrange(1, _boundaries(kit, fault))))
    return _attack(fault, kit.killed_at_random(store, fault, dice))


def _pair(kit: ModuleType, store: Path, dice: random.Random) -> Attack:
    fault = dice.choice(sorted(kit.FAULTS))
    attack = _attack(fault, kit.killed_with_guardian(store, fault, dice))
    return attack | {"nothing_left": attack["nothing_left"] and kit.undo(store) == 0}


def _interrupt(kit: ModuleType, store: Path, dice: random.Random) -> Attack:
    fault = dice.choice(sorted(kit.FAULTS))
    came = kit.interrupted(store, fault, dice, dice.randint(1, 3))
    wrong = came.code not in (0, 130) or "Traceback" in came.said
    return _attack(fault, came.left) | {"wrong_end": wrong}


def _attack(fault: str, left: object) -> Attack:
    seen = [getattr(left, name) for name in ("processes_s", "records_s")]
    clean_s = None if None in seen else max(seen)
    return {"fault": fault, "clean_s": clean_s, "nothing_left": clean_s is not None, "wrong_end": False}


_COUNTED: dict[str, int] = {}


def _boundaries(kit: ModuleType, fault: str) -> int:
    if fault not in _COUNTED:
        with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
            _COUNTED[fault] = kit.boundaries(Path(store), fault)
    return _COUNTED[fault]


def _batches(
    kit: ModuleType, name: str, count: int, do: Callable[[ModuleType, Path, random.Random], Attack]
) -> list[Attack]:
    """Do ``count`` attacks in batches, kept and shared out where the tree is a commit."""
    sizes = [min(BATCH, count - done) for done in range(0, count, BATCH)]
    version = _version()
    if not version:
        return [
            attack for number, size in enumerate(sizes) for attack in _batch(kit, name, number, size, do=do)
        ]

    def kept(number: int) -> Path:
        return KEPT / f"{version}-{name.replace(' ', '-')}-{number}-{sizes[number]}.json"

    def do_and_keep(number: int) -> None:
        attacks = _batch(kit, name, number, sizes[number], do=do)
        new = kept(number).with_suffix(f".{os.getpid()}")
        new.write_text(json.dumps(attacks))
        new.replace(kept(number))
        print(f"  {name}: batch {number + 1} of {len(sizes)}", flush=True)

    share_out(
        range(len(sizes)),
        claims=KEPT / f"claims-{version}-{name.replace(' ', '-')}-{count}",
        done=lambda: {number for number in range(len(sizes)) if kept(number).is_file()},
        do=do_and_keep,
    )
    return [attack for number in range(len(sizes)) for attack in json.loads(kept(number).read_text())]


def _batch(
    kit: ModuleType,
    name: str,
    number: int,
    size: int,
    *,
    do: Callable[[ModuleType, Path, random.Random], Attack],
) -> list[Attack]:
    """One store a batch, so that what one attack left refuses the next."""
    dice = random.Random(f"{SEED} {name} {number}")
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
        return [do(kit, Path(store), dice) for _ in range(size)]


def _version() -> str:
    """Commit and machine of a batch; "" for a changed tree, which keeps nothing for later."""
    from benchmarks.__main__ import machine_fingerprint, read_commit

    commit = read_commit(ROOT)
    text = json.dumps(machine_fingerprint(), sort_keys=True)
    machine = hashlib.sha256(text.encode()).hexdigest()[:8]
    return "" if commit.dirty else f"{commit.id[:12]}-{machine}"


def _figures(attacks: list[Attack]) -> dict[str, object]:
    times_s = sorted(float(a["clean_s"]) for a in attacks if a["clean_s"] is not None)
    place = {"median": 0.5, "p99": 0.99, "max": 1.0}
    return {
        "attacks": len(attacks),
        "left": sum(not a["nothing_left"] for a in attacks),
        "wrong_ends": sum(bool(a["wrong_end"]) for a in attacks),
        "clean_s": {
            name: round(times_s[min(len(times_s) - 1, int(share * len(times_s)))], 3) if times_s else None
            for name, share in place.items()
        },
        "faults": {
            f: sum(a["fault"] == f for a in attacks) for f in sorted({str(a["fault"]) for a in attacks})
        },
    }


def _max_s(figures: dict[str, object]) -> float:
    times = figures["clean_s"]
    longest = times["max"] if isinstance(times, dict) else None
    return float("inf") if longest is None else float(longest)
