"""The word, why, and what each claim rests on."""

from __future__ import annotations

from typing import Literal

import msgspec

Asks = Literal["", "recovery", "harm left", "availability", "exactly once", "acts where nothing is broken"]
Word = Literal["PASS", "DONE", "FAIL", "INCONCLUSIVE", "VOID", "UNSAFE"]


class _Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    pass


class Claim(_Frozen, frozen=True, kw_only=True, omit_defaults=True):
    """One objective judged on one class (or on all runs): its text, its word, its evidence.

    ``about``: the class (fault, subject, arm, restart profile) that it is of; None = it is no class's.
    ``more``: of an undecided one, how many further episodes or runs would settle it if they went as those
    seen; None = decided, or not known. ``asks`` what the objective asks for, "" = it is no objective's;
    ``limit_s`` and ``limit_ratio`` are its limits: so soon, in so large a share.
    """

    text: str
    word: Word
    evidence: str
    about: tuple[str, str, str, str] | None = None
    more: int | None = None
    asks: Asks = ""
    limit_s: float | None = None
    limit_ratio: float | None = None


class Verdict(_Frozen, frozen=True, kw_only=True):
    """The judgement of a campaign. ``why`` is one sentence; ``next`` the next command to type."""

    word: Word
    exit_code: int
    why: str
    claims: tuple[Claim, ...]
    next: str
