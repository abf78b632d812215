"""Keeps a run that was in memory as one that was recorded: the same folder, the same chain, its own stamps.

Comes in: a campaign's folder and a ``SimulatedRun``. Goes out: a run's folder that reads back as that run.
"""

from __future__ import annotations

from pathlib import Path

from harness.history.events import RunEnded, RunStarted
from harness.history.store import new_run
from harness.run.simulated import SimulatedRun


def keep_run(
    folder: Path, run: SimulatedRun, *, versions: dict[str, str], machine: str, abilities: tuple[str, ...]
) -> str:
    """Write the run into the campaign ``folder``; gives its state."""
    first, *rest = run.history.entries
    stamp = (first.mono_s, first.wall)
    kept = new_run(
        folder,
        run.history.plan,
        clock=lambda: stamp,
        versions=versions,
        machine=machine,
        abilities=abilities,
        observe_every_s=run.observe_every_s,
        pace=run.pace,
    )
    for name, data in run.files.items():
        if data:
            (kept.path / name).write_bytes(data)
    for entry in rest:
        stamp = (entry.mono_s, entry.wall)
        if not isinstance(entry.event, RunStarted | RunEnded):
            kept.writer.append(entry.event)
    kept.finish(run.state, world_digest=run.digest)
    return run.state
