"""Harm that the platform did itself: it gave up restarting, or what nobody was to hit was ended.

In: the platform's ledger and what was injected. Out: ``PlatformHarm`` values. Who ended a process is not told
by the process table; what is told is that the harness did not, that nobody asked for it, and that a fault was
there or had been.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from harness.history.events import HitAgain, Injected, Platform

_WITH_LOOP = "with its loop"
_DIGITS = 3


class PlatformHarm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the platform did to ``service``, ``at_s`` after the first fault.

    ``gave up``: its loop has ended, and nobody starts it again; ``took down``: a process of it ended that the
    harness did not hit, and that nobody had asked for.
    """

    at_s: float
    service: str
    what: Literal["gave up", "took down"]


def platform_harms(
    ledger: Sequence[Platform], injected: Iterable[Injected], again: Iterable[HitAgain] = ()
) -> tuple[PlatformHarm, ...]:
    """Give each harm since the first fault, in order; instants count from its injection.

    ``again``: the further kills of successions, whose processes nobody else ended.

    Without a fault there is none: what ends by itself then has crashed.

    >>> gone = Platform(at_s=3.0, service="a", act="gave_up")
    >>> platform_harms([gone], [])
    ()
    """
    faults = [one for one in injected if not one.sham]
    from_s = min((one.asked_at_s for one in faults), default=float("inf"))
    hit = {one.pid for one in faults} | {one.pid for one in again}
    excused, found = set[str](), list[PlatformHarm]()
    for line in ledger:
        if line.act == "asked" and line.detail == "shutdown":
            break
        if line.act in ("asked", "killed"):
            excused.add(line.service)  # its next end was wanted, or is told by the act itself
        elif line.act == "started":
            excused.discard(line.service)
        ended = line.act in ("exited", "ended") and line.detail != _WITH_LOOP and line.service not in excused
        taken = ended and line.pid not in hit
        if line.at_s >= from_s and (taken or line.act == "gave_up"):
            at_s = round(line.at_s - from_s, _DIGITS)
            found.append(
                PlatformHarm(at_s=at_s, service=line.service, what="took down" if taken else "gave up")
            )
    return tuple(found)
