"""One question asked in four ways, and what a process holds after many worlds.

2,000 episodes give the same table byte for byte with one worker, with two, killed by SIGKILL in the middle
and asked again, and on a Dask cluster over loopback one of whose two workers is killed in the middle. Beside
that 20,000 episodes through one worker, whose memory may grow by less than 0.2 kB an episode. Each way is one
row of ``results/campaigns.rows.jsonl``; rows are compared where they are of one commit.
"""

from __future__ import annotations

import gc
import hashlib
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import psutil

from benchmarks.shared import CLAIMS, commit_text, keep, refuse_a_changed_tree, share_out, stored
from harness.campaign.parts import TABLE_FILE
from harness.campaign.table import Table
from harness.targets.local.kernel import ending_with_us
from reference_pipeline.deploy.prepare import prepare
from tests.conftest import SMALL
from tests.harness.campaign.campaign_kit import SHORT, SHORTEST, chunk_of, written
from tests.harness.campaign.cluster_kit import Cluster

ROOT = Path(__file__).resolve().parents[1]
ROWS = ROOT / "benchmarks" / "results" / "campaigns.rows.jsonl"

NAME = "campaigns"
SEED = 63_01
EPISODES, MEMORY_EPISODES = 2000, 20_000
WAYS = ("one worker", "two workers", "killed and resumed", "on Dask, a worker killed")
MEMORY = "memory"
SLOPE_KB_MAX = 0.2
WARM_SHARE, LOOKS = 0.2, 200
_WAIT_S = 3600.0
FORECAST_S = 6000.0


class Row(msgspec.Struct, frozen=True, kw_only=True):
    """One way of asking, or the memory of one worker; ``killed``: a process that was at work was killed."""

    item: str
    commit: str
    episodes: int
    took_s: float
    table_sha256: str = ""
    void: int = 0
    killed: bool = False
    parts_before: int = 0
    slope_kb: float | None = None
    slope_blocks: float | None = None


def run(full: bool) -> dict[str, object]:
    """Do what is missing, then compare; ``full`` false: forty episodes a way, stored nowhere."""
    if not full:
        return figures([measure(way, 40) for way in WAYS] + [measure(MEMORY, 60)], memory=60, episodes=40)
    refuse_a_changed_tree()
    share_out(
        [*WAYS, MEMORY],
        claims=CLAIMS / ".bars-campaigns",
        done=lambda: {row.item for row in _rows()},
        do=lambda item: keep(ROWS, [measure(item, MEMORY_EPISODES if item == MEMORY else EPISODES)]),
    )
    return figures(_rows(), memory=MEMORY_EPISODES, episodes=EPISODES)


def _rows() -> list[Row]:
    return [row for row in stored(ROWS, Row) if row.commit == commit_text()]


def figures(rows: Sequence[Row], *, memory: int, episodes: int) -> dict[str, object]:
    """Compare the ways; what is missing or void, or a way that killed nobody, meets no bar; pure."""
    ways = {row.item: row for row in rows if row.item in WAYS}
    whole = set(ways) == set(WAYS) and all(row.episodes == episodes and not row.void for row in ways.values())
    killed = whole and all(ways[way].killed for way in WAYS[2:]) and ways[WAYS[2]].parts_before > 0
    held = [row for row in rows if row.item == MEMORY and row.episodes == memory]
    return {
        "ways": [msgspec.to_builtins(row) for row in rows],
        "bars": {
            "the same table byte for byte in four ways": whole
            and len({row.table_sha256 for row in ways.values()}) == 1,
            "whoever was to be killed was at work": killed,
            f"memory grows by less than {SLOPE_KB_MAX:g} kB an episode": bool(held)
            and all(not row.void and _is_small(row.slope_kb) for row in held),
        },
    }


def _is_small(slope_kb: float | None) -> bool:
    return slope_kb is not None and slope_kb < SLOPE_KB_MAX


def measure(item: str, episodes: int) -> Row:
    """Do one item in a folder of its own."""
    print(f"  {item}, {episodes} episodes", flush=True)
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as folder:
        told = _memory(Path(folder), episodes) if item == MEMORY else _asked(item, Path(folder), episodes)
    return msgspec.structs.replace(told, took_s=round(time.monotonic() - began_s, 1))


