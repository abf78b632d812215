"""The state a run starts from: built once by the system's own command, cached by content.

The key covers the command, the scenario and the bytes of every declared input, so that a changed
trainer or a changed CSV never starts from an old model.
"""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec

from harness import shell
from harness.errors import Refused
from harness.experiment.model import Experiment, Prepare

TEMPLATE_SEED = 0
"""The champion belongs to the system, not to a run's seed: every run starts from the same one."""

PREPARE_LIMIT_S = 300.0


def scenario_spec(experiment: Experiment) -> dict[str, object]:
    """Write a scenario as its world's opener reads it: knobs, pace and the place of the user's file."""
    scenario, source = experiment.scenario, experiment.source
    place = {} if source is None else {"source": source.path}
    return {**scenario.knobs, **place, "world_s_per_run_s": scenario.world_s_per_run_s}


def _input_files(prepare: Prepare, system_dir: Path) -> list[Path]:
    named = [system_dir / pattern for pattern in prepare.inputs]
    return [f for p in named for f in (sorted(p.rglob("*.py")) if p.is_dir() else [p])]


def template_key(experiment: Experiment) -> str:
    """Hash everything that the template is made from, as 24 hex digits."""
    spec = msgspec.json.encode(scenario_spec(experiment), order="deterministic")
    digest = hashlib.sha256(spec + (experiment.source.sha256 if experiment.source else "").encode())
    prepare = experiment.system.prepare or Prepare(command=())
    digest.update(msgspec.json.encode(prepare.command))
    for file in _input_files(prepare, Path(experiment.system_dir)):
        if not file.is_file():
            raise Refused(f"{file} is named as an input of `prepare` but is not there; mend `inputs`")
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:24]


def ensure_template(
    experiment: Experiment, *, cache: Path, python_path: str, progress: Callable[[str], None]
) -> Path:
    """Return the template's folder, building it where the cache lacks it.

    A system without ``prepare`` gets an empty folder. Raises ``Refused`` with the command's last
    lines where it fails: nothing was started then.
    """
    cache = cache.resolve()  # `prepare` runs inside it, and is told absolute places
    folder = cache / template_key(experiment)
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    if experiment.system.prepare is None:
        folder.mkdir()
        return folder
    progress(f"preparing {experiment.system.name}: training the champion once (cached afterwards)")
    spec = cache / f"{folder.name}.scenario.json"
    spec.write_bytes(msgspec.json.encode(scenario_spec(experiment), order="deterministic"))
    _prepare(experiment.system.prepare, spec, folder, python_path)
    return folder


def _prepare(prepare: Prepare, spec: Path, folder: Path, python_path: str) -> None:
    words = {"python": sys.executable, "scenario": str(spec), "seed": str(TEMPLATE_SEED), "out": str(folder)}
    done = subprocess.run(  # an argv list from the system file; no shell ever
        [part.format_map(words) for part in prepare.command],
        env=shell.child_environment(PYTHONPATH=python_path),
        cwd=folder.parent,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=PREPARE_LIMIT_S,
        check=False,
    )
    if done.returncode or not folder.is_dir():
        tail = done.stdout.decode(errors="replace").strip().splitlines()[-8:]
        raise Refused("`prepare` of the system failed; its last lines:\n  " + "\n  ".join(tail))
