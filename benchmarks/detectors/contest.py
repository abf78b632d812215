"""Measure the contestants of one module, in the environment that runs it: one JSON object on standard output.

``python -m benchmarks.detectors.contest benchmarks.detectors.own [--short] [--cpu]``; ``--cpu``: only what
a batch costs.
"""

from __future__ import annotations

import argparse
import importlib
import importlib.metadata
import json
import os
import sys
from collections.abc import Sequence

# One thread each: pools of threads would be charged to a detector, and disturb what runs beside it.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

from benchmarks.detectors.measure import FULL, SHORT, all_costs, all_figures  # noqa: E402 - numpy reads the above


def main(words: Sequence[str]) -> None:
    """Print versions and figures."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.detectors.contest")
    parser.add_argument("module")
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--cpu", action="store_true")
    asked = parser.parse_args(words)
    module = importlib.import_module(asked.module)
    versions = {name: importlib.metadata.version(name) for name in module.PACKAGES}
    measure = all_costs if asked.cpu else all_figures
    figures = measure(module.CONTESTANTS, SHORT if asked.short else FULL)
    print(json.dumps({"versions": versions, "figures": figures}, allow_nan=False))


if __name__ == "__main__":
    main(sys.argv[1:])
