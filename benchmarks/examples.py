"""Makes the examples of reports on the virtual clock: ``python -m benchmarks.examples [FOLDER]``.

Comes in: a folder, ``reports/examples`` where none is named. Goes out: the report of a campaign of runs as
page and JSON, done twice so that it has a past; the page of a campaign of simulated pairs; the index of the
store's site. Those of processes are made by the parts ``process_faults`` and ``parity`` of the bars.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path

from harness.archive.past import remember
from harness.archive.publishing import publish
from harness.campaign.asking import Wanted
from harness.experiment.load import load_experiment
from harness.frontends.commands.campaign import conduct, pool
from harness.plan.safety import SIMULATION
from harness.plan.schedule import make_plans
from harness.run.campaign import run_campaign

ROOT = Path(__file__).resolve().parents[1]
# Relative, as a user would type it: the report prints it as the command that gives the same again.
SMOKE = Path(os.path.relpath(ROOT / "experiments" / "smoke"))
SEED = 20_07
PAIRS = 20
BYTES_MAX = 300_000


def main(out: Path) -> None:
    """Run, and write the files; each must be small enough to be kept."""
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="hormesis-examples-") as scratch:
        store = Path(scratch)
        run = [_runs(store), _runs(store)][-1]
        for ending in ("html", "json"):
            shutil.copyfile(run / f"report.{ending}", out / f"simulated-runs.{ending}")
        _, _, pairs = conduct(
            load_experiment(SMOKE / "pairs.yaml"), Wanted(seed=SEED, pairs_max=PAIRS), pool, store
        )
        publish(store, store / "site")
        shutil.copyfile(store / "site" / "campaigns" / f"{pairs.name}.html", out / "simulated-pairs.html")
        shutil.copyfile(store / "site" / "index.html", out / "history-site.html")
    large = [file.name for file in out.iterdir() if file.stat().st_size > BYTES_MAX]
    if large:
        raise SystemExit(f"larger than {BYTES_MAX} bytes: {', '.join(large)}")


def _runs(store: Path) -> Path:
    experiment = load_experiment(SMOKE / "kill-one.yaml")
    plans = make_plans(experiment, SEED, SIMULATION)
    folder = run_campaign(plans, experiment, store=store, seed=SEED, progress=_say)
    remember(folder)
    return folder


def _say(line: str) -> None:
    print("  " + line, flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "reports" / "examples")
