"""What a gate weighs: one run's recoveries, and how it healed where nothing was broken. Pure."""

from __future__ import annotations

import hashlib

import msgspec


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Recovery(_Frozen, frozen=True, kw_only=True, array_like=True):
    """One fault of one run, under the name ``label`` of its class; the slowest where it occurs twice.

    ``time_s`` from the injection until served again, 0 where nothing was noticed, None = not within the
    horizon. ``void``: it cannot be counted, which hides the worst. ``kept_ratio``: the share of good service
    that was kept in the horizon (docs/score.md); None = not known.
    """

    label: str
    time_s: float | None
    void: bool = False
    kept_ratio: float | None = None


class RunOutcome(_Frozen, frozen=True, kw_only=True, array_like=True):
    """One run with faults, and the shams beside it. ``name`` is told apart from that of any other run.

    ``harmed``: whether one of its episodes lost more service than its twin without healing, None = no twin.
    ``false_heals`` in ``quiet_h`` hours in which nothing was broken and each act would have been seen; None
    = there were none. ``exactly_once`` None: not observable. ``unsafe``: no clean state was proven.
    ``beside``: the recoveries of the version that ran beside it, in an order that a coin decided; none
    where nothing did.
    """

    name: str
    recoveries: tuple[Recovery, ...] = ()
    harmed: bool | None = None
    false_heals: int | None = None
    quiet_h: float = 0.0
    exactly_once: bool | None = None
    unsafe: bool = False
    beside: tuple[Recovery, ...] = ()


def die_of(run: RunOutcome, label: str) -> float:
    """A number in [0, 1) that decides among equal times: of this run and class, and the same for everybody.

    >>> run = RunOutcome(name="weekly-1 pair 3")
    >>> round(die_of(run, "process.kill scorer-a"), 6), die_of(run, "a") == die_of(run, "b")
    (0.492267, False)
    """
    digest = hashlib.blake2b(f"{run.name}\n{label}".encode(), digest_size=7).digest()
    return int.from_bytes(digest, "big") / 2**56
