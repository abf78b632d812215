"""What a store held when a campaign ended: earlier ones of its question, and what changed since the last.

Types alone, the contents of ``past.json`` in a campaign's folder. Made by ``archive.past``, because whoever
reads a campaign's folder alone (``report.compose``) must see the same on every machine.
"""

from __future__ import annotations

import msgspec

from harness.estimates.compared import Ratio
from harness.estimates.model import Mean, Quantile


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class InputChange(_Frozen, frozen=True, kw_only=True):
    """An input in which this campaign differs from the last one; ``blocks``: so its figures are others."""

    what: str
    before: str
    now: str
    blocks: bool = False


class ClassSince(_Frozen, frozen=True, kw_only=True):
    """A class beside the last time: its median then, and how many times as long it takes now."""

    fault: str
    service: str
    arm: str
    restart_profile: str
    horizon_s: float
    before: Quantile
    ratio: Ratio


class Since(_Frozen, frozen=True, kw_only=True):
    """The last campaign of the question of which figures count, else the last.

    ``refused``: why no figure of it may stand beside; "" = they may. A is then, B is now.
    """

    id: str
    started_utc: str
    word: str
    changes: tuple[InputChange, ...]
    refused: str = ""
    pairing: str = ""
    classes: tuple[ClassSince, ...] = ()


class PastScore(_Frozen, frozen=True, kw_only=True):
    """A score as it was; ``why``: why it was not published, "" = it was."""

    name: str
    arm: str
    restart_profile: str
    points: Mean
    why: str = ""


class PastClass(_Frozen, frozen=True, kw_only=True):
    """The recovery of a class as it was."""

    fault: str
    service: str
    arm: str
    restart_profile: str
    horizon_s: float
    median: Quantile


class PastCampaign(_Frozen, frozen=True, kw_only=True):
    """One earlier campaign. ``gap``: why none of its figures counts, "" = they do.

    ``breaks``: what was another than in the one before, so that the two are not one line.
    """

    id: str
    started_utc: str
    word: str = ""
    gap: str = ""
    breaks: tuple[str, ...] = ()
    scores: tuple[PastScore, ...] = ()
    classes: tuple[PastClass, ...] = ()


class Past(_Frozen, frozen=True, kw_only=True):
    """Earlier campaigns, newest last; ``breaks``: what is another now than in the newest of them.

    ``since`` None: none of them can be read.
    """

    campaigns: tuple[PastCampaign, ...]
    breaks: tuple[str, ...] = ()
    since: Since | None = None
