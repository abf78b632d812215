"""Which model served around one fault, as values; made by ``episodes.served``."""

from __future__ import annotations

from typing import Literal

import msgspec


class _Frozen(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The options of every type here."""


class ServedVersion(_Frozen, frozen=True, kw_only=True):
    """A stretch of full answers by a model version, from the first to the last; seconds since the fault.

    A version that was put back has one before and one after (``episodes.served.APART_UNITS``). ``units``: the
    answers in this stretch.
    """

    version: str
    from_s: float
    until_s: float
    units: int


class ModelChange(_Frozen, frozen=True, kw_only=True):
    """An alias that was seen to move, ``what`` from where to where; ``by`` the harness's hook or others."""

    at_s: float
    what: str
    by: Literal["healer", "harness"]


class ModelTold(_Frozen, frozen=True, kw_only=True):
    """What the healer says of the model: its own words, which give reasons and no figures."""

    at_s: float
    what: str
    reason: str


class ModelTimeline(_Frozen, frozen=True, kw_only=True):
    """Which model served around one fault (``episodes.served``); ``served`` by the first answer."""

    served: tuple[ServedVersion, ...]
    changes: tuple[ModelChange, ...]
    told: tuple[ModelTold, ...]