def _asked(way: str, folder: Path, episodes: int) -> Row:
    file, store = written(folder, lengths=SHORT), folder / "store"
    words = ["campaign", str(file), "--pairs", str(episodes), "--seed", str(SEED), "--store", str(store)]
    killed, before = False, 0
    if way == WAYS[2]:
        killed, before = _killed_in_the_middle(words, store, episodes)
    if way == WAYS[3]:
        with _cluster(folder) as cluster:
            process = _command([*words, "--scheduler", cluster.address()])
            killed = _until(lambda: _parts(store) >= episodes // 30, process)
            if killed:
                cluster.processes[-1].kill()
            process.wait(_WAIT_S)
    else:
        _command([*words, "--workers", "1" if way == WAYS[0] else "2"]).wait(_WAIT_S)
    (kept,) = store.glob(f"*/{TABLE_FILE}")
    data = kept.read_bytes()
    table = msgspec.json.decode(data, type=Table)
    return Row(
        item=way,
        commit=commit_text(),
        episodes=sum(line.n for line in table.classes),
        took_s=0.0,
        table_sha256=hashlib.sha256(data).hexdigest(),
        void=sum(line.void for line in table.arms) + table.doubtful,
        killed=killed,
        parts_before=before,
    )


def _killed_in_the_middle(words: Sequence[str], store: Path, episodes: int) -> tuple[bool, int]:
    """Start the command and kill it once a third is there; gives whether it was still at work."""
    process = _command([*words, "--workers", "2"])
    at_work = _until(lambda: _parts(store) >= episodes // 30, process)
    process.send_signal(signal.SIGKILL)
    process.wait()
    return at_work, _parts(store)


def _parts(store: Path) -> int:
    return len(list(store.glob("*/parts/*.gz")))


def _until(seen: Callable[[], bool], process: subprocess.Popen[bytes]) -> bool:
    """Wait for it while the process works; False where it ended first."""
    while process.poll() is None:
        if seen():
            return True
        time.sleep(0.1)
    return False


def _command(words: Sequence[str]) -> subprocess.Popen[bytes]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "harness.frontends.cli", *words]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        preexec_fn=ending_with_us(),  # noqa: PLW1509 - takes no lock
    )


@contextmanager
def _cluster(folder: Path) -> Iterator[Cluster]:
    """A scheduler and two workers, ended afterwards."""
    (place := folder / "cluster").mkdir()
    cluster = Cluster(place, DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES="2")
    try:
        until_s = time.monotonic() + 60
        while not cluster.address() and time.monotonic() < until_s:
            time.sleep(0.1)
        for _ in range(2):
            cluster.worker()
        yield cluster
    finally:
        cluster.end()


def _memory(folder: Path, episodes: int) -> Row:
    """Resident memory and blocks of Python's own, by least squares; caches fill first.

    What is garbage already is collected before each look: the collector looks seldom during a run.
    """
    template = prepare(SMALL, seed=SEED, out=folder / "template")
    work = chunk_of(written(folder, lengths=SHORTEST), template, pairs_max=episodes)
    process = psutil.Process(os.getpid())
    every, held_kb, blocks = max(1, episodes // LOOKS), list[float](), list[float]()
    void = 0
    for chunk in range(episodes):
        (row,) = work(chunk)
        void += bool(row.doubt())
        if chunk % every == 0:
            gc.collect()
            held_kb.append(process.memory_info().rss / 1024)
            blocks.append(sys.getallocatedblocks())
    return Row(
        item=MEMORY,
        commit=commit_text(),
        episodes=episodes,
        took_s=0.0,
        void=void,
        slope_kb=round(_slope(held_kb) / every, 4),
        slope_blocks=round(_slope(blocks) / every, 4),
    )


def _slope(seen: Sequence[float]) -> float:
    warm = seen[int(len(seen) * WARM_SHARE) :]
    return float(np.polyfit(np.arange(len(warm)), warm, 1)[0])
