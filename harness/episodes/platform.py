"""Harm that the platform did itself: it gave up restarting, ended what nobody was to hit, or left an orphan.

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
_What = Literal["gave up", "took down", "left an orphan"]
_HARMS: dict[str, _What] = {"gave_up": "gave up", "orphan": "left an orphan"}


class PlatformHarm(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the platform did to ``service``, ``at_s`` after the first fault.

    ``gave up``: its loop has ended, and nobody starts it again; ``took down``: a process of it ended that the
    harness did not hit, and that nobody had asked for; ``left an orphan``: a process of a former life
    kept its port, so that nobody of now could serve.
    """

    at_s: float
    service: str
    what: _What


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
    orphaned = set[str]()
    for line in ledger:
        if line.act == "asked" and line.detail == "shutdown":
            break
        if line.act in ("asked", "killed"):
            excused.add(line.service)  # its next end was wanted, or is told by the act itself
        elif line.act == "started":
            excused.discard(line.service)
        if line.act == "orphan":
            orphaned.add(line.service)  # whoever is started now cannot have the port, and ends for that
        elif line.act in ("ready", "orphan_ended"):
            orphaned.discard(line.service)
        ended = line.act in ("exited", "ended") and line.detail != _WITH_LOOP
        taken = ended and not {line.service} & (excused | orphaned) and line.pid not in hit
        what: _What | None = "took down" if taken else _HARMS.get(line.act)
        if what is not None and line.at_s >= from_s:
            found.append(
                PlatformHarm(at_s=round(line.at_s - from_s, _DIGITS), service=line.service, what=what)
            )
    return tuple(found)
