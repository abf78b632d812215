"""How much faster than life a simulated run is, by processor time of one core, whole: system, driver, audit.

Wanted. The whole pipeline with its real models and healer, 50 transactions a second in batches and 10 single
units a second, every event of it simulated: 150 times real time at least (aim 400). At sparse pace, one batch
of 50 rows a virtual minute and six single units, services looking again every 10 s, all detectors and the
real models on: 10,000 times. A run that is not ended, or not exactly once, has no speed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import msgspec

from harness.experiment.load import load_experiment
from harness.experiment.model import PROFILES, Arm, Experiment, Profile
from harness.history.events import Audited
from harness.plan.safety import SIMULATION
from harness.plan.schedule import make_plans
from harness.run.material import Material, open_material
from harness.run.modules import import_path
from harness.run.simulated import SimulatedRun, run_simulated
from harness.run.template import ensure_template

ROOT = Path(__file__).resolve().parents[1]

NAME = "simulation_speed"
SEED = 61_01
FORECAST_S = 300.0
DENSE_WANTED, SPARSE_WANTED = 150.0, 10_000.0
OBSERVED_S = 1.0
_LOAD = {"load_batch": 50, "baseline_units": 100, "hold_s": 10.0, "wash_out_s": 10.0}
_DAY_S = 86_400.0


def run(full: bool) -> dict[str, object]:
    """Measure each pace in arms reference and none; ``full`` false: short runs."""
    length = 1.0 if full else 0.1
    dense = _dense(120.0 * length)
    sparse = _sparse(_DAY_S * length)
    told = {
        f"{pace}, {arm}": _measured(profile, world_s, pace=pace, arm=arm)
        for pace, (profile, world_s) in {"dense": dense, "sparse": sparse}.items()
        for arm in ("reference", "none")
    }
    return {
        "runs": told,
        "bars": {
            f"dense, exact, arm reference: {DENSE_WANTED:g} times real time": _reaches(
                told["dense, reference"], DENSE_WANTED
            ),
            f"sparse, exact, arm reference: {SPARSE_WANTED:g} times real time": _reaches(
                told["sparse, reference"], SPARSE_WANTED
            ),
        },
    }


def _dense(length_s: float) -> tuple[Profile, float]:
    """A world whose day lasts two minutes."""
    asked = {**_LOAD, "rate_hz": 10.0, "load_every_s": 1.0, "tau_s": length_s}
    return msgspec.structs.replace(PROFILES["default"], **asked), 720.0


def _sparse(length_s: float) -> tuple[Profile, float]:
    """A world in its own time."""
    asked = {**_LOAD, "rate_hz": 0.1, "load_every_s": 60.0, "window_s": 600.0, "tau_s": length_s}
    return msgspec.structs.replace(PROFILES["default"], **asked), 1.0


def _measured(profile: Profile, world_s: float, *, pace: str, arm: str) -> dict[str, object]:
    """One run without a fault, its material opened before the clock starts."""
    experiment = _asked(profile, world_s, msgspec.convert(arm, Arm))
    (plan,) = (plan for plan in make_plans(experiment, SEED, SIMULATION) if plan.sham)
    with tempfile.TemporaryDirectory(prefix="hormesis-bars-") as store:
        material = _material(experiment, Path(store), pace)
        begun_s = time.process_time()
        done = run_simulated(material, plan)
        cpu_s = time.process_time() - begun_s
    return {
        "pace": pace,
        "fidelity": "exact",
        "virtual_s": round(done.virtual_s, 3),
        "cpu_s": round(cpu_s, 3),
        "times_real": round(done.virtual_s / cpu_s, 1),
        "events_a_virtual_s": round(done.events / done.virtual_s, 1),
        "rows": len(done.history.rows),
        "sound": _is_sound(done),
    }


def _asked(profile: Profile, world_s: float, arm: Arm) -> Experiment:
    base = load_experiment(ROOT / "experiments" / "smoke" / "kill-one.yaml")
    scenario = msgspec.structs.replace(base.scenario, world_s_per_run_s=world_s)
    return msgspec.structs.replace(
        base, profile=profile, scenario=scenario, arms=(arm,), sham=True, repetitions=1
    )


def _material(experiment: Experiment, store: Path, pace: str) -> Material:
    python_path = import_path(experiment)
    template = ensure_template(
        experiment, cache=store / ".templates", python_path=python_path, progress=lambda _: None
    )
    material = open_material(experiment, template=template, python_path=python_path)
    paced = "sparse" if pace == "sparse" else "dense"
    return replace(material, observe_every_s=OBSERVED_S, pace=paced)


def _is_sound(done: SimulatedRun) -> bool:
    events = [entry.event for entry in done.history.entries]
    audited = [event for event in events if isinstance(event, Audited)]
    whole = all(one.missing == one.doubled == one.changed == 0 for one in audited)
    return done.state == "ended" and bool(audited) and whole and not done.errors


def _reaches(told: Mapping[str, object], wanted: float) -> bool:
    times = told["times_real"]
    return told["sound"] is True and isinstance(times, float) and times >= wanted
