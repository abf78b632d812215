"""What a comparison of two campaigns says, as `compare --json` prints it."""

from __future__ import annotations

import msgspec

from harness.archive.model import Kind
from harness.estimates.compared import Difference, NotBack, RateRatio, Ratio
from harness.estimates.model import Quantile, Share


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Change(_Frozen, frozen=True, kw_only=True):
    """An input in which A and B differ. ``blocks``: figures measured so differently are never compared."""

    what: str
    a: str
    b: str
    blocks: bool = False


class PhaseChange(_Frozen, frozen=True, kw_only=True):
    """One phase: its length was told in ``told_a`` and ``told_b`` episodes with impact."""

    phase: str
    told_a: int
    told_b: int
    a: Quantile
    b: Quantile
    ratio: Ratio


class ClassChange(_Frozen, frozen=True, kw_only=True):
    """One class in A and in B. ``why``: why it cannot be compared, "" = it is. ``phases`` empty: not told."""

    fault: str
    subject: str
    arm: str
    restart_profile: str
    why: str = ""
    horizon_s: float
    n_a: int
    n_b: int
    void_a: int
    void_b: int
    impact_a: Share
    impact_b: Share
    median_a: Quantile
    median_b: Quantile
    ratio: Ratio
    not_back: NotBack
    lost: Difference
    phases: tuple[PhaseChange, ...] = ()


class HealsChange(_Frozen, frozen=True, kw_only=True):
    """False heals of one arm in A and in B."""

    arm: str
    restart_profile: str
    rates: RateRatio


class Named(_Frozen, frozen=True, kw_only=True):
    """A campaign as a comparison names it."""

    name: str
    kind: Kind
    word: str
    why: str
    started_utc: str
    runs: int


class Comparison(_Frozen, frozen=True, kw_only=True):
    """B beside A. ``refused``: why nothing of it may be compared, empty = it was. ``pairing``: how runs of
    one belong to those of the other; ``paired``: whether they do. ``only_a``, ``only_b``: classes of one
    side alone.
    """

    version: int = 1
    a: Named
    b: Named
    changes: tuple[Change, ...]
    refused: tuple[str, ...] = ()
    paired: bool = False
    pairing: str = ""
    classes: tuple[ClassChange, ...] = ()
    only_a: tuple[str, ...] = ()
    only_b: tuple[str, ...] = ()
    heals: tuple[HealsChange, ...] = ()
