"""Process faults: a process dies (``process.kill``) or stands still (``process.hang``).

Origin. Kill: out-of-memory kills, evictions, segmentation faults, a deploy without drain; the
kernel says so at once and the port refuses. Hang: a lock never released, a dead disk, a stopped
container; the port still accepts and nothing answers, so nothing that only watches the pid sees it.

Comes in: parameters from an experiment. Goes out: one ``Effect``. The table is ``catalog.py``.
"""

from __future__ import annotations

from typing import Annotated

import msgspec

from harness.faults.effects import Kill, Pause

# "(?!\n)": in Python "$" also matches before a last newline, and "a\n" is no name.
ServiceName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,62}$(?!\n)")]


class KillParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``service``: the name in the system file whose one process gets SIGKILL."""

    service: ServiceName


class HangParameters(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """``service``: whose one process gets SIGSTOP. ``duration_s``: then SIGCONT; without it, sticky."""

    service: ServiceName
    duration_s: Annotated[float, msgspec.Meta(gt=0)] | None = None


def compile_kill(parameters: KillParameters) -> Kill:
    """Compile ``process.kill``.

    >>> compile_kill(KillParameters(service="gateway"))
    Kill(service='gateway')
    """
    return Kill(service=parameters.service)


def compile_hang(parameters: HangParameters) -> Pause:
    """Compile ``process.hang``.

    >>> compile_hang(HangParameters(service="scorer-a", duration_s=3.0))
    Pause(service='scorer-a', duration_s=3.0)
    """
    return Pause(service=parameters.service, duration_s=parameters.duration_s)
