"""Simulated worlds: the same in every process, and nothing of the dead in them.

200 episodes with a fault, all kinds and arms in turn, in three fresh processes under each of two hash seeds,
each process in another order (so that an episode is once the first of its interpreter and once the last);
and 10,000 kills of random services at random instants, under load, half of them right behind a write. Rows of
``results/simulation.rows.jsonl`` are of one commit and compared with no other's, so a cut session goes on
where it stopped as long as the tree stays.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec
import numpy as np

from benchmarks.shared import CLAIMS, commit_text, keep, refuse_a_changed_tree, share_out, stored
from reference_pipeline.deploy.prepare import prepare
from tests.conftest import SMALL
from tests.harness.simulation.dying import Deaths, kill_services, kill_victims, pipeline_of

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "benchmarks" / "results" / "simulation.rows.jsonl"

NAME = "simulation"
SEED = 60_01
EPISODES, PROCESSES, HASH_SEEDS = 200, 3, ("0", "1")
KILLS, KILLS_AN_ITEM, KILLS_A_WORLD = 10_000, 500, 20
EVENTS_MIN = 5_000
"""A digest of fewer proves little: the shortest episode of these has more."""
FORECAST_S = EPISODES * PROCESSES * len(HASH_SEEDS) * 1.2 + KILLS * 0.03


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One episode of one process, or one item of kills; ``item`` names either."""

    item: str
    commit: str
    number: int = 0
    digest: str = ""
    events: int = 0
    faults: int = 0
    kills: int = 0
    lives: int = 0
    accepted: int = 0
    lost: int = 0
    refused: int = 0
    seen: tuple[str, ...] = ()


def run(full: bool) -> dict[str, object]:
    """Measure what is missing, then compare; ``full`` false: six episodes and 40 kills, stored nowhere."""
    if not full:
        items = [*_processes(1), "kills 0"]
        rows = [row for item in items for row in measure(item, episodes=3, kills=40)]
        return figures(rows, kills=40, episodes=3, processes=1)
    refuse_a_changed_tree()
    share_out(
        list(_items()),
        claims=CLAIMS / ".bars-simulation",
        done=lambda: {row.item for row in _rows()},
        do=lambda item: keep(ROWS, measure(item, episodes=EPISODES, kills=KILLS_AN_ITEM)),
    )
    return figures(_rows(), kills=KILLS)


def _items() -> Iterator[str]:
    yield from _processes(PROCESSES)
    yield from (f"kills {number}" for number in range(KILLS // KILLS_AN_ITEM))


def _processes(count: int) -> Iterator[str]:
    for process in range(count):
        yield from (f"process {hash_seed} {process}" for hash_seed in HASH_SEEDS)


def _rows() -> list[Row]:
    return [row for row in stored(ROWS, Row) if row.commit == commit_text()]


def measure(item: str, *, episodes: int, kills: int) -> list[Row]:
    """Do one item; gives its rows."""
    kind, *words = item.split()
    print(f"  {item}", flush=True)
    if kind == "process":
        return _fresh(item, words[0], _order(episodes, int(words[1])))
    return [_killed(item, int(words[0]), kills)]


def _order(episodes: int, process: int) -> list[int]:
    """Forth, back, and shuffled: another episode is the first each time."""
    forth = list(range(episodes))
    dice = np.random.default_rng([SEED, process])
    return (forth, forth[::-1], dice.permutation(episodes).tolist())[process % 3]


def _fresh(item: str, hash_seed: str, numbers: Sequence[int]) -> list[Row]:
    words = [sys.executable, "-m", "tests.harness.run.whole", str(template()), "0", *map(str, numbers)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(words, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    rows = []
    for line in done.stdout.splitlines():
        number, digest, events, faults, *_ = json.loads(line)
        rows.append(
            Row(item=item, commit=commit_text(), number=number, digest=digest, events=events, faults=faults)
        )
    return rows


def _killed(item: str, number: int, kills: int) -> Row:
    pipeline, deaths = pipeline_of(template()), Deaths()
    world = 0
    while deaths.kills < kills:
        deaths.add(kill_services(pipeline, KILLS_A_WORLD, seed=SEED + 10_000 * number + world))
        world += 1
    victims = kill_victims(kills, seed=SEED + number)  # these have a `finally` for every end there is
    return Row(
        item=item,
        commit=commit_text(),
        kills=deaths.kills,
        lives=deaths.lives,
        accepted=deaths.accepted,
        lost=deaths.lost,
        refused=victims.refused,
        seen=(*deaths.seen()[:20], *victims.seen()[:20]),
    )


def template() -> Path:
    """What all worlds of this commit begin with, made once."""
    folder = CLAIMS / f"simulation-{commit_text()}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("ab") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        out = folder / "template"
        return out if out.exists() else prepare(SMALL, seed=SEED, out=out)


def figures(
    rows: Sequence[Row], *, kills: int, episodes: int = EPISODES, processes: int = PROCESSES
) -> dict[str, object]:
    """Compare the digests of each episode over all processes, and add up what the dead did.

    ``episodes`` were asked for in each of ``processes`` processes a hash seed; what is missing misses a bar.
    """
    by_number: dict[int, list[Row]] = {}
    for row in rows:
        if row.digest:
            by_number.setdefault(row.number, []).append(row)
    killed = [row for row in rows if row.kills]
    missing = _missing(rows, episodes, processes)
    differ = sorted(number for number, told in by_number.items() if len({row.digest for row in told}) > 1)
    vacuous = sorted(
        number
        for number, told in by_number.items()
        if len(told) < len(HASH_SEEDS) or any(row.events < EVENTS_MIN or not row.faults for row in told)
    )
    total = sum(row.kills for row in killed)
    return {
        "commits": sorted({row.commit for row in rows}),
        "episodes": len(by_number),
        "digests_compared": sum(map(len, by_number.values())),
        "events": sum(row.events for told in by_number.values() for row in told),
        "missing": missing[:20],
        "differ": differ,
        "without_evidence": vacuous,
        "kills": total,
        "lives": sum(row.lives for row in killed),
        "accepted": sum(row.accepted for row in killed),
        "lost": sum(row.lost for row in killed),
        "refused_when_closed": sum(row.refused for row in killed),
        "reached_after_death": [words for row in killed for words in row.seen][:20],
        "bars": {
            "each episode has one digest in all processes": bool(by_number) and not missing and not differ,
            "each episode is long enough and has a fault": bool(by_number) and not vacuous,
            **_bars_of_kills(killed),
            f"{kills} kills": total >= kills,
        },
    }


def _missing(rows: Sequence[Row], episodes: int, processes: int) -> list[str]:
    """Name what was asked for and is not there, and each row that has no digest."""
    there = {(row.item, row.number) for row in rows if row.digest}
    bare = {(row.item, row.number) for row in rows if row.item.startswith("process") and not row.digest}
    asked = {(item, number) for item in _processes(processes) for number in range(episodes)}
    return [f"{item}: episode {number}" for item, number in sorted((asked - there) | bare)]


def _bars_of_kills(killed: Sequence[Row]) -> dict[str, bool]:
    lost = any(row.lost or not row.accepted for row in killed)
    return {
        "nothing of the dead is written, sent or said": bool(killed) and not any(row.seen for row in killed),
        "what was accepted is delivered": bool(killed) and not lost,
    }
