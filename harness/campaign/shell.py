"""What the processes of a campaign are started with; beside ``harness.shell`` the only place that sets it.

Comes in: nothing. Goes out: an environment that children inherit.
"""

from __future__ import annotations

import os

from harness.shell import ONE_THREAD


def pin_children() -> None:
    """Let children started from now on use one thread a pool, and one order of hashes."""
    os.environ.update(ONE_THREAD | {"PYTHONHASHSEED": "0"})
