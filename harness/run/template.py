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
from harness.experiment.model import Prepare, Scenario, System

TEMPLATE_SEED = 0
"""The champion belongs to the system, not to a run's seed: every run starts from the same one."""

PREPARE_LIMIT_S = 300.0


def scenario_spec(scenario: Scenario) -> dict[str, object]:
    """Write a scenario as its world's opener reads it: the knobs and the pace in one mapping."""
    return {**scenario.knobs, "world_s_per_run_s": scenario.world_s_per_run_s}


def _input_files(prepare: Prepare, scenario: Scenario, system_dir: Path) -> list[Path]:
    named = [system_dir / pattern for pattern in prepare.inputs]
    files = [f for p in named for f in (sorted(p.rglob("*.py")) if p.is_dir() else [p])]
    source = scenario.knobs.get("source")
    return [*files, Path(str(source))] if source else files


def template_key(system: System, scenario: Scenario, system_dir: Path) -> str:
    """Hash everything that the template is made from, as 24 hex digits."""
    digest = hashlib.sha256(msgspec.json.encode(scenario_spec(scenario), order="deterministic"))
    prepare = system.prepare or Prepare(command=())
    digest.update(msgspec.json.encode(prepare.command))
    for file in _input_files(prepare, scenario, system_dir):
        if not file.is_file():
            raise Refused(f"{file} is named as an input of `prepare` but is not there; mend `inputs`")
        digest.update(file.name.encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:24]


def ensure_template(
    system: System,
    scenario: Scenario,
    *,
    system_dir: Path,
    cache: Path,
    python_path: str,
    progress: Callable[[str], None],
) -> Path:
    """Return the template's folder, building it where the cache lacks it.

    A system without ``prepare`` gets an empty folder. Raises ``Refused`` with the command's last
    lines where it fails: nothing was started then.
    """
    folder = (cache / template_key(system, scenario, system_dir)).resolve()
    if folder.is_dir():
        return folder
    cache.mkdir(parents=True, exist_ok=True)
    if system.prepare is None:
        folder.mkdir()
        return folder
    progress(f"preparing {system.name}: training the champion once (cached afterwards)")
    spec = cache / f"{folder.name}.scenario.json"
    spec.write_bytes(msgspec.json.encode(scenario_spec(scenario), order="deterministic"))
    words = {"python": sys.executable, "scenario": str(spec), "seed": str(TEMPLATE_SEED), "out": str(folder)}
    command = [part.format_map(words) for part in system.prepare.command]
    done = subprocess.run(  # the argv list comes from the system file; no shell ever
        command,
        env=shell.child_environment(PYTHONPATH=python_path),
        cwd=cache,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        timeout=PREPARE_LIMIT_S,
        check=False,
    )
    if done.returncode or not folder.is_dir():
        tail = done.stdout.decode(errors="replace").strip().splitlines()[-8:]
        raise Refused("`prepare` of the system failed; its last lines:\n  " + "\n  ".join(tail))
    return folder
