"""What a service asked of the platform, read from the platform's ledger. Pure.

Comes in: ledger lines as events of the history. Goes out: ``Acted`` events of those that a service asked for.
"""

from __future__ import annotations

from collections.abc import Iterable

from harness.history.events import Acted, Platform

OBSERVER = "supervisor:/v1/ledger"


def asked_by_services(lines: Iterable[Platform], received_s: float) -> list[Acted]:
    """Give an ``asked`` act for each restart, start or stop that a service asked for, not the runner.

    >>> ours = Platform(at_s=1.0, service="gateway", act="asked", detail="restart")
    >>> healers = Platform(at_s=2.0, service="gateway", act="asked", detail="restart by healer")
    >>> [(act.at_s, act.service, act.detail) for act in asked_by_services([ours, healers], 2.5)]
    [(2.0, 'gateway', 'restart by healer')]
    """
    return [
        Acted(
            at_s=line.at_s,
            received_s=received_s,
            observer=OBSERVER,
            service=line.service,
            act="asked",
            detail=line.detail,
        )
        for line in lines
        if line.act == "asked" and " by " in line.detail
    ]
