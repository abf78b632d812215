"""The real command ``hormesis`` on a target one of whose steps never returns; allowances are cut to test it.

``python hanging.py STEP WORDS...``: STEP never returns: ``apply`` (with the fault in force), ``holds``
(a look at it), ``undo`` or ``is_clean``; ``stop`` is an undo that waits for somebody else to end the fault.
"""

from __future__ import annotations

import sys
import threading
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SHORT_S, TTL_S = 0.5, 2.0


def main() -> int:
    """Run the command; gives its exit code."""
    from harness.frontends.cli import main as hormesis
    from harness.guard import client
    from harness.run import episode, safety
    from harness.targets.local.procfs import is_stopped
    from harness.targets.local.target import LocalTarget

    really_apply = LocalTarget.apply

    def hangs(*_: object) -> None:
        threading.Event().wait()

    def applies_and_hangs(target: LocalTarget, effect: object, /) -> None:
        really_apply(target, effect)  # type: ignore[arg-type]
        hangs()

    def waits_for_others(_: LocalTarget, applied: object, /) -> bool:
        while is_stopped(applied.pid):  # type: ignore[attr-defined]
            threading.Event().wait(0.01)
        return True

    step, sys.argv[1:] = sys.argv[1], sys.argv[2:]
    if step == "stop":
        LocalTarget.undo = waits_for_others  # type: ignore[method-assign,assignment]
        client.TTL_S_MAX = TTL_S
    else:
        setattr(LocalTarget, step, applies_and_hangs if step == "apply" else hangs)
        episode.STEP_S = episode.APPLY_S = safety.IN_FORCE_S = client.HUNG_S = SHORT_S
    return hormesis()


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    sys.exit(main())
