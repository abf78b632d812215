"""``python -m reference_pipeline.deploy.model_fault TEMPLATE do|undo ACTION SCALE SHIFT``: model faults.

The program over ``reference_pipeline.model_faults``. Prints one JSON object: ``proof``, and where the
effect is ``seen`` from outside.
"""

from __future__ import annotations

import asyncio
import json
import sys
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path

from reference_pipeline import shell
from reference_pipeline.folders import DiskFolder
from reference_pipeline.model_faults import ModelFaults, NoSuchAction, better_by

_LIMIT_S = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Do or undo; 0 done, 2 where there is no such action."""
    template, verb, action, scale, shift = sys.argv[1:] if arguments is None else arguments
    faults = ModelFaults(
        ask=_asked,
        artefacts=DiskFolder(Path(shell.environment("STATES_DIR")) / "registry" / "registry" / "artefacts"),
        notes=DiskFolder(Path(shell.environment("HOOK_DIR"))),
        better=better_by(Path(template)),
    )
    try:
        said = asyncio.run(_done(faults, verb, action, (float(scale), float(shift))))
    except NoSuchAction as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except _Rejected as error:
        sys.stderr.write(f"{error}\n")
        return 1
    sys.stdout.write(json.dumps(said) + "\n")
    return 0


class _Rejected(Exception):
    """The registry said no."""


async def _done(
    faults: ModelFaults, verb: str, action: str, numbers: tuple[float, float]
) -> dict[str, object]:
    if verb == "undo":
        await faults.undo(action)
        return {}
    return await faults.do(action, *numbers)


async def _asked(method: str, route: str, body: bytes) -> bytes:
    return await asyncio.to_thread(_ask, method, route, body)


def _ask(method: str, route: str, body: bytes) -> bytes:
    """Ask the registry; its words go out with the error where it refuses."""
    request = urllib.request.Request(
        shell.environment("URL_REGISTRY") + route,
        data=body or None,
        method=method,
        headers={"Authorization": f"Bearer {shell.environment('SWITCH_TOKEN')}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_LIMIT_S) as reply:
            return bytes(reply.read())
    except urllib.error.HTTPError as error:
        raise _Rejected(f"{method} {route}: status {error.code}: {error.read()[:300]!r}") from error


if __name__ == "__main__":
    sys.exit(main())
