"""Opens the world that units are drawn from, wherever the driver runs.

Comes in: a ``Spec``. Goes out: the world, and what wrong decisions cost in it.
"""

from __future__ import annotations

import importlib
import math
import sys
from pathlib import Path
from typing import cast

from harness.driver.files import open_files
from harness.driver.spec import Spec
from harness.errors import Refused
from harness.ports import OpenWorld, World


def open_world(spec: Spec) -> World:
    """Open the world that ``spec`` names; raises Refused where there is no such function, or file."""
    if not spec.world:
        return open_files(spec)
    sys.path[:0] = [path for path in spec.world_path if path not in sys.path]
    module, _, function = spec.world.partition(":")
    try:
        opener = cast(OpenWorld, getattr(importlib.import_module(module), function))
    except (ImportError, AttributeError, ValueError) as error:
        raise Refused(f"world {spec.world!r} (module:function) cannot be opened: {error}") from error
    return opener(scenario=spec.scenario, seed=spec.seed, template=Path(spec.template))


def costs_of(world: World) -> dict[str, float] | None:
    """What wrong decisions cost, where the world is a ``Referee``."""
    if not hasattr(world, "costs"):
        return None
    missed, declined_good = map(float, world.costs())
    if not (0 <= missed < math.inf and 0 <= declined_good < math.inf):
        raise Refused(
            f"costs() of the world are {missed:g} and {declined_good:g}; give two finite numbers from 0"
        )
    return {"missed": missed, "declined_good": declined_good}
